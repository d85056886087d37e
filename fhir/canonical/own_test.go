package canonical

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/validation"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/terminology"
)

// kept is a record in memory.
type kept struct {
	mu    sync.Mutex
	list  map[string][]record.Version // by type and canonical
	asked int
	err   error
}

func (k *kept) Definitions(_ context.Context, typ, url, version string, _ int) ([]record.Version, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	return k.list[typ+" "+url+"|"+version], k.err
}

func (k *kept) put(typ, id, url, version, body string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := record.Version{Type: typ, ID: id, Version: 1, Body: []byte(fmt.Sprintf(`{"resourceType":%q,"url":%q,"version":%q,%s}`, typ, url, version, body))}
	for _, key := range slices.Compact([]string{typ + " " + url + "|", typ + " " + url + "|" + version}) {
		k.list[key] = append([]record.Version{v}, k.list[key]...)
	}
}

var base = sync.OnceValue(func() Base {
	t := terminology.New(terminology.FromRegistry(definition.Base()))
	return Base{definition.Base(), t, validation.New(t, definition.Base().StructureDefinition)}
})

func newOwn() (*Own, *kept) {
	o, k := new(Own), &kept{list: map[string][]record.Version{}}
	o.Begin(k, base(), slog.New(slog.DiscardHandler))
	return o, k
}

const codes = `"compose":{"include":[{"system":"http://s","concept":[{"code":"a"}]}]}`

// TestWhichCounts: of several resources of one URL.
func TestWhichCounts(t *testing.T) {
	o, k := newOwn()
	for _, c := range []struct{ id, version, status, want string }{
		{"unknown", "9", "unknown", ""},
		{"retired", "9", "retired", ""},
		{"draft", "3", "draft", "draft"},
		{"active", "1.2", "active", "active"},
		{"lower", "1.1", "active", "active"},
		{"later", "1.10", "active", "later"},
		{"same", "1.10", "active", "same"},
		{"draft again", "9", "draft", "same"},
	} {
		k.put("ValueSet", c.id, "http://v", c.version, `"status":"`+c.status+`",`+codes)
		o.Tell("ValueSet", c.id)
		got := ""
		if v := o.Known().ValueSet("http://v", ""); v != nil {
			got = Head(v.Origin).ID
		}
		if got != c.want {
			t.Errorf("after %s: %q, want %q", c.id, got, c.want)
		}
	}
	if v := o.Known().ValueSet("http://v", "3"); v == nil || Head(v.Origin).ID != "draft" {
		t.Errorf("version 3: %+v", v)
	}
}

// TestKeptIsBounded asks for more than is kept, and for what cannot be looked up.
func TestKeptIsBounded(t *testing.T) {
	o, k := newOwn()
	one := o.Known()
	for i := range LimitKept + 10 {
		one.ValueSet(fmt.Sprint("http://none/", i), "")
	}
	if len(one.made) != LimitKept || k.asked != LimitKept {
		t.Errorf("%d kept, %d looked for", len(one.made), k.asked)
	}
	if o.Known() == one {
		t.Error("what is full is asked again")
	}
	for range 2 { // what is not there is looked for once
		o.Known().ValueSet("http://none", "")
	}
	if k.asked != LimitKept+1 {
		t.Errorf("%d looked for", k.asked-LimitKept)
	}
	k.err = errors.New("away")
	if o.Known().ValueSet("http://v", "") != nil || o.Known().ConceptMaps("", "") != nil {
		t.Error("found something")
	}
	k.err = nil
	k.put("ValueSet", "v", "http://v", "1", `"status":"active",`+codes)
	if o.Known().ValueSet("http://v", "") == nil {
		t.Error("what could not be looked up once is never looked for again")
	}
}

// TestWhatIsTooLargeIsNotUsed: nothing beyond LimitOne is read.
func TestWhatIsTooLargeIsNotUsed(t *testing.T) {
	o, k := newOwn()
	k.put("ValueSet", "v", "http://v", "1", `"status":"active","description":"`+string(slices.Repeat([]byte("x"), LimitOne))+`",`+codes)
	if o.Known().ValueSet("http://v", "") != nil {
		t.Error("it is used")
	}
}

// TestManyAsk: while definitions are written, each asks what was told before.
func TestManyAsk(t *testing.T) {
	o, k := newOwn()
	var wait sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, _ = o.Known().Terminology.Set("http://v") // not there at first
				}
			}
		})
	}
	for i := range 100 {
		version := fmt.Sprint(i)
		k.put("ValueSet", "v"+version, "http://v", version, `"status":"active",`+codes)
		o.Tell("ValueSet", "v"+version)
		set, err := o.Known().Terminology.Set("http://v")
		if err != nil || !slices.Equal(set.Origins(), []string{"ValueSet/v" + version + "/1"}) {
			t.Fatalf("%d: %v", i, err)
		}
		time.Sleep(time.Millisecond / 10)
	}
	close(done)
	wait.Wait()
}

func BenchmarkKnown(b *testing.B) {
	o, k := newOwn()
	k.put("ValueSet", "v", "http://v", "1", `"status":"active",`+codes)
	b.ReportAllocs()
	for b.Loop() {
		if set, err := o.Known().Terminology.Set("http://v"); err != nil || set.Contains("http://s", "a") != terminology.Yes {
			b.Fatal(err)
		}
	}
}
