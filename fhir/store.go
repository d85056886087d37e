package fhir

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// What a Store or an Authorizer answers when it cannot do what was asked. They may be wrapped; the gate asks with errors.Is.
var (
	ErrUnauthenticated = errors.New("no valid token")                      // Authorizer: 401
	ErrForbidden       = errors.New("not permitted")                       // Authorizer, Store: 403
	ErrNotFound        = errors.New("no such resource")                    // never existed: 404
	ErrGone            = errors.New("resource is deleted")                 // existed once: 410
	ErrConflict        = errors.New("another version is current")          // Change.IfVersion does not hold: 412
	ErrExists          = errors.New("identifier is taken")                 // OpCreate of an ID that exists: 409
	ErrCursor          = errors.New("page cursor is not valid")            // Query.After, AuditQuery.After: 400
	ErrTooLarge        = errors.New("too large to store")                  // 413
	ErrUnavailable     = errors.New("the store is not accepting requests") // disk full, fsync failed, stopping: 503
)

// Access says who asks and why. All of it comes from the token, except Request and Detail, which the gate fills in.
type Access struct {
	Actor   string   // who, as the token names them
	Role    string   // e.g. "clinician"
	Purpose string   // v3-ActReason code, e.g. "TREAT"
	Org     string   // organisation the actor belongs to
	Request [16]byte // joins the entries that one request leaves
	Detail  string   // what was asked, e.g. "GET Observation?code=…"; at most MaxDetail bytes
}

// Authorizer turns a request into an Access. An error wraps ErrUnauthenticated or ErrForbidden; with the latter, the Access
// still says who asked, so that the refusal can be recorded.
type Authorizer interface {
	Authorize(r *http.Request) (Access, error)
}

// Store is all that the gate needs of the record. Its methods are safe for concurrent use. A method that releases data has
// made the entry that says so durable before it returns; one that fails has released nothing and left no entry: the gate
// then calls Refuse, once, for what it answers. A search that begins after Write returned sees what was written.
type Store interface {
	// Write stores all changes or none, and returns once they are durable ("journalled"). Each resource occurs at most once.
	// Errors: ErrConflict, ErrExists, ErrNotFound and ErrGone (deletes), ErrForbidden, ErrTooLarge, ErrUnavailable; as *ChangeError
	// when one change is to blame. Change.Source is the gate's and must not be kept after Write returned.
	Write(ctx context.Context, a Access, changes []Change) (*Commit, error)

	// Read releases one version; 0 is the current one. Errors: ErrNotFound; ErrGone when the version is a deletion.
	Read(ctx context.Context, a Access, typ, id string, version uint64) (*Version, error)

	// History releases up to count versions, newest first and only those below before (0: from the newest). Deletions
	// are among them, with no Body. Page.Next is the decimal value for before. ErrNotFound when the resource never existed.
	History(ctx context.Context, a Access, typ, id string, count int, before uint64) (*Page, error)

	// Search releases the current versions that match, in an order that does not change from page to page.
	// A Query with Count 0 releases nothing but the total.
	Search(ctx context.Context, a Access, q Query) (*Page, error)

	// Match finds what each query matches, at most Query.Count each, and releases nothing but who they are: for conditional
	// references and conditional creates. It leaves entries as Search does, because the answer tells who is known here.
	Match(ctx context.Context, a Access, queries []Query) ([][]Head, error)

	// Peek tells whether a resource exists and in which version, for the gate's own use: nothing of it may be released.
	// ErrNotFound when it never existed. It leaves no entry.
	Peek(ctx context.Context, typ, id string) (Head, error)

	// Refuse leaves an entry for a request that was refused. typ and id may be empty; why holds no content of any resource.
	Refuse(ctx context.Context, a Access, typ, id string, status int, why string) error

	// AuditEvents releases entries, newest first, and is itself an entry. next is "" on the last page.
	AuditEvents(ctx context.Context, a Access, q AuditQuery) (events []Audited, next string, err error)

	// AuditEvent releases one entry by its Audited.ID, and is itself an entry. ErrNotFound.
	AuditEvent(ctx context.Context, a Access, id string) (*Audited, error)

	// Receipt waits until the version's entry is in a block and gives its receipt, a JSON document. 0 is the current version.
	Receipt(ctx context.Context, a Access, typ, id string, version uint64) ([]byte, error)

	// AuditReceipt is Receipt for any entry, by its Audited.ID.
	AuditReceipt(ctx context.Context, a Access, id string) ([]byte, error)
}

// ChangeError says which of the changes given to Write failed it.
type ChangeError struct {
	Index int // into the changes
	Err   error
}

