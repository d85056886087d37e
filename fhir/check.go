package fhir

import (
	"net/http"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/validation"
)

// Checks says what a resource has to keep to be stored.
type Checks uint8

// FormOnly asks for the form of R4 alone; Lenient for all that is required besides, and takes what breaks a rule with a warning: invariants,
// codes outside of a required value set, references to a wrong type. Strict takes only what keeps all of it.
const (
	FormOnly Checks = iota
	Lenient
	Strict
)

// inspect checks a value that is to be stored as a resource. beside are the others of its Bundle; nil for a resource that stands alone.
func (s *Server) inspect(root tape.Value, beside *validation.Siblings) (*resource, *problem) {
	r, p := basics(root)
	if p != nil {
		return nil, p
	}
	return s.checked(r, beside)
}

// checked is inspect for what the gate has looked at already.
func (s *Server) checked(r *resource, beside *validation.Siblings) (*resource, *problem) {
	root := r.root
	var found []validation.Issue
	if s.Checks == FormOnly {
		found = s.validator.Form(root)
	} else {
		found = s.validator.Resource(root, validation.Options{Lenient: s.Checks == Lenient, Siblings: beside})
	}
	if p := refused(found); p != nil {
		return nil, p
	}
	r.notes = issuesOf(found)
	return r, nil
}

// refused makes a problem of the issues that were found if there is an error among them: 400 for what has not the form of its type, 422 for
// what breaks a rule (FHIR R4, 3.1.0.8); nil for none.
func refused(found []validation.Issue) *problem {
	status := 0
	for i := range found {
		switch {
		case found[i].Severity != "error":
		case found[i].Of == validation.Form:
			status = http.StatusBadRequest
		case status == 0:
			status = http.StatusUnprocessableEntity
		}
	}
	if status == 0 {
		return nil
	}
	return &problem{status: status, issues: issuesOf(found)}
}

func issuesOf(found []validation.Issue) []Issue {
	var list []Issue
	for i := range found {
		f := &found[i]
		list = append(list, Issue{Severity: f.Severity, Code: f.Code, Text: f.Text, Path: f.Path, Position: f.Position})
	}
	return list
}
