package fhir

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sijil-health/sijil/bulk"
	"github.com/sijil-health/sijil/bulk/answers"
	"github.com/sijil-health/sijil/bulk/imports"
	"github.com/sijil-health/sijil/fhir/canonical"
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/subscription"
	"github.com/sijil-health/sijil/fhir/validation"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/terminology"
)

// Config is what a Server is made of.
type Config struct {
	Store Store
	Auth  Authorizer

	// Prefix is the path under which the gate is reached, e.g. "/fhir". Base is its public URL, e.g.
	// "https://records.example.org/fhir": links begin with it, and absolute references that begin with it are to this server. When it is
	// empty only relative references are, and links begin with what each request was sent to.
	Prefix, Base string

	Version   string   // of the software, for the CapabilityStatement
	Limits    Limits   // zero fields: DefaultLimits
	Origins   []string // of web pages whose programs may use the gate, each as a browser writes it: "https://app.example.org"
	ServerIDs bool     // clients choose no ids: PUT creates nothing under an id that was never known
	Checks    Checks   // of what is written
	// Definitions are the profiles and search parameters that are known; nil: those of R4.
	Definitions *definition.Registry
	// Parameters are those that resources are found by, as the Store's index was told; nil: those of Definitions.
	Parameters *search.Parameters
	// Retelling tells how far resources are told anew to the index after search parameters changed; nil: they never are.
	Retelling func() []record.Retelling
	// Terminology answers the operations on codes; nil: by what R4 defines.
	Terminology *terminology.Terminology
	// Own is what resources of the node define besides, by their URLs; nil: they are asked by their ids alone.
	Own *canonical.Own
	// Trust gives the file that others check receipts with; nil: it is not handed out.
	Trust func(context.Context) ([]byte, error)
	// Exports makes files of what is taken away; nil: there is no $export.
	Exports *bulk.Exports
	// Imports takes what is brought in many files or lines; nil: there is no $import. Whoever sets it begins it with the Server as its gate.
	Imports *imports.Imports
	// Answers keeps what is answered in the background; nil: everything is answered at once.
	Answers *answers.Answers
	// Subscriptions tells others of changes; nil: Subscriptions are stored, and nobody is told.
	Subscriptions *subscription.Subscriptions
	Log           *slog.Logger // for what the node itself failed at; nil: nothing is logged
}

// Server is the gate, an http.Handler. Use HTTP to serve it.
type Server struct {
	Config
	validator  *validation.Validator
	mux        http.ServeMux
	table      []route            // routes; here, so that an interaction may look at it
	audit      []route            // auditRoutes
	special    map[string][]route // of types with operations of their own: those, then routes
	admission  *admission
	conditions conditions
	strangers  strangers
	statement  atomic.Pointer[statement]
	stated     sync.Once // systems
	systems    []termsSystem
	started    time.Time
}

