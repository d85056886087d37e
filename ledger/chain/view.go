package chain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// View is the history of an engine that does not run, as its directory holds it. Reading it writes nothing: it may lie on a medium that
// cannot be written to.
type View struct {
	store *store // nil before the first block
	state *state
	lease *os.File // nil where there is none
}

var _ ledger.NotesChain = (*View)(nil)

// Inspect reads everything in an engine's directory that bears a checksum, or can at least be parsed, and gives the history in it. Of the
// configuration only Dir, Keys and Genesis count; without a Genesis, or where the state is damaged, there is no history to give: View.Whole
// tells. The caller closes the View. Errors: ErrInUse, those of the disk.
func Inspect(cfg Config) (_ *View, found []ledger.Damage, err error) {
	v := new(View)
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	if v.lease, err = shareLease(cfg.keys()); err != nil {
		return nil, nil, err
	}
	if found, err = CheckKeys(cfg.keys()); err != nil {
		return nil, nil, err
	}
	state := filepath.Join(cfg.Dir, "state")
	tables, err := checkState(state)
	if err != nil {
		return nil, nil, err
	}
	chain, blocks, err := checkComet(filepath.Join(cfg.Dir, "data"))
	if err != nil {
		return nil, nil, err
	}
	found = append(append(found, tables...), blocks...)
	if cfg.Genesis == nil {
		return v, found, nil
	}
	if chain != "" && chain != cfg.Genesis.Chain() {
		return v, append(found, ledger.Damage{
			What: "genesis", Detail: fmt.Sprintf("the ledger kept here is %s, the genesis is of %s", chain, cfg.Genesis.Chain()),
		}), nil
	}
	damage, err := v.open(state, cfg.Genesis)
	if damage != nil && len(tables) == 0 {
		found = append(found, *damage)
	}
	return v, found, err
}

// History gives the history in an engine's directory as it is; View.Whole tells whether there is one. The caller closes the View. Errors:
// ErrInUse, those of the disk.
func History(cfg Config) (_ *View, err error) {
	v := new(View)
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	if v.lease, err = shareLease(cfg.keys()); err != nil {
		return nil, err
	}
	_, err = v.open(filepath.Join(cfg.Dir, "state"), cfg.Genesis)
	return v, err
}

// open opens the state. Damage leaves the View without a history.
func (v *View) open(dir string, g *verify.Genesis) (*ledger.Damage, error) {
	begin, _ := genesisState(g)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		v.state = begin
		return nil, nil
	}
	st, err := openPebble(dir, pebbleLog{slog.New(slog.DiscardHandler), new(shortage)}, true)
	if err == nil {
		v.store = st
		if _, err = st.get([]byte{rowRestore}); err == nil { // a snapshot half taken in is no history
			v.state = begin
			return nil, nil
		}
		if errors.Is(err, ledger.ErrNotFound) {
			v.state, err = st.load()
		}
		if tables, globErr := filepath.Glob(filepath.Join(dir, "*.sst")); errors.Is(err, ledger.ErrNotFound) && globErr == nil && len(tables) == 0 {
			v.state, err = begin, nil
		} else if errors.Is(err, ledger.ErrNotFound) { // Pebble passes over the damaged end of its list of tables
			err = errors.New("the list of tables is damaged: there are tables, and it leads to none of the state")
		}
	}
	var damage *ledger.Damage
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &damage):
	case ofDisk(err):
		return nil, err
	default:
		damage = stateDamage(dir, err)
	}
	v.state = nil
	return damage, nil
}

// shareLease keeps the engine from starting while its directory is read.
func shareLease(dir string) (*os.File, error) {
	path := filepath.Join(dir, leaseFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it never ran here
	}
	if err != nil {
		return nil, fmt.Errorf("chain: lease: %w", err)
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("%w (%s)", ErrInUse, path), f.Close())
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP): // not every medium knows locks
		return f, nil
	case err != nil:
		return nil, errors.Join(fmt.Errorf("chain: lease: %w", err), f.Close())
	}
	return f, nil
}

// Whole tells whether there is a history to read.
func (v *View) Whole() bool { return v.state != nil }

// Close closes the files.
func (v *View) Close() error {
	var err error
	if v.store != nil {
		err = v.store.close()
	}
	if v.lease != nil {
		err = errors.Join(err, v.lease.Close())
	}
	return err
}

// Status gives height and size of the log, and from where the history was taken in as a snapshot.
func (v *View) Status(context.Context) (*ledger.Status, error) {
	s := &ledger.Status{Height: v.state.Height, LogSize: v.state.log.size, Sealed: v.state.Sealed}
	if v.state.Height > 0 {
		s.Begun = v.store.begun()
	}
	return s, nil
}

// Follow gives the blocks there are. After the last it returns nil: nothing follows.
func (v *View) Follow(ctx context.Context, from int64, fn func(*ledger.Block) error) error {
	for height := max(from, 1); height <= v.state.Height; height++ {
		b, err := v.store.block(height)
		if err == nil {
			err = fn(b)
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// MembersAt gives the membership by which the transactions of a height were judged.
func (v *View) MembersAt(_ context.Context, height int64) (*ledger.Membership, error) {
	if height < 1 || height > v.state.Height {
		return nil, fmt.Errorf("%w: height %d", ledger.ErrNotFound, height)
	}
	return v.store.membersAt(height)
}

// LogRoot gives the root of the global log of a size.
func (v *View) LogRoot(_ context.Context, size uint64) (verify.Hash, error) {
	if err := within(size, v.state); err != nil {
		return verify.Hash{}, err
	}
	if size == 0 {
		return frontier{}.root(), nil
	}
	f, err := v.store.frontierAt(size)
	return f.root(), err
}

// errThis ends a search that found what it was for.
var errThis = errors.New("found")

// MembersOf gives a membership that was in force, by its hash.
func (v *View) MembersOf(_ context.Context, hash verify.Hash) (m *ledger.Membership, err error) {
	if verify.MembersHash(v.state.roster.Members) == hash {
		return &v.state.roster.Membership, nil
	}
	if v.store == nil {
		return nil, ledger.ErrNotFound
	}
	err = v.store.each([]byte{rowMember}, []byte{rowMember + 1}, func(k, _ []byte) error {
		rec, err := v.store.record(heightOf(k))
		if err == nil && rec.Members != nil && verify.MembersHash(rec.Members.Members) == hash {
			m, err = rec.Members, errThis
		}
		return err
	})
	switch {
	case m != nil:
		return m, nil
	case err != nil:
		return nil, err
	}
	return nil, ledger.ErrNotFound
}

func (s *store) membersAt(height int64) (*ledger.Membership, error) {
	_, rec, err := s.memberHeight(height-1, func(r *record) bool { return r.Members != nil })
	if err != nil || rec == nil {
		return nil, errors.Join(fmt.Errorf("chain: the membership at height %d is not in the state", height), err)
	}
	return rec.Members, nil
}
