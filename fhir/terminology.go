package fhir

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// codeOperations are the operations on codes (FHIR R4, 4.8.18, 4.9.13, 4.10.9).
var codeOperations = []codeOperation{
	{"ValueSet", "$expand", (*Server).expand},
	{"ValueSet", "$validate-code", (*Server).validateInSet},
	{"CodeSystem", "$validate-code", (*Server).validateInSystem},
	{"CodeSystem", "$lookup", (*Server).lookup},
	{"CodeSystem", "$subsumes", (*Server).subsumes},
	{"ConceptMap", "$translate", (*Server).translate},
}

type codeOperation struct {
	typ, name string
	do        func(s *Server, in *input) ([]byte, error)
}

// codeRoutes gives the routes of a type's operations: on the type, and on a resource of the node, by GET and by POST. $lookup is on the type alone.
func codeRoutes(typ string) (routes []route) {
	for _, op := range codeOperations {
		if op.typ != typ {
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			routes = append(routes, route{method, "/{type}/" + op.name, op.interaction(), op.name})
			if op.name != "$lookup" {
				routes = append(routes, route{method, "/{type}/{id}/" + op.name, op.interaction(), op.name})
			}
		}
	}
	return routes
}

// definedBy gives the URL of an operation's definition.
func definedBy(typ, name string) string {
	for _, op := range codeOperations {
		if op.typ == typ && op.name == "$"+name {
			return "http://hl7.org/fhir/OperationDefinition/" + typ + "-" + name
		}
	}
	if url := standardOperations[typ+"$"+name]; url != "" {
		return url
	}
	if name == "validate" {
		return "http://hl7.org/fhir/OperationDefinition/Resource-validate"
	}
	return ours + "OperationDefinition/" + name
}

// standardOperations are where operations of one type, or of none, are defined by others.
var standardOperations = map[string]string{
	"Patient$everything":   "http://hl7.org/fhir/OperationDefinition/Patient-everything",
	"Encounter$everything": "http://hl7.org/fhir/OperationDefinition/Encounter-everything",
	"Patient$match":        "http://hl7.org/fhir/OperationDefinition/Patient-match",
	"Patient$summary":      "http://hl7.org/fhir/uv/ips/OperationDefinition/summary",
	"Observation$lastn":    "http://hl7.org/fhir/OperationDefinition/Observation-lastn",
	"$export":              "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
	"Patient$export":       "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
	"Group$export":         "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export",

	"Subscription$status":               backport + "OperationDefinition/backport-subscription-status",
	"Subscription$events":               backport + "OperationDefinition/backport-subscription-events",
	"Subscription$get-ws-binding-token": backport + "OperationDefinition/backport-subscription-get-ws-binding-token",
}

// interaction reads the parameters, does it, and leaves the entry. What resources of the node gave is a read of them, with the entry of one. What
// definitions gave that are part of the program, or that came with the request, is about nobody: like a request that asks for nothing it stands
// in the organisation's own stream, so that no answer goes out without an entry.
func (op codeOperation) interaction() interaction {
	return func(s *Server, q *request) (*answer, error) {
		in, err := readInput(q, op.name, s.Limits.Resource)
		if err != nil {
			return nil, err
		}
		defer in.release()
		if err := in.stored(s); err != nil {
			return nil, err
		}
		in.known = s.known(q)
		body, err := op.do(s, in)
		if err == nil {
			err = in.refused()
		}
		if err != nil {
			return nil, terminologyProblem(err)
		}
		err = in.known.leave(s, q, func() error {
			if q.id != "" {
				return nil
			}
			return s.Store.Refuse(q, q.access, nil, http.StatusOK, "definitions of codes were shown, of nobody")
		})
		if err != nil {
			return nil, err
		}
		return &answer{status: http.StatusOK, body: body}, nil
	}
}

// r4Terminology is what is asked where the node has no other.
var r4Terminology = sync.OnceValue(func() *terminology.Terminology {
	return terminology.New(terminology.FromRegistry(definition.Base()))
})