// New makes a gate. Store and Auth must be set.
func New(c Config) *Server {
	c.Limits = c.Limits.orDefault()
	c.Prefix, c.Base = strings.TrimSuffix(c.Prefix, "/"), strings.TrimSuffix(c.Base, "/")
	if c.Definitions == nil {
		c.Definitions = definition.Base()
	}
	if c.Parameters == nil {
		c.Parameters = search.New(c.Definitions)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Config: c, admission: newAdmission(c.Limits), started: time.Now(), table: routes, audit: auditRoutes, special: map[string][]route{}}
	for _, typ := range []string{"ValueSet", "CodeSystem", "ConceptMap"} {
		s.special[typ] = slices.Concat(codeRoutes(typ), s.table)
	}
	for typ, own := range typeRoutes {
		s.special[typ] = slices.Concat(own, s.table)
	}
	if s.Subscriptions != nil {
		s.special["Subscription"] = slices.Concat(subscriptionRoutes, s.table)
	}
	s.validator = validation.New(s.terms(), c.Definitions.StructureDefinition)
	if s.Own != nil {
		s.Own.Begin(s.Store, canonical.Base{Definitions: c.Definitions, Terminology: s.terms(), Validator: s.validator}, s.Log)
	}
	s.strangers.tell = s.refuseStrangers
	s.routes()
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cors(w, r) {
		return
	}
	if !clean(r) { // the mux would answer by itself, in HTML and without an entry
		s.handle(unknownPath)(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// clean tells whether a request's address is one that http.ServeMux takes as it stands.
func clean(r *http.Request) bool {
	p := r.URL.EscapedPath()
	c := path.Clean(p)
	return r.RequestURI != "*" && (p == c || p == c+"/")
}

// HTTP gives a server with the timeouts that suit the gate. It has none for a whole request: a transaction of thousands of
// resources may take long, and the time for a request's body is bounded where it is read.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is a request like others
	}
}

// Close leaves the entries that were still held back. The server serves no more.
func (s *Server) Close() error {
	s.strangers.report()
	return nil
}

// interaction is one thing that can be asked for. It answers or fails; headers, entries for refusals and the form of the
// answer are not its business, so that Bundles use the same ones.
type interaction func(s *Server, q *request) (*answer, error)

// route is one line of the table from which the mux, the interactions of Bundles and the CapabilityStatement are made.
type route struct {
	method, path string // path below the prefix, as http.ServeMux knows it
	do           interaction
	says         string // of it in the CapabilityStatement: the code of an interaction, an operation, or the name of an element that is true for it
}

var routes = []route{
	{"POST", "/{$}", (*Server).bundle, "transaction batch"},
	{"GET", "/_history", async(policy.History, (*Server).history), "history-system"},
	{"GET", "/{$}", async(policy.Search, (*Server).search), "search-system"},
	{"POST", "/_search", async(policy.Search, (*Server).search), "search-system"},
	{"GET", "/{type}", async(policy.Search, (*Server).search), "search-type"},
	{"POST", "/{type}", (*Server).create, "create"},
	{"POST", "/{type}/_search", async(policy.Search, (*Server).search), "search-type"},
	{"GET", "/{type}/_history", async(policy.History, (*Server).history), "history-type"},
	{"POST", "/{type}/$validate", (*Server).validate, "$validate"},
	{"PUT", "/{type}", (*Server).conditionalUpdate, "conditionalUpdate"},
	{"PATCH", "/{type}", (*Server).patch, "conditionalPatch"},
	{"DELETE", "/{type}", (*Server).conditionalDelete, "conditionalDelete"},
	{"GET", "/{type}/{id}", (*Server).read, "read"},
	{"PUT", "/{type}/{id}", (*Server).update, "update"},
	{"PATCH", "/{type}/{id}", (*Server).patch, "patch"},
	{"DELETE", "/{type}/{id}", (*Server).remove, "delete"},
	{"GET", "/$diff", (*Server).diffOf, "$diff"},
	{"GET", "/$export", (*Server).exportSystem, "$export"},
	{"POST", "/$export", (*Server).exportSystem, "$export"},
	{"GET", "/$export/{job}/status", (*Server).exportStatus, ""},
	{"DELETE", "/$export/{job}/status", (*Server).exportDrop, ""},
	{"GET", "/$export/{job}/files/{file}", (*Server).exportFile, ""},
	{"GET", "/$async/{job}/status", (*Server).asyncStatus, ""},
	{"DELETE", "/$async/{job}/status", (*Server).asyncDrop, ""},
	{"POST", "/$import", (*Server).importLines, "$import"},
	{"GET", "/$import/{job}/status", (*Server).importStatus, ""},
	{"DELETE", "/$import/{job}/status", (*Server).importDrop, ""},
	{"GET", "/$import/{job}/files/{file}", (*Server).importFile, ""},
	{"GET", "/{type}/{id}/$diff", (*Server).diff, "$diff"},
	{"POST", "/{type}/{id}/$validate", (*Server).validate, "$validate"},
	{"GET", "/{type}/{id}/$validate", (*Server).validate, "$validate"},
	{"GET", "/{type}/{id}/$verify", (*Server).verify, "$verify"},
	{"GET", "/{type}/{id}/_history", async(policy.History, (*Server).history), "history-instance"},
	{"GET", "/{type}/{id}/_history/{version}", (*Server).vread, "vread"},
	{"GET", "/{type}/{id}/_history/{version}/$receipt", (*Server).receipt, "$receipt"},
	{"GET", "/{type}/{id}/{within}", (*Server).searchWithin, "search-compartment"},
	{"POST", "/{type}/{id}/{within}/_search", (*Server).searchWithin, "search-compartment"},
}

// typeRoutes are the operations of one type alone.
var typeRoutes = map[string][]route{
	"Patient": {
		{"GET", "/{type}/$export", (*Server).exportPatients, "$export"},
		{"POST", "/{type}/$export", (*Server).exportPatients, "$export"},
		{"GET", "/{type}/{id}/$everything", async(policy.Search, (*Server).everything), "$everything"},
		{"POST", "/{type}/{id}/$everything", async(policy.Search, (*Server).everything), "$everything"},
		{"POST", "/{type}/$match", (*Server).matchPatient, "$match"},
		{"GET", "/{type}/$summary", async(policy.Search, (*Server).summary), "$summary"},
		{"POST", "/{type}/$summary", async(policy.Search, (*Server).summary), "$summary"},
		{"GET", "/{type}/{id}/$summary", async(policy.Search, (*Server).summary), "$summary"},
		{"POST", "/{type}/{id}/$summary", async(policy.Search, (*Server).summary), "$summary"},
	},
	"Encounter": {
		{"GET", "/{type}/{id}/$everything", async(policy.Search, (*Server).everything), "$everything"},
		{"POST", "/{type}/{id}/$everything", async(policy.Search, (*Server).everything), "$everything"},
	},
	"Group": {
		{"GET", "/{type}/{id}/$export", (*Server).exportGroup, "$export"},
		{"POST", "/{type}/{id}/$export", (*Server).exportGroup, "$export"},
	},
	"SearchParameter": {
		{"GET", "/{type}/$status", (*Server).parameterStatus, "$status"},
		{"GET", "/{type}/{id}/$status", (*Server).parameterStatus, "$status"},
	},
	"Observation": {
		{"GET", "/{type}/$lastn", async(policy.Search, (*Server).lastn), "$lastn"},
		{"POST", "/{type}/$lastn", async(policy.Search, (*Server).lastn), "$lastn"},
	},
}

// auditRoutes stand for the others where AuditEvents are concerned. Those resources are written by the node alone, one for each entry, and have
// one version.
var auditRoutes = []route{
	{"GET", "/{type}", async(policy.Audit, (*Server).auditSearch), "search-type"},
	{"POST", "/{type}/_search", async(policy.Audit, (*Server).auditSearch), "search-type"},
	{"GET", "/{type}/{id}", (*Server).auditRead, "read"},
	{"GET", "/{type}/{id}/$receipt", (*Server).auditReceipt, "$receipt"},
}

// tableOf gives the routes of what a type has. Parameters are only ever part of a request or an answer (FHIR R4, 2.1.7).
func (s *Server) tableOf(typ string) []route {
	switch typ {
	case "AuditEvent":
		return s.audit
	case "Parameters":
		return nil
	}
	if of := s.special[typ]; of != nil {
		return of
	}
	return s.table
}

// routes fills the mux. Each path also gets a handler for any other method, which answers 405 with what is allowed there.
func (s *Server) routes() {
	paths, done := map[string]bool{}, map[string]bool{}
	for _, r := range slices.Concat(s.table, s.audit, slices.Concat(slices.Collect(maps.Values(s.special))...)) {
		if strings.Contains(r.path, "{within}") {
			continue
		}
		if pattern := r.method + " " + s.Prefix + r.path; !done[pattern] {
			done[pattern] = true
			s.mux.HandleFunc(pattern, s.handle(dispatch(r.method, r.path)))
		}
		paths[r.path] = true
	}
	for path := range paths {
		if parts := strings.Split(path[1:], "/"); parts[0][0] == '$' || len(parts) <= 2 && strings.ContainsAny(parts[len(parts)-1][:1], "_$") {
			delete(paths, path) // other methods take the last part for a type or an id, and refuse it
		}
	}
	for path := range paths {
		s.mux.HandleFunc(s.Prefix+path, s.handle(dispatch("", path)))
	}
	// Compartments, of any method: http.ServeMux knows no order between these and, say, POST /{type}/{id}/$validate.
	s.mux.HandleFunc(s.Prefix+"/{type}/{id}/{within}", s.handle((*Server).searchWithin))
	s.mux.HandleFunc(s.Prefix+"/{type}/{id}/{within}/{form}", s.handle((*Server).searchWithin))
	s.mux.HandleFunc("GET "+s.Prefix+"/metadata", s.metadata)
	s.mux.HandleFunc("GET "+s.Prefix+"/$trust", s.handle((*Server).trust))
	if s.Subscriptions != nil {
		s.mux.HandleFunc("GET "+s.Prefix+websocketPath, s.websocket)
	}
	if s.Prefix != "" { // clients send Bundles to the base with a slash at its end, or without
		s.mux.HandleFunc("POST "+s.Prefix, s.handle(dispatch(http.MethodPost, "/{$}")))
		s.mux.HandleFunc("GET "+s.Prefix, s.handle(dispatch(http.MethodGet, "/{$}")))
		s.mux.HandleFunc(s.Prefix, s.handle(dispatch("", "/{$}")))
	}
	s.mux.HandleFunc("/", s.handle(unknownPath))
}

// dispatch gives what a method does at a path: what the table of the type in the address says.
func dispatch(method, path string) interaction {
	return func(s *Server, q *request) (*answer, error) {
		var allowed []string
		for _, r := range s.tableOf(q.typ) {
			switch {
			case r.path != path:
			case r.method == method:
				return r.do(s, q)
			case r.method == http.MethodGet:
				allowed = append(allowed, http.MethodGet, http.MethodHead)
			default:
				allowed = append(allowed, r.method)
			}
		}
		if allowed == nil {
			return unknownPath(s, q)
		}
		return notAllowed(allowed...)(s, q)
	}
}

func notAllowed(methods ...string) interaction {
	list := strings.Join(methods, ", ")
	return func(_ *Server, q *request) (*answer, error) {
		q.header.Set("Allow", list)
		return nil, fail(http.StatusMethodNotAllowed, "not-supported", "%s is not possible here; possible are %s", q.method, list)
	}
}

func unknownPath(_ *Server, q *request) (*answer, error) {
	return nil, fail(http.StatusNotFound, "not-found", "there is nothing at this address; GET metadata lists what there is")
}

// newID makes the id of a new resource: a version 7 UUID (RFC 9562), random but ascending in time, which keeps neighbours in
// time together in the index and the order of search results that of creation.
func newID(now time.Time) string {
	var id uuid.UUID
	_, _ = rand.Read(id[6:]) // never fails, see crypto/rand
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}
