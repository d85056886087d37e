package fhir

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/subscription"
	"github.com/sijil-health/sijil/index/term"
)

// statement is the CapabilityStatement as last made, for one base.
type statement struct {
	base    string
	changes uint64 // of the search parameters
	body    []byte
}

// metadataModes are what can be asked for (FHIR R4, 3.1.0.13). What is normative of a statement is not told from the rest.
var metadataModes = []string{"", "full", "normative", "terminology"}

// metadata answers GET metadata. It needs no token: it says nothing of anybody, and clients ask it first.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	q := &request{Context: r.Context(), base: s.baseOf(r), method: r.Method, header: w.Header()}
	err := acceptable(r)
	mode := r.URL.Query().Get("mode")
	if err == nil && !slices.Contains(metadataModes, mode) {
		err = fail(http.StatusBadRequest, "value", "mode is full, normative or terminology")
	}
	if err != nil {
		p := problemOf(err)
		s.write(q, r, w, p.status, appendOutcome(nil, p.issues...))
		return
	}
	if mode == "terminology" {
		s.write(q, r, w, http.StatusOK, s.terminologyCapabilities(q.base))
		return
	}
	made, changes := s.statement.Load(), s.Parameters.Changes()
	if made == nil || made.base != q.base || made.changes != changes {
		made = &statement{q.base, changes, s.capabilities(q.base)}
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
		FHIRVersion:    "4.0.1", Format: []string{"application/fhir+json", "json", "application/fhir+xml", "xml"}, PatchFormat: strings.Split(acceptPatch, ", "),
	}
	rest := capabilityRest{
		Mode: "server",
		Documentation: "Unknown search parameters are refused unless handling=lenient is preferred. The header Sijil-Ack of a write says " +
			"whether it is durable (journalled) or in a block besides (anchored). Every access can be read as AuditEvent.",
		Security: capabilitySecurity{CORS: len(s.Origins) > 0, Description: "Every request but this one needs a bearer token that names actor, role, organisation and purpose of use."},
	}
	if s.Answers != nil {
		rest.Documentation += " Searches, histories, $everything, $lastn, $summary and batches are answered in the background where respond-async is preferred: the answer is a Bundle of type batch-response."
	}
	said := said(s.table, false)
	for _, code := range systemInteractions {
		if said[code] {
			rest.Interaction = append(rest.Interaction, capabilityCode{code})
		}
	}
	rest.Operation = operations(said, "")
	rest.SearchParam = slices.DeleteFunc(s.searchParams("Basic"), func(p capabilitySearch) bool { return p.Name[0] != '_' })
	for _, typ := range definition.ResourceTypes() {
		rest.Resource = append(rest.Resource, s.capabilityOf(typ))
		if definition.CompartmentOf(typ) != nil {
			rest.Compartment = append(rest.Compartment, "http://hl7.org/fhir/CompartmentDefinition/"+strings.ToLower(typ))
		}
	}
	if s.Subscriptions != nil {
		c.Instantiates = []string{backport + "CapabilityStatement/backport-subscription-server-r4"}
		rest.Extension = []capabilityExtension{{URL: "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket", URI: websocketURL(base)}}
	}
	c.Rest = []capabilityRest{rest}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // nothing in c can fail to be written
	}
	return b
}

// systemInteractions are the codes that interactions with no type can have (http://hl7.org/fhir/system-restful-interaction).
var systemInteractions = []string{"transaction", "batch", "search-system", "history-system"}

// typeInteractions are the codes that a type's interactions can have (http://hl7.org/fhir/type-restful-interaction), in the order of the statement.
var typeInteractions = []string{"read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"}

// said gathers what routes say, those of types or the others.
func said(table []route, ofTypes bool) map[string]bool {
	says := map[string]bool{}
	for i := range table {
		if r := &table[i]; strings.HasPrefix(r.path, "/{type}") == ofTypes {
			for said := range strings.FieldsSeq(r.says) {
				says[said] = true
			}
		}
	}
	return says
}

// operations are those among what routes say.
func operations(says map[string]bool, typ string) (list []capabilitySearch) {
	for _, said := range slices.Sorted(maps.Keys(says)) {
		if name, ok := strings.CutPrefix(said, "$"); ok {
			list = append(list, capabilitySearch{Name: name, Definition: definedBy(typ, name)})
		}
	}
	return list
}

// capabilityOf says of a type what its routes say.
func (s *Server) capabilityOf(typ string) capabilityResource {
	says := said(s.tableOf(typ), true)
	r := capabilityResource{
		Type: typ, Profile: "http://hl7.org/fhir/StructureDefinition/" + typ, Versioning: "no-version", ConditionalRead: "not-supported", ConditionalDelete: "not-supported",
		ReadHistory: says["vread"], UpdateCreate: says["update"] && !s.ServerIDs, ConditionalCreate: says["create"], ConditionalUpdate: says["conditionalUpdate"],
		ReferencePolicy: []string{"literal", "logical"},
	}
	if says["search-type"] {
		r.SearchParam, r.SearchInclude = s.searchParams(typ), s.includable(typ)
	}
	if says["vread"] {
		r.Versioning, r.ConditionalRead = "versioned", "full-support"
	}
	if says["conditionalDelete"] {
		r.ConditionalDelete = "multiple" // as many as _count says
	}
	for _, code := range typeInteractions {
		if says[code] {
			r.Interaction = append(r.Interaction, capabilityCode{code})
		}
	}
	r.Operation = operations(says, typ)
	if typ == "Subscription" && s.Subscriptions != nil {
		r.SupportedProfile = []string{subscription.Profile}
		for _, topic := range subscription.Topics() {
			r.Extension = append(r.Extension, capabilityExtension{URL: backport + "StructureDefinition/capabilitystatement-subscriptiontopic-canonical", Canonical: topic})
		}
	}
	return r
}

// searchParams are the parameters that a type is searched by.
func (s *Server) searchParams(typ string) (list []capabilitySearch) {
	if typ == "AuditEvent" {
		for _, p := range [][2]string{{"patient", "reference"}, {"date", "date"}, {"agent", "reference"}, {"entity", "reference"}, {"action", "token"}} {
			list = append(list, capabilitySearch{Name: p[0], Definition: searchParameter("AuditEvent-" + p[0]), Type: p[1]})
		}
		return list
	}
	for _, p := range s.Parameters.Of(typ).Params {
		one := capabilitySearch{Name: p.Code, Definition: p.URL, Type: kindNames[p.Kind]}
		if !s.Parameters.Complete(typ, p.Code) {
			one.Documentation = "Not yet: searches by it are refused until all resources can be found by it. See SearchParameter/$status."
		}
		list = append(list, one)
	}
	return list
}

// includable are the references of a type that _include follows, and _revinclude back.
func (s *Server) includable(typ string) []string {
	if typ == "AuditEvent" {
		return nil
	}
	list := []string{"*"}
	for _, p := range s.Parameters.Of(typ).Params {
		if p.Kind == term.Reference {
			list = append(list, typ+":"+p.Code)
		}
	}
	return list
}

var kindNames = map[term.Kind]string{
	term.Token: "token", term.Reference: "reference", term.Date: "date", term.String: "string", term.Number: "number", term.Quantity: "quantity",
	term.URI: "uri", term.Composite: "composite", term.Text: "string",
}

func searchParameter(name string) string { return "http://hl7.org/fhir/SearchParameter/" + name }