func (e *ChangeError) Error() string { return e.Err.Error() }
func (e *ChangeError) Unwrap() error { return e.Err }

// Op is what a Change does.
type Op uint8

// The operations. OpUpdate creates the resource when it does not exist or was deleted.
const (
	OpCreate Op = 1
	OpUpdate Op = 2
	OpDelete Op = 3
)

// Change is one resource to be written. The gate has checked its structure; the Store seals and orders it.
type Change struct {
	Op       Op
	Type, ID string
	Source   []byte // as received, byte for byte; nil for OpDelete

	// Edits turns Source into the form that is served, once version and time are known. It may be called more than once,
	// until Write returns, and gives the same for the same arguments.
	Edits func(version uint64, at time.Time) []Edit

	Chart       string      // "Patient/…", or "" when it belongs to no patient; unset for OpDelete
	Compartment Compartment // under whose key it is sealed; unset for OpDelete
	Terms       []Term      // how it is found; besides, every resource is found by _id and _lastUpdated

	IfVersion uint64 // 0, or the version that must be the current one
}

// Compartment is the part of a chart whose key seals a resource.
type Compartment string

// The compartments that the gate tells apart by itself.
const (
	General     Compartment = "general"
	Labs        Compartment = "labs"
	Imaging     Compartment = "imaging"
	Medications Compartment = "medications"
	Genomic     Compartment = "genomic"
)

// Edit replaces Delete bytes of the source at Offset by Insert. A list of edits is in ascending order without overlap.
type Edit struct {
	Offset, Delete int
	Insert         []byte
}

// Kind is the type of a search parameter (FHIR R4, 3.1.1.4).
type Kind uint8

// The kinds of term.
const (
	Token     Kind = 1 // Value is "system|code", "|code" when it has no system
	Reference Kind = 2 // Value is "Type/id" or an absolute URL
	Date      Kind = 3 // Lo and Hi bound the period
	String    Kind = 4 // Value as it stands; no parameter of the gate is of this kind yet
)

// Term is one thing by which a resource can be found.
type Term struct {
	Param  string
	Kind   Kind
	Value  string
	Lo, Hi int64 // Date: Unix milliseconds, both inclusive; Past and Future for an open end
}

// Query is a search of one type. All filters must hold.
type Query struct {
	Type    string
	Filters []Filter
	Count   int    // most matches of a page; 0 for the total alone
	After   string // Page.Next of the page before
	Detail  string // the search as asked, for the entry
}

// Filter holds when any of its tests does, for any of the resource's terms of that parameter. The parameters _id (Token,
// a bare id) and _lastUpdated (Date) are answered from what the Store knows itself.
type Filter struct {
	Param string
	Kind  Kind
	Any   []Test
}

// Test is one value asked for.
type Test struct {
	// Value: for a Token "system|code", "|code" (it must have no system), "code" (of any system) or "system|" (any code of it);
	// for a Reference as in Term.
	Value  string
	Prefix Prefix // Date; Holds says what it means
	Lo, Hi int64  // Date, as in Term
}

// Version is one version of one resource.
type Version struct {
	Type, ID string
	Version  uint64
	Updated  time.Time
	Op       Op     // what made it; OpCreate also for an update that found nothing current
	Chart    string // as in Change
	Body     []byte // as served; nil for OpDelete
}

// Head is what Peek and Match tell of a resource.
type Head struct {
	Type, ID string
	Version  uint64
	Updated  time.Time
	Deleted  bool
	Chart    string
}

// Page is a part of a search's matches or of a history.
type Page struct {
	Versions []Version
	Total    int    // of all pages; -1 when it is not known
	Next     string // opaque, safe in a URL; "" on the last page
}

// Commit is what Write did.
type Commit struct {
	Versions []Version // one for each Change, in their order

	// Anchored waits until the entries are in a block. It returns ctx.Err() when ctx ends first.
	Anchored func(ctx context.Context) error
}

// AuditQuery selects entries. Empty fields select all.
type AuditQuery struct {
	Chart    string   // "Patient/…"; empty for the organisation's own stream
	Entities []string // "Type/id" of resources touched, any of them
	Agents   []string // actors, any of them
	Kinds    []verify.Kind
	Dates    []Test // all must hold for the entry's time
	Count    int
	After    string
	Detail   string
}

// Audited is one entry, opened, and where it stands on the ledger.
type Audited struct {
	ID     string // a valid FHIR id that names this entry at this node for ever
	Entry  *verify.Entry
	Tag    verify.Tag
	Height uint64    // of the block its anchor is in; 0 while it is only journalled
	Block  time.Time // that block's time
}
