package fhir

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// auditEvent shows an entry as AuditEvent, by the patterns of IHE BALP 1.1. It does not claim their profiles: those ask for the
// client's network address, which entries do not hold.
func auditEvent(a *record.Audited, base string) []byte {
	e := a.Entry
	at := time.UnixMilli(e.Time).UTC().Format(instantFormat)
	r := auditResource{
		ResourceType: "AuditEvent", ID: a.ID, Meta: auditMeta{"1", at}, Extension: []extension{ledgerPlace(a)},
		Type: coding{systemEventType, "rest", "Restful Operation"}, Subtype: subtypes(e), Action: actionOf(e.Kind),
		Recorded: at, Outcome: outcomeCode(e.Outcome), Agent: agents(e, base), Entity: entities(e),
		Source: auditSource{Observer: organisation(e), Type: []coding{{"http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server"}}},
	}
	if e.Kind == verify.KindSystem {
		r.Type = coding{systemDICOM, "110100", "Application Activity"}
	}
	if r.Outcome != "0" {
		r.OutcomeDesc = strings.TrimSpace(formatUint(uint64(e.Outcome)) + " " + http.StatusText(int(e.Outcome)))
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // nothing in r can fail to be written
	}
	return b
}

// ledgerPlace tells where the entry stands: which of its chart's, under which tag, and in which block.
func ledgerPlace(a *record.Audited) extension {
	x := extension{URL: ours + "StructureDefinition/ledger", Extension: []extension{
		{URL: "number", Decimal: json.Number(formatUint(a.Entry.Number))},
		{URL: "tag", Bytes: a.Tag[:]},
	}}
	if a.Height > 0 {
		x.Extension = append(x.Extension, extension{URL: "block", Decimal: json.Number(formatUint(a.Height))})
	}
	return x
}

// subtypes names the interaction. For a refusal it is the one that was asked for.
func subtypes(e *verify.Entry) []coding {
	var codes []string
	switch e.Kind {
	case verify.KindCreate:
		codes = []string{"create"}
	case verify.KindUpdate:
		codes = []string{"update"}
	case verify.KindDelete:
		codes = []string{"delete"}
	case verify.KindRead:
		if codes = []string{"read"}; strings.Contains(e.Detail, "/_history/") {
			codes = []string{"vread"}
		}
	case verify.KindSearch:
		codes = []string{"search", "search-type"}
	case verify.KindHistory:
		codes = []string{"history-instance"}
		if asked := askedFor(e.Detail); len(asked) == 1 && strings.HasPrefix(asked[0], "history-") {
			codes = asked
		}
	case verify.KindExport:
		codes = []string{"operation"}
	case verify.KindRefuse:
		codes = askedFor(e.Detail)
	}
	var list []coding
	for _, code := range codes {
		list = append(list, coding{System: systemRestful, Code: code, Display: code})
	}
	return list
}

// askedFor reads the interaction out of an entry's Detail, "METHOD path?query — why"; nil if it is none that FHIR knows.
func askedFor(detail string) []string {
	method, asked, _ := strings.Cut(detail, " ")
	for _, kind := range []string{"transaction", "batch"} {
		if strings.HasPrefix(asked, "/ ("+kind) {
			return []string{kind}
		}
	}
	path := asked
	if end := strings.IndexAny(asked, "? "); end >= 0 {
		path = asked[:end]
	}
	parts := strings.Split(path, "/")
	for i := range parts {
		switch {
		case strings.HasPrefix(parts[i], "$"):
			return []string{"operation"}
		case i == 0 && isType(parts[0]):
			parts[0] = "T"
		case i == 1 && isID(parts[1]), i == 3 && isID(parts[3]):
			parts[i] = "id"
		}
	}
	return interactionCodes[method+" "+strings.Join(parts, "/")]
}

// interactionCodes names the interactions of http://hl7.org/fhir/restful-interaction by method and shape of the address, those too that this gate refuses.
var interactionCodes = map[string][]string{
	"GET T/id": {"read"}, "HEAD T/id": {"read"}, "GET T/id/_history/id": {"vread"}, "HEAD T/id/_history/id": {"vread"},
	"POST T": {"create"}, "PUT T/id": {"update"}, "PUT T": {"update"}, "PATCH T/id": {"patch"}, "PATCH T": {"patch"}, "DELETE T/id": {"delete"}, "DELETE T": {"delete"},
	"GET T/id/_history": {"history-instance"}, "HEAD T/id/_history": {"history-instance"},
	"GET T/_history": {"history-type"}, "HEAD T/_history": {"history-type"}, "GET _history": {"history-system"}, "HEAD _history": {"history-system"},
	"GET T": {"search", "search-type"}, "HEAD T": {"search", "search-type"}, "POST T/_search": {"search", "search-type"},
	"GET ": {"search", "search-system"}, "GET _search": {"search", "search-system"}, "POST _search": {"search", "search-system"},
}

