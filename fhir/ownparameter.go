package fhir

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// admitParameter refuses an active SearchParameter that resources cannot be found by. Others of the same transaction are there already.
func (s *Server) admitParameter(r *resource, id string, v *resolver) *problem {
	if r.typ != "SearchParameter" {
		return nil
	}
	own := search.ReadOwn(id, r.root)
	if own == nil {
		return nil
	}
	var e *search.Error
	if err := s.Parameters.Admit(own, slices.DeleteFunc(slices.Clone(v.beside), func(o *search.Own) bool { return o.ID == id })...); !errors.As(err, &e) {
		return nil
	}
	p := fail(http.StatusUnprocessableEntity, e.Code, "this SearchParameter cannot be used: %s. One that is not active is stored without being used", e.Text)
	if at := r.root.Get(e.Element); at.Exists() {
		return p.at(at)
	}
	return p.on(r.root, e.Element)
}

// ownParameters are those that a transaction writes.
func ownParameters(list []entry) (own []*search.Own) {
	for i := range list {
		if e := &list[i]; e.typ == "SearchParameter" && e.resource != nil && e.answer == nil {
			if o := search.ReadOwn(e.id, e.resource.root); o != nil {
				own = append(own, o)
			}
		}
	}
	return own
}

// parameterStatus tells which search parameters of the node are used, and how far resources can be found by them (GET SearchParameter/$status, GET
// SearchParameter/ID/$status). That says nothing of anybody; who asks for one of them reads it.
func (s *Server) parameterStatus(q *request) (*answer, error) {
	if err := onlyControl(q); err != nil {
		return nil, err
	}
	own := s.Parameters.Own()
	if q.id == "" {
		if err := s.Store.Refuse(q, q.access, nil, http.StatusOK, "the state of search parameters was shown, of nobody"); err != nil {
			return nil, err
		}
	} else {
		v, err := s.Store.Read(q, q.access, q.typ, q.id, 0)
		if err != nil {
			return nil, err
		}
		own = slices.DeleteFunc(slices.Clone(own), func(o *search.Own) bool { return o.ID != v.ID })
	}
	b := []byte(`{"resourceType":"Parameters"`)
	far := map[string]record.Retelling{}
	if s.Retelling != nil {
		for _, r := range s.Retelling() {
			far[r.Type] = r
		}
	}
	for i, o := range own {
		if i == 0 {
			b = append(b, `,"parameter":[`...)
		} else {
			b = append(b, ',')
		}
		b = s.appendStatus(b, o, far)
	}
	if len(own) > 0 {
		b = append(b, ']')
	}
	return &answer{status: http.StatusOK, body: append(b, '}')}, nil
}

// appendStatus adds the state of one parameter: enabled, indexing with how far it is, or disabled and why.
func (s *Server) appendStatus(b []byte, o *search.Own, far map[string]record.Retelling) []byte {
	status, done, total := "enabled", uint64(0), uint64(0)
	for _, typ := range o.Bases() {
		if s.Parameters.Complete(typ, o.Code) {
			continue
		}
		status = "indexing"
		done, total = done+far[typ].Done, total+far[typ].Total
	}
	if o.Unused != "" {
		status = "disabled"
	}
	b = append(b, `{"name":"searchParameterStatus","part":[{"name":"url","valueUri":`...)
	b = tape.AppendQuoted(b, o.URL)
	b = append(b, `},{"name":"resource","valueReference":{"reference":"SearchParameter/`...)
	b = append(append(b, o.ID...), `"}},{"name":"status","valueCode":"`...)
	b = append(append(b, status...), `"}`...)
	switch status {
	case "indexing":
		b = strconv.AppendUint(append(b, `,{"name":"done","valueDecimal":`...), done, 10)
		b = strconv.AppendUint(append(b, `},{"name":"total","valueDecimal":`...), total, 10)
		b = append(b, '}')
	case "disabled":
		b = tape.AppendQuoted(append(b, `,{"name":"reason","valueString":`...), o.Unused)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}
