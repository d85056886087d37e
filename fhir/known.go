package fhir

import (
	"slices"

	"github.com/sijil-health/sijil/fhir/canonical"
	"github.com/sijil-health/sijil/fhir/validation"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/terminology"
)

// known is what one question about codes or profiles is answered by, and which resources of the node the answer rests on.
type known struct {
	terms     *terminology.Terminology
	validator *validation.Validator
	used      []record.Head
}

// known gives what a request may know: what R4 and packages define, and what resources of the node do. Who may not read those is answered as if there
// were none, so that no answer tells of them.
func (s *Server) known(q *request) *known {
	k := &known{terms: s.terms(), validator: s.validator}
	if s.Own == nil || slices.ContainsFunc(definitionTypes, func(typ string) bool { return q.access.MayOf(policy.Read, typ) != nil }) {
		return k
	}
	own := s.Own.Known()
	k.terms, k.validator = own.Terminology.Noting(k.note), own.Validator
	return k
}

func (k *known) note(origin string) {
	if h := canonical.Head(origin); !slices.Contains(k.used, h) {
		k.used = append(k.used, h)
	}
}

// leave leaves the entry that names the node's resources that an answer rests on; otherwise, where there are none.
func (k *known) leave(s *Server, q *request, otherwise func() error) error {
	if len(k.used) == 0 {
		return otherwise()
	}
	return s.Store.Used(q, q.access, k.used)
}

func nothing() error { return nil }