// outcomeCode maps an HTTP status to http://terminology.hl7.org/CodeSystem/audit-event-outcome.
func outcomeCode(status uint16) string {
	switch {
	case status < http.StatusBadRequest:
		return "0"
	case status < http.StatusInternalServerError:
		return "4"
	}
	return "8"
}

func organisation(e *verify.Entry) link {
	return link{Identifier: &identifier{ours + "organisation", e.Org.String()}}
}

// agents are who asked and the node that answered. By the convention of DICOM and IHE, the source of a read is the server and
// the source of everything else is the client.
func agents(e *verify.Entry, base string) []auditAgent {
	user := auditAgent{Requestor: true, Name: e.Actor, Who: link{Identifier: &identifier{ours + "actor", e.Actor}, Display: e.Actor}}
	switch {
	case e.Actor == "": // no valid token
		user.Who = link{Display: "unknown"}
	case parseReference(e.Actor).form == literal:
		user.Who = link{Reference: e.Actor}
	}
	user.Type = concept{Coding: []coding{{systemPart, "IRCP", "information recipient"}}}
	server := auditAgent{Who: organisation(e), Type: concept{Coding: []coding{{systemDICOM, "110152", "Destination Role ID"}}}}
	switch e.Kind {
	case verify.KindCreate, verify.KindUpdate, verify.KindDelete:
		user.Type = concept{Coding: []coding{{systemPart, "AUT", "author (originator)"}}}
	case verify.KindRead, verify.KindHistory, verify.KindExport:
		server.Type = concept{Coding: []coding{{systemDICOM, "110153", "Source Role ID"}}}
	}
	if e.Role != "" {
		user.Role = []concept{{Coding: []coding{{System: ours + "role", Code: e.Role}}, Text: e.Role}}
	}
	if e.Purpose != "" {
		user.PurposeOfUse = []concept{{Coding: []coding{{System: systemReason, Code: e.Purpose}}}}
	}
	if u, err := url.Parse(base); err == nil && u.Hostname() != "" {
		server.Network = &auditServer{Address: u.Hostname(), Type: "1"} // 1: machine name
	}
	return []auditAgent{user, server}
}

// departure says of a resource that an update took it out of the entry's chart: the version itself is in another one's entry.
func departure(e *verify.Entry, t *verify.Target) string {
	if e.Kind == verify.KindUpdate && t.Blob.IsZero() {
		return "moved to another chart"
	}
	return ""
}

// entities are what it was about: the patient, what was touched, the query or what the node did, and the request that joins several entries.
func entities(e *verify.Entry) (list []auditEntity) {
	if e.Chart != "" {
		list = append(list, auditEntity{
			What: &link{Reference: e.Chart},
			Type: coding{systemEntityType, "1", "Person"}, Role: &coding{systemObjectRole, "1", "Patient"},
		})
	}
	object := coding{systemEntityType, "2", "System Object"}
	for _, t := range e.Targets {
		ref := t.Ref
		if t.Version > 0 {
			ref += "/_history/" + formatUint(t.Version)
		}
		list = append(list, auditEntity{
			What: &link{Reference: ref}, Type: object, Role: &coding{systemObjectRole, "4", "Domain Resource"}, Description: departure(e, &t),
		})
	}
	switch e.Kind {
	case verify.KindSearch, verify.KindHistory, verify.KindRefuse, verify.KindExport:
		list = append(list, auditEntity{
			Type: object, Role: &coding{systemObjectRole, "24", "Query"}, Query: base64.StdEncoding.EncodeToString([]byte(e.Detail)),
		})
	case verify.KindSystem: // for whom a token is, of which role and purpose; what was repaired
		list = append(list, auditEntity{Type: coding{systemEntityType, "4", "Other"}, Description: e.Detail})
	}
	return append(list, auditEntity{
		What: &link{Identifier: &identifier{Value: hex.EncodeToString(e.Request[:])}},
		Type: coding{System: systemBALP, Code: "XrequestId"},
	})
}
