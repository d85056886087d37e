package record

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// Errors that gates translate into their protocol's answers. They come wrapped.
var (
	ErrForbidden   = errors.New("not permitted")                                    // by policy
	ErrNotFound    = errors.New("no such resource")                                 // never existed
	ErrGone        = errors.New("resource is deleted")                              // existed once
	ErrConflict    = errors.New("another version is current")                       // Change.IfVersion does not hold
	ErrExists      = errors.New("identifier is taken")                              // OpCreate of an ID that exists
	ErrCursor      = errors.New("page cursor is not valid")                         // Query.After, AuditQuery.After
	ErrCostly      = errors.New("too much would have to be looked through")         // Match; a search by what others say, or in an order
	ErrStale       = errors.New("what resources are found by has changed")          // Query.Stale
	ErrExpired     = errors.New("the search began too long ago")                    // Query.After
	ErrTooLarge    = errors.New("too large to store")                               //
	ErrUnavailable = errors.New("the record is not accepting requests")             // disk full, fsync failed, stopping
	ErrDamaged     = errors.New("content is damaged and no custodian has it whole") //
)

// Access says who asks and why. It comes from an authenticated request, never from the client's word alone.
type Access struct {
	Actor   string   // who, as the token names them
	Role    string   // e.g. "clinician"
	Purpose string   // v3-ActReason code, e.g. "TREAT"
	Org     string   // organisation the actor belongs to
	Request [16]byte // joins the entries that one request leaves
	Chart   string   // "Patient/ID": the only chart this access reaches; "" for no such limit
	Detail  string   // what was asked, e.g. "GET Observation?code=…"
	Within  string   // what the parts of it asked for, which concern several charts: said in the organisation's own entry alone
}

// Op is what a Change does.
type Op uint8

// The operations. OpUpdate creates the resource when it does not exist or was deleted.
const (
	OpCreate Op = 1
	OpUpdate Op = 2
	OpDelete Op = 3
)

// Change is one resource's part in a write. The gate has checked its structure; the Store seals and orders it.
type Change struct {
	Op       Op
	Type, ID string
	Source   []byte // as received, byte for byte; nil for OpDelete

	// Edits turns Source into the form that is served, once version and time are known. It gives the same for the same arguments.
	// Nil: it is served as received.
	Edits func(version uint64, at time.Time) []Edit

	Chart       string      // "Patient/…", or "" when it belongs to no patient; unset for OpDelete
	Compartment Compartment // under whose key it is sealed; unset for OpDelete
	Terms       []term.Term // how it is found; besides, every resource is found by _id and _lastUpdated
	Rules       uint64      // the number of the Rules that Terms were made by

	IfVersion uint64 // 0, or the version that must be the current one; AnyVersion asks only that there is one
	Known     bool   // of an update: the resource must be, or have been, there; otherwise ErrNotFound
	Repeats   bool   // of WriteEach: the request has brought the resource already; what would change it is refused
	Fresh     bool   // of a create: the id was made for it a moment ago and is nobody else's, so that what is there need not be looked up
}

// AnyVersion stands for whatever version is current, of a resource that is not deleted.
const AnyVersion = math.MaxUint64

// Compartment is the part of a chart whose key seals a resource.
type Compartment = vault.Compartment

// The compartments that resources are sealed under, as the vault has them.
const (
	General     = vault.General
	Labs        = vault.Labs
	Imaging     = vault.Imaging
	Medications = vault.Medications
	Mental      = vault.Mental
	Sexual      = vault.Sexual
	Genomic     = vault.Genomic
)

// GoneError is the ErrGone of a version that is a deletion, to who may know of it.
type GoneError struct{ Head }

// Error says that there was something.
func (*GoneError) Error() string { return ErrGone.Error() }

// Unwrap gives ErrGone.
func (*GoneError) Unwrap() error { return ErrGone }

// ChangeError says which of the changes given to Write failed it: by its place, for errors reach logs, and ids name patients.
type ChangeError struct {
	Index int // into the changes
	Err   error
}

// Error gives the place and the reason.
func (e *ChangeError) Error() string { return fmt.Sprintf("change %d: %v", e.Index, e.Err) }

// Unwrap gives the reason.
func (e *ChangeError) Unwrap() error { return e.Err }

// Edit replaces Delete bytes of the source at Offset by Insert. A list of edits is in ascending order without overlap.
type Edit struct {
	Offset, Delete int
	Insert         []byte
}

// Spliced gives a source with its edits made: the source itself where there are none. Edits that are not of it are an error.
func Spliced(source []byte, edits []Edit) ([]byte, error) {
	if len(edits) == 0 {
		return source, nil
	}
	n := len(source)
	for _, e := range edits {
		n += len(e.Insert)
	}
	out, at := make([]byte, 0, n), 0
	for _, e := range edits {
		if e.Offset < at || e.Delete < 0 || e.Offset+e.Delete > len(source) {
			return nil, fmt.Errorf("edit at %d: %w", e.Offset, errContent)
		}
		out = append(out, source[at:e.Offset]...)
		out = append(out, e.Insert...)
		at = e.Offset + e.Delete
	}
	return append(out, source[at:]...), nil
}

