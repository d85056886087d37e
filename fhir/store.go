package fhir

import (
	"context"
	"errors"
	"net/http"

	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// ErrUnauthenticated is what an Authorizer answers, wrapped, to a request without a valid token: 401.
var ErrUnauthenticated = errors.New("no valid token")

// Authorizer turns a request into an Access. An error wraps ErrUnauthenticated or record.ErrForbidden; with the latter, the Access
// still says who asked, so that the refusal can be recorded.
type Authorizer interface {
	Authorize(r *http.Request) (record.Access, error)
}

// Store is all that the gate needs of the record. Its methods are safe for concurrent use. A method that releases data has
// made the entry that says so durable before it returns; one that fails has released nothing and left no entry: the gate
// then calls Refuse, once, for what it answers. A search that begins after Write returned sees what was written.
type Store interface {
	// Write stores all changes or none, and returns once they are durable ("journalled"). Each resource occurs at most once.
	// Errors: ErrConflict, ErrExists, ErrNotFound and ErrGone (deletes), ErrForbidden, ErrTooLarge, ErrUnavailable; as *ChangeError
	// when one change is to blame. Change.Source is the gate's and must not be kept after Write returned.
	Write(ctx context.Context, a record.Access, changes []record.Change) (*record.Commit, error)

	// Read releases one version; 0 is the current one. Errors: ErrNotFound; ErrGone when the version is a deletion.
	Read(ctx context.Context, a record.Access, typ, id string, version uint64) (*record.Version, error)

	// History releases versions, newest first. Deletions are among them, with no Body, and so are damaged versions. ErrNotFound when the one
	// resource that it asks for never existed.
	History(ctx context.Context, a record.Access, q record.HistoryQuery) (*record.Page, error)

	// Search releases the current versions that match, in an order that does not change from page to page. Damaged ones are among them, with
	// no Body. A Query with Count 0 releases nothing but the total. A page may hold fewer than Query.Count, or none, and a Page.Next.
	Search(ctx context.Context, a record.Access, q record.Query) (*record.Page, error)

	// SearchSeveral is Search for several queries as one, without a total.
	SearchSeveral(ctx context.Context, a record.Access, queries []record.Query, count int, after, detail string) (*record.Page, error)

	// Gather releases what several queries match, in rounds, as one: one entry for each chart.
	Gather(ctx context.Context, a record.Access, g *record.Gathering) (*record.Gathered, error)

	// Match finds what each query matches, at most Query.Count each, and releases nothing but who they are: for conditional
	// references and conditional creates. ErrCostly where too much would have to be looked through. It leaves entries as Search does, because the answer tells who is known here.
	Match(ctx context.Context, a record.Access, queries []record.Query) ([][]record.Head, error)

	// Peek tells whether a resource exists and in which version, to an access that may do act with it, for the gate's own use: nothing of it
	// may be released. ErrForbidden, whether it exists or not; ErrNotFound when it never existed. It leaves no entry.
	Peek(ctx context.Context, a record.Access, act policy.Action, typ, id string) (record.Head, error)

	// Refuse leaves an entry for a request that was refused, or that asked for nothing: in the chart of each resource that it named ("Type/id")
	// and that is known here, else in the organisation's own stream. why holds no content of any resource.
	Refuse(ctx context.Context, a record.Access, refs []string, status int, why string) error

	// AuditEvents releases entries, newest first, and is itself an entry. A damaged one is given by its ID alone. next is "" on the last page.
	AuditEvents(ctx context.Context, a record.Access, q record.AuditQuery) (events []record.Audited, next string, err error)

	// AuditEvent releases one entry by its Audited.ID, and is itself an entry. ErrNotFound.
	AuditEvent(ctx context.Context, a record.Access, id string) (*record.Audited, error)

	// Receipt waits until the version's entry is in a block and gives its receipt, a JSON document. 0 is the current version.
	Receipt(ctx context.Context, a record.Access, typ, id string, version uint64) ([]byte, error)

	// Proofs calls fn with at most count versions of a resource, newest first and only those below before (0: from the newest), each with what
	// there is to prove it by; next is the value for before, 0 at the end. It releases that the versions are there.
	Proofs(ctx context.Context, a record.Access, typ, id string, count int, before uint64, fn func(*record.Proof) error) (next uint64, err error)

	// WriteEach stores each change for itself, all that are to be stored as one record, and passes over those that would change nothing. The error
	// says that nothing was stored. Change.Source is the gate's, as in Write. again: the
	// request may have been broken off before.
	WriteEach(ctx context.Context, a record.Access, changes []record.Change, again bool) ([]record.Each, error)

	// Took leaves an entry for a step of what is done in the background, whose reads and writes have entries of their own. act is what it takes.
	Took(ctx context.Context, a record.Access, act policy.Action, what string) error

	// Definitions gives resources by their canonical URL, for the gate's own use; Used leaves the entry of an answer that rests on such, and refuses it to
	// who may not read them.
	Definitions(ctx context.Context, typ, url, version string, most int) ([]record.Version, error)
	Used(ctx context.Context, a record.Access, list []record.Head) error

	// AuditReceipt is Receipt for any entry, by its Audited.ID.
	AuditReceipt(ctx context.Context, a record.Access, id string) ([]byte, error)
}
