package subscription

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
)

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false, "fe80::1": false, "fc00::1": false,
		"::ffff:127.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "::127.0.0.1": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"bind 1", "bind-with-token x", `{"type":"bind-with-token","payload":{"token":"x"}}`, "{", "", " bind"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		verb, what, token := parseMessage(text)
		if token != (verb == "bind-with-token") || len(what) > len(text) && !strings.HasPrefix(strings.TrimSpace(text), "{") {
			t.Errorf("%q: %q %q %v", text, verb, what, token)
		}
	})
}

func FuzzSubscription(f *testing.F) {
	const base = `{"resourceType":"Subscription","status":"off","reason":"r","criteria":"Observation?code=x","channel":{"type":"rest-hook","endpoint":"https://8.8.8.8/x","header":["A: b"],"payload":"application/fhir+json; fhirVersion=4.0"}}`
	f.Add(base)
	f.Add(strings.Replace(base, `"Observation?code=x"`, `"https://sijil.health/fhir/SubscriptionTopic/Patient","_criteria":{"extension":[{"url":"`+extFilter+`","valueString":"Patient.name=x&interaction=create"}]}`, 1))
	f.Add(`{"status":"active","end":"x","channel":[]}`)
	r := reader{parameters: search.New(definition.Base()), limits: DefaultLimits}
	f.Fuzz(func(t *testing.T, text string) {
		tp := tape.Get()
		defer tp.Release()
		if tp.Parse([]byte(text), tape.Limits{}) != nil {
			return
		}
		a, err := r.read(tp.Root())
		if err == nil && (a.channel != websocket && a.channel != restHook || !told(a.query.Type) || a.batch < 1 || a.timeout <= 0 || a.channel == restHook && !strings.HasPrefix(strings.ToLower(a.endpoint), "https://")) {
			t.Errorf("%s: %+v", text, a)
		}
	})
}
