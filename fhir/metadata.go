package fhir

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/sijil-health/sijil/index"
)

// The elements of CapabilityStatement that are filled in.
type (
	capability struct {
		ResourceType   string             `json:"resourceType"`
		Status         string             `json:"status"`
		Date           string             `json:"date"`
		Kind           string             `json:"kind"`
		Software       capabilitySoftware `json:"software"`
		Implementation map[string]string  `json:"implementation"`
		FHIRVersion    string             `json:"fhirVersion"`
		Format         []string           `json:"format"`
		Rest           []capabilityRest   `json:"rest"`
	}
	capabilitySoftware struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	capabilityRest struct {
		Mode          string               `json:"mode"`
		Documentation string               `json:"documentation"`
		Security      map[string]string    `json:"security"`
		Resource      []capabilityResource `json:"resource"`
		Interaction   []capabilityCode     `json:"interaction"`
	}
	capabilityCode struct {
		Code string `json:"code"`
	}
	capabilityResource struct {
		Type              string             `json:"type"`
		Profile           string             `json:"profile"`
		Interaction       []capabilityCode   `json:"interaction"`
		Versioning        string             `json:"versioning"`
		ReadHistory       bool               `json:"readHistory"`
		UpdateCreate      bool               `json:"updateCreate"`
		ConditionalCreate bool               `json:"conditionalCreate"`
		ConditionalRead   string             `json:"conditionalRead"`
		ConditionalUpdate bool               `json:"conditionalUpdate"`
		ConditionalDelete string             `json:"conditionalDelete"`
		ReferencePolicy   []string           `json:"referencePolicy"`
		SearchParam       []capabilitySearch `json:"searchParam,omitempty"`
		Operation         []capabilitySearch `json:"operation"`
	}
	capabilitySearch struct {
		Name       string `json:"name"`
		Definition string `json:"definition"`
		Type       string `json:"type,omitempty"`
	}
)

// statement is the CapabilityStatement as last made, for one base.
type statement struct {
	base string
	body []byte
}

// metadata answers GET metadata. It needs no token: it says nothing of anybody, and clients ask it first.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	q := &request{Context: r.Context(), base: s.baseOf(r), method: r.Method, header: w.Header()}
	if err := acceptable(r); err != nil {
		p := problemOf(err)
		s.write(q, r, w, p.status, appendOutcome(nil, p.issues...))
		return
	}
	made := s.statement.Load()
	if made == nil || made.base != q.base {
		made = &statement{q.base, s.capabilities(q.base)}
		s.statement.Store(made)
	}
	s.write(q, r, w, http.StatusOK, made.body)
}

// capabilities makes the CapabilityStatement from the tables that the gate itself works by.
func (s *Server) capabilities(base string) []byte {
	c := capability{
		ResourceType: "CapabilityStatement", Status: "active", Date: s.started.UTC().Format(time.RFC3339), Kind: "instance",
		Software:       capabilitySoftware{"Sijil", s.Version},
		Implementation: map[string]string{"description": "Sijil: every change and every access is an entry on a shared ledger", "url": base},
		FHIRVersion:    "4.0.1", Format: []string{"application/fhir+json", "json"},
	}
	rest := capabilityRest{
		Mode: "server",
		Documentation: "Unknown search parameters are refused unless handling=lenient is preferred. The header Sijil-Ack of a write says " +
			"whether it is durable (journalled) or in a block besides (anchored). Every access can be read as AuditEvent.",
		Security:    map[string]string{"description": "Every request but this one needs a bearer token that names actor, role, organisation and purpose of use."},
		Interaction: []capabilityCode{{"transaction"}, {"batch"}},
	}
	names := make([]string, 0, len(types))
	for name := range types {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rest.Resource = append(rest.Resource, capabilityOf(name))
	}
	c.Rest = []capabilityRest{rest}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // nothing in c can fail to be written
	}
	return b
}

func capabilityOf(typ string) capabilityResource {
	r := capabilityResource{
		Type: typ, Profile: "http://hl7.org/fhir/StructureDefinition/" + typ, Versioning: "versioned",
		ReadHistory: true, UpdateCreate: true, ConditionalCreate: true, ConditionalRead: "full-support", ConditionalDelete: "not-supported",
		ReferencePolicy: []string{"literal", "logical"},
		Operation:       []capabilitySearch{{Name: "receipt", Definition: ours + "OperationDefinition/receipt"}},
		SearchParam: []capabilitySearch{
			{"_id", searchParameter("Resource-id"), "token"}, {"_lastUpdated", searchParameter("Resource-lastUpdated"), "date"},
		},
	}
	codes := []string{"read", "vread", "create", "update", "delete", "history-instance", "search-type"}
	if typ == "AuditEvent" {
		codes = []string{"read", "search-type"}
		r.Versioning, r.ReadHistory, r.UpdateCreate, r.ConditionalCreate = "no-version", false, false, false
		r.ConditionalRead = "not-supported"
		r.SearchParam = nil
		for _, p := range [][2]string{{"patient", "reference"}, {"date", "date"}, {"agent", "reference"}, {"entity", "reference"}, {"action", "token"}} {
			r.SearchParam = append(r.SearchParam, capabilitySearch{p[0], searchParameter("AuditEvent-" + p[0]), p[1]})
		}
	} else {
		for _, p := range types[typ].params {
			r.SearchParam = append(r.SearchParam, capabilitySearch{p.name, searchParameter(p.definition), kindNames[p.kind]})
		}
	}
	for _, code := range codes {
		r.Interaction = append(r.Interaction, capabilityCode{code})
	}
	return r
}

var kindNames = map[index.Kind]string{index.Token: "token", index.Reference: "reference", index.Date: "date", index.String: "string"}

func searchParameter(name string) string { return "http://hl7.org/fhir/SearchParameter/" + name }