func (s *Server) terms() *terminology.Terminology {
	if s.Terminology != nil {
		return s.Terminology
	}
	return r4Terminology()
}

// terminologyProblem is what is answered where a question about codes cannot be answered.
func terminologyProblem(err error) error {
	var e *terminology.Error
	if !errors.As(err, &e) {
		return err
	}
	status := http.StatusUnprocessableEntity
	switch e.Kind {
	case terminology.NotFound:
		status = http.StatusNotFound
	case terminology.Required:
		status = http.StatusBadRequest
	}
	return fail(status, e.Kind, "%s", e.Text)
}

// unprocessable is for what is known and cannot be answered for all that.
func unprocessable(err error) error {
	var e *terminology.Error
	if !errors.As(err, &e) {
		return err
	}
	return fail(http.StatusUnprocessableEntity, e.Kind, "%s", e.Text)
}

// stored reads the resource of the node that the address names.
func (in *input) stored(s *Server) error {
	if in.q.id == "" {
		return nil
	}
	v, err := s.Store.Read(in.q, in.q.access, in.q.typ, in.q.id, 0)
	if err != nil {
		return err
	}
	in.kept = tape.Get()
	if err := in.kept.Parse(v.Body, tape.Limits{Bytes: len(v.Body), Depth: s.Limits.Depth, Nodes: resourceNodes}); err != nil {
		return fmt.Errorf("a stored resource cannot be read: %w", err)
	}
	in.resource = in.kept.Root()
	return nil
}

// given gives the definition that the question is about where it is a resource: of the node, or under a name among the parameters.
func (in *input) given(name string) (tape.Value, error) {
	if in.resource.Exists() {
		return in.resource, nil
	}
	r := in.value(name)
	if r.Exists() && !r.Get("resourceType").Is(in.q.typ) {
		return r, fail(http.StatusBadRequest, "invalid", "the parameter %s is to be a %s", name, in.q.typ).at(r)
	}
	return r, nil
}

// set finds the value set that is asked about.
func (in *input) set() (*terminology.Set, error) {
	if r, err := in.given("valueSet"); err != nil || r.Exists() {
		if err != nil {
			return nil, err
		}
		set, err := in.known.terms.SetOf(terminology.ReadValueSet(r))
		return set, unprocessable(err)
	}
	url := in.canonical("url", "valueSetVersion")
	if url == "" {
		return nil, fail(http.StatusBadRequest, "required", "name the value set by url, send it as valueSet, or ask at ValueSet/ID")
	}
	set, err := in.known.terms.Set(url)
	var e *terminology.Error
	if errors.As(err, &e) && e.Kind == terminology.NotFound {
		return nil, fail(http.StatusNotFound, "not-found", "no value set of this URL is known here")
	}
	return set, unprocessable(err)
}

// expandParameters are those that $expand heeds beside the ones that name the value set.
var expandParameters = []string{"filter", "count", "offset", "activeOnly", "excludeNested", "includeDesignations", "includeDefinition", "displayLanguage", "excludePostCoordinated"}

func (s *Server) expand(in *input) ([]byte, error) {
	o := terminology.ExpandOptions{
		Filter: in.text("filter"), Count: in.number("count", -1), Offset: in.number("offset", 0), ActiveOnly: in.flag("activeOnly"),
		ExcludeNested: in.flag("excludeNested"), IncludeDesignations: in.flag("includeDesignations"),
		IncludeDefinition: in.flag("includeDefinition"), DisplayLanguage: in.text("displayLanguage"),
	}
	in.flag("excludePostCoordinated") // there are none
	set, err := in.set()
	if err != nil {
		return nil, err
	}
	if err := in.refused(); err != nil {
		return nil, err
	}
	x, err := set.Expand(o)
	if err != nil {
		return nil, unprocessable(err)
	}
	return x.Append(nil, uuid.New().URN(), time.Now()), nil
}
