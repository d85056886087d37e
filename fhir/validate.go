package fhir

import (
	"net/http"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/validation"
	"github.com/sijil-health/sijil/policy"
)

// maxIssues bounds what one $validate tells.
const maxIssues = 100

// validating is what $validate was asked (https://hl7.org/fhir/R4/resource-operation-validate.html).
type validating struct {
	mode     string // create, update, delete, or ""
	profiles []string
	resource tape.Value
}

// validate tells whether a resource is valid, and whether it could be created, updated or deleted, without doing so (POST Type/$validate,
// Type/id/$validate). The answer is 200 whatever was found. What is stored is read, and leaves the entry that every read leaves; what the
// client sends leaves one that it was looked at.
func (s *Server) validate(q *request) (*answer, error) {
	ask, err := s.validating(q)
	if err != nil {
		return nil, err
	}
	if ask.mode == "delete" {
		return s.validateDeletion(q)
	}
	k := s.known(q)
	options := validation.Options{Max: maxIssues, Warnings: true, Alone: true, Profiles: ask.profiles, Claimed: true, Note: k.note}
	if !ask.resource.Exists() && q.id != "" {
		return s.validateStored(q, k, options)
	}
	if !ask.resource.Exists() {
		return nil, fail(http.StatusBadRequest, "required", "$validate needs a resource, as the body or as a parameter of this name")
	}
	q.chart = patientOf(ask.resource)
	found := issuesOf(k.validator.Resource(ask.resource, options))
	if p := addressed(q, ask); p != nil {
		found = append(found, p.issues...)
	}
	if err := s.Store.Refuse(q, q.access, q.about(), http.StatusOK, "validated, and not stored"); err != nil {
		return nil, err
	}
	if err := k.leave(s, q, nothing); err != nil {
		return nil, err
	}
	return outcomeOf(found), nil
}

// addressed says what is wrong with a resource for the address that it was sent to.
func addressed(q *request, ask *validating) *problem {
	typ, id := ask.resource.Get("resourceType"), ask.resource.Get("id")
	switch {
	case typ.Kind() == tape.String && !typ.Is(q.typ):
		return fail(http.StatusBadRequest, "invalid", "resourceType is not the type that the address names").at(typ)
	case q.id != "" && ask.mode != "create" && !id.Is(q.id):
		return fail(http.StatusBadRequest, "value", "the resource must carry the id that the address names")
	case ask.mode == "update" && !id.Exists():
		return fail(http.StatusBadRequest, "required", "an update needs a resource with an id")
	}
	return nil
}

// validateStored checks the current version of what the address names.
func (s *Server) validateStored(q *request, k *known, options validation.Options) (*answer, error) {
	v, err := s.Store.Read(q, q.access, q.typ, q.id, 0)
	if err != nil {
		return nil, err
	}
	doc := tape.Get()
	defer doc.Release()
	if err := doc.Parse(v.Body, tape.Limits{Bytes: len(v.Body), Nodes: bundleNodes}); err != nil {
		return nil, err
	}
	found := issuesOf(k.validator.Resource(doc.Root(), options))
	if err := k.leave(s, q, nothing); err != nil {
		return nil, err
	}
	return outcomeOf(found), nil
}

// validateDeletion tells whether the resource could be deleted.
func (s *Server) validateDeletion(q *request) (*answer, error) {
	if q.id == "" {
		return nil, fail(http.StatusBadRequest, "required", "mode delete asks about a resource: POST %s/id/$validate", q.typ)
	}
	head, err := s.Store.Peek(q, q.access, policy.Delete, q.typ, q.id)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Refuse(q, q.access, q.about(), http.StatusOK, "looked at for a deletion, and not deleted"); err != nil {
		return nil, err
	}
	if head.Deleted {
		return outcomeOf([]Issue{{Severity: "information", Code: "deleted", Text: "the resource was deleted already"}}), nil
	}
	return outcomeOf(nil), nil
}

func outcomeOf(found []Issue) *answer {
	if len(found) == 0 {
		found = []Issue{{Severity: "information", Code: "informational", Text: "nothing is wrong"}}
	}
	return &answer{status: http.StatusOK, body: appendOutcome(nil, found...)}
}

// validating reads what is asked: parameters in the address and, where the body is a Parameters that carries them, in the body.
func (s *Server) validating(q *request) (*validating, error) {
	ask := new(validating)
	pairs, p := pairsOf(q.query)
	if p != nil {
		return nil, p
	}
	for _, pair := range pairs {
		switch pair.name {
		case "mode":
			ask.mode = pair.value
		case "profile":
			ask.profiles = append(ask.profiles, pair.value)
		case "_format", "_pretty":
		default:
			return nil, fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known for $validate", pair.name)
		}
	}
	if !q.empty {
		limit := s.Limits.of(q.typ)
		if q.access.May(policy.Write) != nil {
			limit = min(limit, s.Limits.Resource)
		}
		if err := q.load(q, limit, bundleNodes); err != nil {
			return nil, err
		}
		ask.read(q.body)
	}
	switch ask.mode {
	case "", "create", "update", "delete":
	case "profile":
		if len(ask.profiles) == 0 {
			return nil, fail(http.StatusBadRequest, "required", "mode profile needs the parameter profile")
		}
	default:
		return nil, fail(http.StatusBadRequest, "value", "mode is create, update, delete or profile")
	}
	if len(ask.profiles) > maxProfiles {
		return nil, fail(http.StatusBadRequest, "too-costly", "at most %d profiles are checked at once", maxProfiles)
	}
	return ask, nil
}

// maxProfiles bounds the profiles of one $validate.
const maxProfiles = 16

// read takes what a body asks: it is the resource, or a Parameters that carries it. None is ever of the type Parameters.
func (ask *validating) read(body tape.Value) {
	if !body.Get("resourceType").Is("Parameters") {
		ask.resource = body
		return
	}
	for p := body.Get("parameter").First(); p.Exists(); p = p.Next() {
		switch name := p.Get("name"); {
		case name.Is("resource"):
			ask.resource = p.Get("resource")
		case name.Is("mode"):
			ask.mode = p.Get("valueCode").Text() + p.Get("valueString").Text()
		case name.Is("profile"):
			ask.profiles = append(ask.profiles, p.Get("valueUri").Text()+p.Get("valueCanonical").Text()+p.Get("valueString").Text())
		}
	}
}
