package fhir

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// reader takes an answer when it is let.
type reader struct {
	*httptest.ResponseRecorder
	reached, let chan struct{}
}

func (r *reader) Write(b []byte) (int, error) {
	close(r.reached)
	<-r.let
	return r.ResponseRecorder.Write(b)
}

func (g *gate) inUse() (requests, bytes int64) {
	for _, b := range []struct {
		*budget
		all int64
		to  *int64
	}{{g.admission.requests, int64(g.Limits.Requests), &requests}, {g.admission.bytes, g.Limits.Bodies, &bytes}} {
		b.mu.Lock()
		*b.to = b.all - b.free
		b.mu.Unlock()
	}
	return requests, bytes
}

// binary is a resource of about n bytes.
func binary(id string, n int) string {
	return `{"resourceType":"Binary","id":"` + id + `","contentType":"text/plain","data":"` + strings.Repeat("QUJD", n/4) + `"}`
}

// TestAnswersAreHeldWithinTheBudget: until it is written, an answer has its place and its bytes among those that the gate holds.
func TestAnswersAreHeldWithinTheBudget(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	const size = 3 << 20
	for _, do := range []string{"PUT /Binary/b", "GET /Binary/b", "GET /Binary", "GET /Binary/b/_history", "GET /Binary/none"} {
		body, least := "", int64(size)
		switch {
		case strings.HasPrefix(do, "PUT"):
			body = binary("b", size)
		case strings.HasSuffix(do, "none"):
			least = 1
		}
		method, path, _ := strings.Cut(do, " ")
		r := httptest.NewRequest(method, "http://h.example/fhir"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer dr.amal")
		r.Header.Set("Content-Type", "application/fhir+json")
		r.Header.Set("Accept", "application/fhir+json")
		slow := &reader{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
		done := make(chan struct{})
		go func() {
			g.ServeHTTP(slow, r)
			close(done)
		}()
		<-slow.reached
		if requests, held := g.inUse(); requests != 1 || held < least || held > least+64<<10 {
			t.Errorf("%s: %d requests and %d bytes held while the answer is written", do, requests, held)
		}
		close(slow.let)
		<-done
		if requests, held := g.inUse(); requests != 0 || held != 0 {
			t.Errorf("%s: %d requests and %d bytes held after it", do, requests, held)
		}
	}
}

// TestABatchIsAnsweredWithinTheBudget: a batch that asks for more than its share is given that, and the rest of its entries are refused.
func TestABatchIsAnsweredWithinTheBudget(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	if w := g.send(&exchange{do: "PUT /Binary/b", body: binary("b", 3<<20)}); w.Code != http.StatusCreated {
		t.Fatal(w.Code, w.Body)
	}
	var reads []string
	for range 20 {
		reads = append(reads, entryOf("", "GET", "Binary/b", ""))
	}
	w := g.send(&exchange{do: "POST /", body: bundleOf("batch", reads...)})
	given, refused := bytes.Count(w.Body.Bytes(), []byte(`"status":"200 OK"`)), bytes.Count(w.Body.Bytes(), []byte(`"status":"503 `))
	if w.Code != http.StatusOK || given < 8 || given > 10 || given+refused != len(reads) || !strings.Contains(w.Body.String(), "in a request of its own") {
		t.Errorf("%d: %d given, %d refused, the last %s", w.Code, given, refused, w.Body.Bytes()[w.Body.Len()-500:])
	}
	// So is one that asks for pages.
	for i := range 14 {
		if w := g.send(&exchange{do: fmt.Sprintf("PUT /Binary/c%02d", i), body: binary(fmt.Sprintf("c%02d", i), 3<<20)}); w.Code != http.StatusCreated {
			t.Fatal(w.Code, w.Body)
		}
	}
	w = g.send(&exchange{do: "POST /", body: bundleOf("batch", append(reads[:9:9], entryOf("", "GET", "Binary", ""))...)})
	if w.Code != http.StatusOK || w.Body.Len() > 33<<20 {
		t.Errorf("%d: %d bytes", w.Code, w.Body.Len())
	}
	if requests, held := g.inUse(); requests != 0 || held != 0 {
		t.Errorf("%d requests and %d bytes held after it", requests, held)
	}
}

// TestLargeAnswersAreNotIndented: to indent what is nested deeply makes many times as much of it.
func TestLargeAnswersAreNotIndented(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	for _, size := range []int{4, maxPretty} {
		g.send(&exchange{do: "PUT /Binary/b", body: binary("b", size)})
		w := g.send(&exchange{do: "GET /Binary/b?_pretty=true&_format=json"})
		if indented := bytes.Contains(w.Body.Bytes(), []byte("\n  ")); w.Code != http.StatusOK || indented != (size < maxPretty) {
			t.Errorf("%d bytes: %d, indented %v", size, w.Code, indented)
		}
	}
}
