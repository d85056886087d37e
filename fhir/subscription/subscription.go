package subscription

import (
	"mime"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// The extensions of the backport that are known, and where it defines them.
const (
	backport     = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
	extFilter    = backport + "backport-filter-criteria"
	extContent   = backport + "backport-payload-content"
	extHeartbeat = backport + "backport-heartbeat-period"
	extTimeout   = backport + "backport-timeout"
	extMaxCount  = backport + "backport-max-count"
	extChannel   = backport + "backport-channel-type"
	Profile      = backport + "backport-subscription" // of a Subscription by topic
)

// The states of a Subscription (http://hl7.org/fhir/subscription-status).
const (
	requested = "requested"
	active    = "active"
	failed    = "error"
	off       = "off"
)

// The channels that there are.
const (
	restHook  = "rest-hook"
	websocket = "websocket"
)

// asked is a Subscription, read: what somebody wants to be told, and how.
type asked struct {
	status string
	topic  string // canonical; "" for one by criteria
	query  term.Query
	ops    []record.Op
	end    time.Time // zero for none

	channel   string
	endpoint  string
	header    [][2]string
	payload   string // "" (none; by topic: JSON), mimeJSON or mimeXML
	content   record.Giving
	heartbeat time.Duration // 0 for none
	timeout   time.Duration
	batch     int // events of one notification
}

const (
	mimeJSON = "application/fhir+json"
	mimeXML  = "application/fhir+xml"
)

// reader reads Subscriptions.
type reader struct {
	parameters *search.Parameters
	options    search.Options
	limits     Limits
	endpoints  endpoints
}

// read reads a Subscription, or says what of it cannot be had here.
func (r *reader) read(root tape.Value) (*asked, error) {
	a := &asked{status: root.Get("status").Text(), timeout: r.limits.Timeout, batch: 1}
	if !slices.Contains([]string{requested, active, failed, off}, a.status) {
		return nil, refuse(root.Get("status"), "value", "status is requested, active, error or off")
	}
	if end := root.Get("end"); end.Exists() {
		var err error
		if a.end, err = time.Parse(time.RFC3339, end.Text()); err != nil {
			return nil, refuse(end, "value", "end is an instant")
		}
	}
	for _, part := range []func(tape.Value, *asked) *Error{r.criteria, r.channel, r.delivery} {
		if e := part(root, a); e != nil {
			return nil, e
		}
	}
	return a, nil
}

// channel reads where notifications go.
func (r *reader) channel(root tape.Value, a *asked) *Error {
	channel := root.Get("channel")
	typ := channel.Get("type")
	if other := extension(channel.Get("_type"), extChannel); other.Exists() {
		return refuse(other, "not-supported", "the channels there are are rest-hook and websocket")
	}
	endpoint := channel.Get("endpoint")
	switch a.channel = typ.Text(); a.channel {
	case websocket:
	case restHook:
		if !endpoint.Exists() {
			return refuse(channel, "required", "a rest-hook needs an endpoint")
		}
		a.endpoint = endpoint.Text()
		if why := r.endpoints.refuses(a.endpoint); why != "" {
			return refuse(endpoint, "not-supported", "%s", why)
		}
	default:
		return refuse(typ, "not-supported", "the channels there are are rest-hook and websocket")
	}
	headers := channel.Get("header")
	if headers.Len() > maxHeaders {
		return refuse(headers, "too-costly", "at most %d headers are sent", maxHeaders)
	}
	for h := headers.First(); h.Exists(); h = h.Next() {
		name, value, ok := strings.Cut(h.Text(), ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || len(h.Bytes()) > maxHeader || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || ours(name) {
			return refuse(h, "value", "a header is \"Name: value\", and none of those that this node sets itself")
		}
		a.header = append(a.header, [2]string{textproto.CanonicalMIMEHeaderKey(name), value})
	}
	return nil
}

// ours tells whether a header is not the client's to set.
func ours(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"content-", "sijil-", "proxy-", "sec-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"host", "connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"}, name)
}

// delivery reads what notifications hold and when they are sent.
func (r *reader) delivery(root tape.Value, a *asked) *Error {
	channel := root.Get("channel")
	if e := a.payloadOf(channel); e != nil {
		return e
	}
	for _, x := range []struct {
		url      string
		from, to int
		take     func(n int)
	}{
		{extHeartbeat, int(r.limits.Heartbeat / time.Second), int(maxPeriod / time.Second), func(n int) { a.heartbeat = time.Duration(n) * time.Second }},
		{extTimeout, 1, int(maxTimeout / time.Second), func(n int) { a.timeout = time.Duration(n) * time.Second }},
		{extMaxCount, 1, 0, func(n int) { a.batch = min(n, r.limits.Batch) }}, // the most that is wanted: less is always right
	} {
		at := extension(channel, x.url)
		if !at.Exists() {
			continue
		}
		name := x.url[len(backport+"backport-"):]
		if a.topic == "" {
			return refuse(at, "not-supported", "%s is for subscriptions by topic", name)
		}
		n, err := strconv.Atoi(string(value(at).Raw()))
		if err != nil || n < x.from || x.to > 0 && n > x.to {
			if x.to == 0 {
				return refuse(at, "value", "%s is at least %d", name, x.from)
			}
			return refuse(at, "value", "%s is from %d to %d seconds", name, x.from, x.to)
		}
		x.take(n)
	}
	return nil
}

// payloadOf reads the form of notifications and how much they tell. By topic it is nothing unless the Subscription says (backport, "Payload Types"); by
// criteria it is the resource if there is a form for it (FHIR R4, Subscription.channel.payload).
func (a *asked) payloadOf(channel tape.Value) *Error {
	if payload := channel.Get("payload"); payload.Exists() {
		media, params, err := mime.ParseMediaType(payload.Text())
		switch media {
		case mimeJSON, "application/json":
			a.payload = mimeJSON
		case mimeXML, "application/xml":
			a.payload = mimeXML
		}
		if version := params["fhirversion"]; err != nil || a.payload == "" || version != "" && version != "4.0" && version != "4.0.1" { // ParseMediaType lowers names
			return refuse(payload, "not-supported", "payload is application/fhir+json or application/fhir+xml, of FHIR 4.0")
		}
	}
	content := extension(channel.Get("_payload"), extContent)
	switch {
	case a.topic == "" && content.Exists():
		return refuse(content, "not-supported", "how much is told is said of a subscription by topic; one by criteria gives the resource, or without payload nothing")
	case a.topic == "":
		if a.payload != "" {
			a.content = record.GiveContent
		}
		if a.channel == websocket && a.payload != "" {
			return refuse(channel.Get("payload"), "not-supported", "a websocket of a subscription by criteria tells that something matched, and no more; subscribe by topic")
		}
		return nil
	case !content.Exists():
		return nil
	}
	giving, ok := map[string]record.Giving{"empty": record.GiveNothing, "id-only": record.GiveNames, "full-resource": record.GiveContent}[value(content).Text()]
	if !ok {
		return refuse(content, "value", "the payload's content is empty, id-only or full-resource")
	}
	a.content = giving
	return nil
}

// extension finds an extension of an element.
func extension(of tape.Value, url string) tape.Value {
	for e := of.Get("extension").First(); e.Exists(); e = e.Next() {
		if e.Get("url").Is(url) {
			return e
		}
	}
	return tape.Value{}
}

// value is that of an extension.
func value(of tape.Value) tape.Value {
	for m := of.First(); m.Exists(); m = m.Next() {
		if strings.HasPrefix(m.Name(), "value") {
			return m
		}
	}
	return tape.Value{}
}
