package subscription

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
	"github.com/sijil-health/sijil/record"
)

// The kinds of notification (http://hl7.org/fhir/subscription-notification-type).
const (
	handshake = "handshake"
	heartbeat = "heartbeat"
	events    = "event-notification"
	queried   = "query-status"
	recalled  = "query-event"
)

// notification is one message: what is told of a Subscription, and of its events.
type notification struct {
	kind   string
	status string
	why    string
	count  uint64 // events so far, those of this notification included
	giving record.Giving
	told   []telling
}

// telling is an event with what may be told of it. Without a version it has its number and time alone.
type telling struct {
	event
	version *record.Version
}

func decimal(n uint64) string          { return strconv.FormatUint(n, 10) }
func instant(at time.Time) string      { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
func quoted(b []byte, s string) []byte { return tape.AppendQuoted(b, s) }

// bundle writes a notification as the guide has it for R4: a Bundle of type history whose first entry is the status, as Parameters (backport, "Notifications").
func (x *Subscriptions) bundle(w *watch, n *notification) []byte {
	b := []byte(`{"resourceType":"Bundle","meta":{"profile":["` + backport + `backport-subscription-notification-r4"]},"type":"history","timestamp":`)
	b = quoted(b, instant(time.Now()))
	b = append(b, `,"entry":[`...)
	b = append(x.statusEntry(b, w, n), `,"request":{"method":"GET","url":`...)
	b = quoted(b, x.opt.Base+"/Subscription/"+w.id()+"/$status")
	b = append(b, `},"response":{"status":"200"}}`...)
	if n.giving == record.GiveContent {
		for i := range n.told {
			if n.told[i].version != nil {
				b = x.entry(append(b, ','), n.told[i].version)
			}
		}
	}
	return append(b, `]}`...)
}

// statusEntry begins an entry that has the status of a Subscription.
func (x *Subscriptions) statusEntry(b []byte, w *watch, n *notification) []byte {
	id := uuid.NewString()
	b = append(b, `{"fullUrl":"urn:uuid:`+id+`","resource":{"resourceType":"Parameters","id":"`+id+`","meta":{"profile":["`+backport+`backport-subscription-status-r4"]},"parameter":[`...)
	b = append(b, `{"name":"subscription","valueReference":{"reference":`...)
	b = append(quoted(b, x.opt.Base+"/Subscription/"+w.id()), `}}`...)
	if w.topic != "" && (n.giving != record.GiveNothing || n.kind == queried) { // it should not be there where nothing is told
		b = append(quoted(append(b, `,{"name":"topic","valueCanonical":`...), w.topic), '}')
	}
	b = append(quoted(append(b, `,{"name":"status","valueCode":`...), n.status), '}')
	b = append(b, `,{"name":"type","valueCode":"`+n.kind+`"}`...)
	b = append(b, `,{"name":"events-since-subscription-start","valueString":"`+decimal(n.count)+`"}`...)
	for i := range n.told {
		b = x.eventPart(b, &n.told[i], n.giving)
	}
	if n.why != "" {
		b = append(quoted(append(b, `,{"name":"error","valueCodeableConcept":{"text":`...), n.why), `}}`...)
	}
	return append(b, `]}`...)
}

func (x *Subscriptions) eventPart(b []byte, t *telling, g record.Giving) []byte {
	b = append(b, `,{"name":"notification-event","part":[{"name":"event-number","valueString":"`+decimal(t.number)+`"},{"name":"timestamp","valueInstant":"`+instant(t.at)+`"}`...)
	if t.version != nil && g != record.GiveNothing {
		b = append(b, `,{"name":"focus","valueReference":{"reference":`...)
		b = append(quoted(b, x.opt.Base+"/"+t.version.Type+"/"+t.version.ID), `}}`...)
	}
	return append(b, `]}`...)
}

// entry writes a resource as a history has it.
func (x *Subscriptions) entry(b []byte, v *record.Version) []byte {
	method, url, status := http.MethodPut, v.Type+"/"+v.ID, "200"
	switch v.Op {
	case record.OpCreate:
		method, url, status = http.MethodPost, v.Type, "201"
	case record.OpDelete:
		method, status = http.MethodDelete, "204"
	}
	if v.Damaged {
		status = "500"
	}
	b = quoted(append(b, `{"fullUrl":`...), x.opt.Base+"/"+v.Type+"/"+v.ID)
	if v.Body != nil {
		b = append(append(b, `,"resource":`...), v.Body...)
	}
	b = quoted(append(b, `,"request":{"method":"`+method+`","url":`...), url)
	return append(b, `},"response":{"status":"`+status+`","etag":"W/\"`+decimal(v.Version)+`\"","lastModified":"`+instant(v.Updated)+`"}}`...)
}

// inForm gives a resource in the form that a Subscription asks for.
func inForm(form string, body []byte) ([]byte, error) {
	if form != mimeXML || body == nil {
		return body, nil
	}
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(body, tape.Limits{Bytes: len(body), Nodes: 1 << 20}); err != nil {
		return nil, err
	}
	return xml.FromJSON(nil, t.Root(), false)
}