// Query is a search of one type. All clauses must hold.
type Query struct {
	Type   string
	All    []term.Clause
	Sort   []term.Sort // without any, in the order in which versions were written, or told anew to the index
	Count  int         // most matches of a page; 0 for the total alone
	Exact  bool        // the total is to be counted, however many there are
	After  string      // Page.Next of the page before
	Detail string      // the search as asked, for the entry
	Whole  bool        // all that Detail says is true of whatever is found: the charts' entries may say it too

	// Stale, unless nil, is asked once all matches are found, and before any is released: it tells whether the rules have changed since the query was read.
	Stale func() bool

	// Keep, unless nil, is asked of each match in their order, and what it says no to is not released. Page.Total counts it all the same.
	Keep func(*Version) bool
}

// HistoryQuery selects versions: those of one resource, or of all resources of some types.
type HistoryQuery struct {
	Types []string
	ID    string  // of a resource of the only type; "" for all
	Since int64   // Unix milliseconds that a version must not be older than; 0 for all
	At    *Period // in which a version must have been the current one; nil for all
	Count int
	After string // Page.Next of the page before; of one resource, the version that the page goes on from
}

// Period is from one millisecond to another, both in it, in Unix time.
type Period struct{ From, To int64 }

// String gives both ends; of none, nothing.
func (p *Period) String() string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d–%d", p.From, p.To)
}

// Version is one version of one resource.
type Version struct {
	Type, ID string
	Version  uint64
	Updated  time.Time
	Op       Op     // what made it; OpCreate also for an update that found nothing current
	Chart    string // as in Change
	Body     []byte // as served; nil for OpDelete
	Source   []byte // as received; nil in a Page
	Damaged  bool   // in a Page: it does not open and no custodian could give it whole; Body and Source are nil
}

// Head is what Peek and Match tell of a resource.
type Head struct {
	Type, ID string
	Version  uint64
	Updated  time.Time
	Deleted  bool
	Chart    string
}

// Page is a part of a search's matches or of a history. It may hold fewer versions than were asked for, with a Next: it ends after 8 MiB too.
type Page struct {
	Versions []Version
	Total    int    // of all pages; -1 when it is not known
	Next     string // opaque, safe in a URL; "" on the last page
	First    string // of a first page with a Next: by which it can be had again, of the same moment; "" where it can not
	Missing  bool   // of a search: something may match that could not be read, and is not looked for
}

// Commit is what Write did.
type Commit struct {
	Versions []Version // one for each Change, in their order
	Copies   int       // custodians that hold it, besides this node

	// Anchored waits until the entries are in a block. It returns ctx.Err() when ctx ends first.
	Anchored func(ctx context.Context) error
}

// AuditQuery selects entries. Empty fields select all.
type AuditQuery struct {
	Chart    string   // "Patient/…"; empty for all of the organisation
	Entities []string // "Type/id" of resources touched, any of them
	Agents   []string // actors, any of them
	Kinds    []verify.Kind
	Dates    []term.Test // all must hold for the entry's time
	Count    int
	After    string
	Detail   string
}

// Audited is one entry, opened, and where it stands on the ledger.
type Audited struct {
	ID     string        // a valid FHIR id that names this entry at this node for ever
	Entry  *verify.Entry // in a page, nil when it is damaged and does not open: whatever was asked for, it may be that
	Tag    verify.Tag
	Height uint64 // of the block its anchor is in; 0 while it is only journalled
}

// Anchors is what the record needs of the ledger.
type Anchors interface {
	// Wait returns once the journal entry is in a committed block.
	Wait(ctx context.Context, entry uint64) error
	// Receipt gives the proof for a journal entry, waiting until it is anchored. entry shows what the seal hid: key commitment,
	// salt and body; contents open the commitments of its targets, by their index.
	Receipt(ctx context.Context, number uint64, entry *verify.OpenedEntry, contents map[uint32]verify.Forms) (*verify.Receipt, error)
	// Receipts waits until the entries, in ascending order, are in blocks and gives fn one receipt for each of their batches.
	Receipts(ctx context.Context, entries []Numbered, fn func(*verify.BatchReceipt) error) error
	// LocalOnly says that the journal entries from first to before end were acknowledged while too few custodians held them. Their anchor
	// says so for ever, whoever holds them later.
	LocalOnly(first, end uint64)
	// Block tells in which block a journal entry is; 0 while it is in none.
	Block(ctx context.Context, entry uint64) (height int64, err error)
}
