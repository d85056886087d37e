package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

const (
	defaultQuota   = 1 << 40   // bytes
	defaultReserve = 256 << 20 // bytes
)

// KeeperOptions are what a custodian needs besides its disk.
type KeeperOptions struct {
	Chain   string       // the ledger's name, verify.Genesis.Chain
	Org     verify.OrgID // of this node
	Members peer.Members // whose signatures count
	// Sign signs with the organisation's key.
	Sign func(message []byte) (verify.Signature, error)
	// Anchored gives an owner's anchor as this node's own copy of the ledger has it; ok is false while it has none of that
	// number. It must not wait for the ledger.
	Anchored func(ctx context.Context, owner verify.OrgID, seq uint64) (anchor *verify.Anchor, ok bool, err error)

	Quota   int64        // bytes held for one owner at most; 1 TiB if zero
	Reserve int64        // bytes of the disk left to the node itself; 256 MiB if zero
	Log     *slog.Logger // told of alarms; nil for silence
}

// Keeper is the custodian's side: it keeps for other members what they must not lose, shows it to nobody who has no business with
// it, and vouches only for what it holds. It is an http.Handler for a peer.Server, and safe for concurrent use.
type Keeper struct {
	dir  string
	opt  KeeperOptions
	mux  *http.ServeMux
	book *book

	mu      sync.Mutex
	shelves map[verify.OrgID]*shelf // opened so far
	closed  bool

	claimed atomic.Int64 // bytes of all claims not settled yet

	ctx     context.Context // until Close
	stop    context.CancelFunc
	renewal sync.WaitGroup // what is made anew in a book that was lost
}

// OpenKeeper opens, or begins, what is held in dir. What was held before is opened at once, so that damage shows at start.
func OpenKeeper(dir string, opt KeeperOptions) (*Keeper, error) {
	if opt.Quota == 0 {
		opt.Quota = defaultQuota
	}
	if opt.Reserve == 0 {
		opt.Reserve = defaultReserve
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("custody: create %s: %w", dir, err)
	}
	k := newKeeper(dir, opt)
	err := k.open()
	if errors.As(err, new(*BookDamage)) { // met beyond what was looked through: it is condemned now
		err = k.Close()
		k = newKeeper(dir, opt)
		err = errors.Join(err, k.open())
	}
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

func newKeeper(dir string, opt KeeperOptions) *Keeper {
	k := &Keeper{dir: dir, opt: opt, shelves: make(map[verify.OrgID]*shelf)}
	k.ctx, k.stop = context.WithCancel(context.Background())
	k.route()
	return k
}

func (k *Keeper) open() error {
	owners, err := ownersIn(k.dir)
	if err != nil {
		return err
	}
	if err := k.openBook(owners); err != nil {
		return err
	}
	for _, owner := range owners {
		if _, err := k.shelf(owner); err != nil {
			return err
		}
	}
	return nil
}

// ownersIn are those for whom something is held in dir.
func ownersIn(dir string) (list []verify.OrgID, err error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("custody: list %s: %w", dir, err)
	}
	for _, d := range names {
		var owner verify.OrgID
		if owner.UnmarshalText([]byte(d.Name())) == nil && d.IsDir() {
			list = append(list, owner)
		}
	}
	return list, nil
}

// Close releases the files. Requests must have ended: shut the peer.Server down first.
func (k *Keeper) Close() error {
	k.stop()
	k.renewal.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil
	}
	k.closed = true
	var err error
	for _, s := range k.shelves {
		err = errors.Join(err, s.mirror.Close())
	}
	if k.book != nil {
		err = errors.Join(err, k.book.close())
	}
	return err
}

// shelf gives the place of an owner's things, opening it where it is not.
func (k *Keeper) shelf(owner verify.OrgID) (*shelf, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, journal.ErrClosed
	}
	if s := k.shelves[owner]; s != nil {
		return s, nil
	}
	s, err := openShelf(filepath.Join(k.dir, owner.String()), owner, func(damage string) { k.alarm(owner, "damage", 0, damage) })
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.countPages(k.book), k.renew(s)); err != nil {
		return nil, errors.Join(err, s.mirror.Close())
	}
	k.shelves[owner] = s
	return s, nil
}

// alarm writes an alarm down and tells the log. That it could not be written must not hide the refusal it goes with.
func (k *Keeper) alarm(owner verify.OrgID, code string, entry uint64, detail string) {
	k.opt.Log.Error("custody: "+detail, "owner", owner, "code", code, "entry", entry)
	if err := k.book.raise(owner, code, entry, detail); err != nil {
		k.opt.Log.Error("custody: the alarm could not be written down", "owner", owner, "err", err)
	}
}

func (k *Keeper) route() {
	k.mux = http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request, *visit) error{
		"POST " + pathJournal:        k.putFrames,
		"POST " + pathStream:         k.stream,
		"GET " + pathJournal:         k.getFrames,
		"GET " + pathEntry:           k.getEntry,
		"PUT " + pathBlob + "{hash}": k.putBlob,
		"GET " + pathBlob + "{hash}": k.getBlob,
		"POST " + pathMissing:        k.missingBlobs,
		"POST " + pathPages:          k.putPages,
		"GET " + pathPages:           k.getPages,
		"DELETE " + pathPages:        k.dropPages,
		"POST " + pathAttest:         k.attest,
		"GET " + pathHeld:            k.getHeld,
		"POST " + pathVoid:           k.withdraw,
	} {
		k.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { k.serve(w, r, handle) })
	}
}

// visit is a request being served.
type visit struct {
	w     http.ResponseWriter
	owner verify.OrgID // the caller, proven by its certificate
	*shelf
}

// ServeHTTP answers a member's request; the caller is taken from peer.Caller, and without one nothing is answered.
func (k *Keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) { k.mux.ServeHTTP(w, r) }

func (k *Keeper) serve(w http.ResponseWriter, r *http.Request, handle func(*http.Request, *visit) error) {
	caller, ok := peer.Caller(r.Context())
	if !ok || caller == k.opt.Org {
		peer.Refuse(w, refuse(http.StatusForbidden, codeForbidden, "only other members are served", 0))
		return
	}
	s, err := k.shelf(caller)
	if err == nil {
		err = handle(r, &visit{w: w, owner: caller, shelf: s})
	}
	if err != nil {
		peer.Refuse(w, k.problem(caller, err))
	}
}

// readBody reads a whole body of at most limit bytes.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	// The length is only believed as far as bytes come.
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && r.ContentLength > int64(len(b)) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && int64(len(b)) > limit {
		err = &http.MaxBytesError{Limit: limit}
	}
	return b, cutShort(err)
}

// cutShort marks an error of the caller's connection as no fault of this node.
func cutShort(err error) error {
	if err == nil || errors.As(err, new(*http.MaxBytesError)) {
		return err
	}
	return malformed("the body was cut short")
}
