package fhir

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// Issue is one thing that is wrong with a request. It names elements and never quotes their content.
type Issue struct {
	Severity string // "fatal", "error", "warning" or "information"
	Code     string // of http://hl7.org/fhir/issue-type
	Text     string // what happened, why, and what to do next
	Path     string // FHIRPath of the element, where one is to blame
	tape.Position
}

// problem is the answer to a request that is refused.
type problem struct {
	status int
	issues []Issue
	cause  error // for the log only
}

func (p *problem) Error() string {
	return fmt.Sprintf("%d %s: %s", p.status, p.issues[0].Code, p.issues[0].Text)
}

func (p *problem) Unwrap() error { return p.cause }

// fail makes a problem of one issue.
func fail(status int, code, format string, args ...any) *problem {
	return &problem{status: status, issues: []Issue{{Severity: "error", Code: code, Text: strings.ToValidUTF8(fmt.Sprintf(format, args...), "\uFFFD")}}}
}

// at names the element that is to blame, and where it stands.
func (p *problem) at(v tape.Value) *problem {
	if v.Exists() {
		p.issues[0].Path, p.issues[0].Position = v.Path(), v.Position()
	}
	return p
}

// on names an element that is missing: a member of v.
func (p *problem) on(v tape.Value, member string) *problem {
	p.at(v)
	p.issues[0].Path = join(p.issues[0].Path, member)
	return p
}

func join(path, member string) string {
	if path == "" {
		return member
	}
	return path + "." + member
}

// storeAnswers maps what a Store or an Authorizer returns, once, to what a client is told.
var storeAnswers = []struct {
	err    error
	status int
	code   string
	text   string
}{
	{ErrUnauthenticated, http.StatusUnauthorized, "login", "the request carries no valid bearer token; get a new one and send it in the Authorization header"},
	{record.ErrForbidden, http.StatusForbidden, "forbidden", "the token does not permit this; the refusal has been recorded"},
	{record.ErrNotFound, http.StatusNotFound, "not-found", "no such resource is known here"},
	{record.ErrGone, http.StatusGone, "deleted", "the resource was deleted; its history can still be read"},
	{record.ErrConflict, http.StatusPreconditionFailed, "conflict", "another version is current than If-Match names; read the resource again and repeat the change on it"},
	{record.ErrExists, http.StatusConflict, "duplicate", "a resource of this id exists already"},
	{record.ErrRepeated, http.StatusConflict, "duplicate", "the import has brought this resource already, and not alike; only one form of it can be imported at once"},
	{record.ErrCursor, http.StatusBadRequest, "value", "the page is not known; follow the links of the first page without changing them"},
	{record.ErrStale, http.StatusServiceUnavailable, "transient", "the search parameters of this node were changed while it was searched; ask again"},
	{record.ErrExpired, http.StatusGone, "expired", "so much was written since the first page of this search that it cannot be gone on with; search again"},
	{record.ErrCostly, http.StatusPreconditionFailed, "too-costly", "too much would have to be looked through, or put in order, to tell what matches; make it more specific, by identifier, patient or date"},
	{record.ErrTooLarge, http.StatusRequestEntityTooLarge, "too-long", fmt.Sprintf("the resource is larger than %d bytes, the most that can be stored", record.MaxSource)},
	{record.ErrUnavailable, http.StatusServiceUnavailable, "transient", "the node is not accepting requests at the moment; nothing was stored, try again later"},
	{record.ErrDamaged, http.StatusInternalServerError, "exception", "the stored content is damaged and no custodian could give it whole; nothing was released, and the damage is reported"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout", "the node did not finish in time; try again later"},
	{context.Canceled, http.StatusServiceUnavailable, "timeout", "the request was given up before it was finished"},
}

// problemOf turns any error into what is answered. What is not foreseen becomes 500, without its text.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	for _, a := range storeAnswers {
		if errors.Is(err, a.err) {
			p = fail(a.status, a.code, "%s", a.text)
			if a.err == record.ErrUnavailable && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
				p = fail(a.status, a.code, "the node's disk has no room for this; nothing was stored. Its operator must make room; try again later")
			}
			p.cause = err
			return p
		}
	}
	p = fail(http.StatusInternalServerError, "exception", "the node failed to answer; its log says why")
	p.issues[0].Severity, p.cause = "fatal", err
	return p
}

// parseProblem is what is answered to a body that is no JSON, or too large.
func parseProblem(err error) *problem {
	var syntax *tape.SyntaxError
	if errors.As(err, &syntax) {
		p := fail(http.StatusBadRequest, "structure", "the body is not well-formed JSON: %s", syntax.Reason)
		p.issues[0].Severity, p.issues[0].Path, p.issues[0].Position = "fatal", syntax.Path, syntax.Position
		return p
	}
	return fail(http.StatusRequestEntityTooLarge, "too-long", "the body is too large")
}
