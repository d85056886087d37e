package fhir

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// maxProofs bounds the versions that one answer of $verify tells of.
const maxProofs = 100

// verify holds every version of a resource against the ledger (GET Type/id/$verify): its content against the commitment in its entry, and the
// entry's receipt against the trust file, as `sijil verify` does elsewhere without a network. The answer gives no content. It says of each version
//
//	verified       all holds, and rests on as many keys as the trust file asks for
//	not-witnessed  all holds, and rests on fewer
//	journalled     the entry is durable, and in no block yet
//	damaged        the content or its entry cannot be read, and no custodian could give it whole
//	failed         the proof does not hold, or cannot be given any more
func (s *Server) verify(q *request) (*answer, error) {
	if s.Trust == nil {
		return unknownPath(s, q)
	}
	var page asked // for its _count and _cursor
	page.query.Count = maxProofs
	pairs, p := pairsOf(q.query)
	if p != nil {
		return nil, p
	}
	for _, pair := range pairs {
		if pair.name == "_format" || pair.name == "_pretty" {
			continue
		}
		if pair.name != "_count" && pair.name != "_cursor" {
			return nil, fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known for $verify", pair.name)
		}
		if p := page.page(pair.name, pair.value); p != nil {
			return nil, p
		}
	}
	before := uint64(0)
	if page.query.After != "" {
		var err error
		if before, err = strconv.ParseUint(page.query.After, 10, 64); err != nil {
			return nil, record.ErrCursor
		}
	}
	verifier, err := s.verifier(q)
	if err != nil {
		return nil, err
	}
	list, whole := newParameters(), true
	next, err := s.Store.Proofs(q, q.access, q.typ, q.id, min(max(page.query.Count, 1), maxProofs), before, func(proof *record.Proof) error {
		v := judge(verifier, proof)
		whole = whole && (v.status == "verified" || v.status == "not-witnessed")
		v.write(list, proof)
		return nil
	})
	if err != nil {
		return nil, err
	}
	w := newParameters()
	w.bool("result", whole)
	if next > 0 {
		w.text("next", "Uri", q.base+"/"+q.typ+"/"+q.id+"/$verify?_cursor="+formatUint(next))
	}
	w.include(list)
	return &answer{status: http.StatusOK, body: w.end()}, nil
}

func (s *Server) verifier(q *request) (*verify.Verifier, error) {
	b, err := s.Trust(q)
	if err != nil {
		return nil, err
	}
	t, err := verify.ParseTrust(b)
	if err != nil {
		return nil, err
	}
	return verify.NewVerifier(t)
}

// judgement is what was found of one version.
type judgement struct {
	status string
	reason string
	result *verify.Result // nil where there is no proof
}

func judge(verifier *verify.Verifier, p *record.Proof) judgement {
	switch {
	case errors.Is(p.Err, record.ErrDamaged):
		return judgement{status: "damaged", reason: "the content or its entry is damaged here, and no custodian could give it whole"}
	case p.Err != nil:
		return judgement{status: "failed", reason: "the proof cannot be given: its block or batch is no longer kept, or cannot be read"}
	case p.Receipt == nil:
		return judgement{status: "journalled", reason: "the entry is durable, and in no block yet"}
	}
	r, err := verifier.Verify(p.Receipt, verify.Options{Content: p.Served})
	step := (*verify.StepError)(nil)
	switch {
	case errors.Is(err, verify.ErrNotWitnessed):
		return judgement{"not-witnessed", "it rests on fewer keys than the trust file asks for", r}
	case errors.As(err, &step):
		return judgement{status: "failed", reason: "the proof does not hold: " + string(step.Step)}
	case err != nil:
		return judgement{status: "failed", reason: "the proof does not hold"}
	}
	return judgement{"verified", "", r}
}

func (v *judgement) write(w *parametersWriter, p *record.Proof) {
	w.parts("version", func() {
		w.text("versionId", "Id", formatUint(p.Version))
		w.instant("lastUpdated", p.Updated)
		w.bool("deleted", p.Op == record.OpDelete)
		w.text("status", "Code", v.status)
		if v.reason != "" {
			w.text("reason", "String", v.reason)
		}
		if v.result == nil {
			return
		}
		w.text("organisation", "String", v.result.Organisation)
		w.integer("anchor", int64(v.result.Seq))
		if v.result.Height > 0 {
			w.integer("block", v.result.Height)
			w.instant("anchored", v.result.Time.Time())
		}
		w.integer("custodians", int64(v.result.Custodians))
		w.integer("keys", int64(len(v.result.Keys)))
		w.integer("wanted", int64(v.result.Wanted))
	})
}
