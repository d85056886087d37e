package fhir

import (
	"context"
	"errors"
	"net/http"

	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// Acknowledgement levels, the values of the header Sijil-Ack.
const (
	AckJournalled = "journalled" // durable, and at the custodians
	AckAnchored   = "anchored"   // in a block besides
)

// await waits for the blocks of commits, at most Limits.Ack in all, and says how far it came.
func (s *Server) await(q *request, commits ...*record.Commit) string {
	if q.prefer.async {
		return AckJournalled
	}
	ctx, cancel := context.WithTimeout(q.Context, s.Limits.Ack)
	defer cancel()
	for _, c := range commits {
		if c.Anchored(ctx) != nil { // too late, or the ledger has stopped: durable it is
			return AckJournalled
		}
	}
	return AckAnchored
}

// changeOf makes a Change of a resource that is to be stored under id.
func (s *Server) changeOf(q *request, r *resource, op record.Op, id string, v *resolver, entryBase string) (record.Change, error) {
	to, p := v.resolve(r, entryBase)
	if p != nil {
		return record.Change{}, p
	}
	if r.typ == "Subscription" && s.Subscriptions != nil {
		status, err := s.subscribed(q, r, id)
		if err != nil {
			return record.Change{}, err
		}
		if status != "" {
			to.put(r, r.root.Get("status"), status)
		}
	}
	if p := s.admitParameter(r, id, v); p != nil {
		return record.Change{}, p
	}
	number, of := s.Parameters.Number(), s.Parameters.Of(r.typ)
	terms := of.Terms(nil, r.root, to.texts)
	if len(terms) > maxTerms {
		return record.Change{}, fail(http.StatusUnprocessableEntity, "too-costly",
			"the resource has %d values that searches find it by; one may have %d at most", len(terms), maxTerms)
	}
	charting := terms
	if of.Own { // whose chart a resource belongs to is not for a client to define
		charting = parameters().Of(r.typ).Terms(nil, r.root, to.texts)
	}
	source, edits := r.stored(id, to.edits)
	return record.Change{
		Op: op, Type: r.typ, ID: id, Source: source, Edits: edits,
		Chart: v.chartOf(r, id, charting, &to), Compartment: compartmentOf(r), Terms: terms, Rules: number, Known: op == record.OpUpdate && s.ServerIDs,
	}, nil
}

// loadResource reads the body as a resource of the type that the address names.
func (s *Server) loadResource(q *request) (*resource, error) {
	if q.load != nil {
		if err := q.access.May(policy.Write); err != nil { // nothing is read from who may not write
			return nil, err
		}
		nodes := resourceNodes
		if q.typ == "Bundle" {
			nodes = bundleNodes
		}
		if err := q.load(q, s.Limits.of(q.typ), nodes); err != nil {
			return nil, err
		}
	}
	q.chart = patientOf(q.body) // of what is refused for its form, too
	r, p := s.inspect(q.body, nil)
	if p != nil {
		return nil, p
	}
	r.places = q.places
	if r.typ != q.typ {
		return nil, fail(http.StatusBadRequest, "invalid", "resourceType is not the type that the address names").at(q.body.Get("resourceType"))
	}
	return r, nil
}

// store writes one resource, its conditional references resolved.
func (s *Server) store(q *request, r *resource, op record.Op, id string, ifVersion uint64) (*answer, error) {
	v := &resolver{base: q.own}
	if q.bundled { // a batch: its entries are independent of one another, so that a reference to one of them is to nothing (FHIR R4, 3.1.0.11.1)
		v.entries = map[string]string{}
	}
	if list := conditionsOf(nil, r); len(list) > 0 {
		found, err := s.match(q, list)
		if err != nil {
			return nil, err
		}
		v.found = map[string]string{}
		if p := only(list, found, v.found); p != nil {
			return nil, p
		}
	}
	change, err := s.changeOf(q, r, op, id, v, "")
	if err != nil {
		return nil, err
	}
	change.IfVersion, q.chart = ifVersion, change.Chart
	change.Fresh = op == record.OpCreate && q.method == http.MethodPost
	commit, err := s.Store.Write(q, q.access, []record.Change{change})
	if change.Known && errors.Is(err, record.ErrNotFound) {
		err = foreignID()
	}
	if err != nil {
		return nil, err
	}
	return written(&commit.Versions[0], commit, q.prefer, r.notes), nil
}

// foreignID is what is answered to a client that would choose an id where the node alone does (FHIR R4, 3.1.0.4).
func foreignID() *problem {
	return fail(http.StatusMethodNotAllowed, "not-supported", "no resource of this id was ever here, and ids are this node's to choose: create it with POST")
}

// written is the answer to a create or update.
func written(v *record.Version, commit *record.Commit, prefer preference, notes []Issue) *answer {
	a := &answer{status: http.StatusOK, version: v.Version, updated: v.Updated, commit: commit}
	a.location = v.Type + "/" + v.ID + "/_history/" + formatUint(v.Version)
	if v.Op == record.OpCreate {
		a.status = http.StatusCreated
	}
	switch prefer.result {
	case "minimal":
	case "OperationOutcome":
		a.body = done("the resource was stored as version "+formatUint(v.Version), notes...)
	default:
		a.body, a.content = v.Body, a.location
	}
	return a
}

// done is an OperationOutcome that reports success, and what is to be noted of it.
func done(text string, notes ...Issue) []byte {
	return appendOutcome(nil, append([]Issue{{Severity: "information", Code: "informational", Text: text}}, notes...)...)
}
