package fhir

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func packed(tb testing.TB, coding, text string) string {
	tb.Helper()
	var b bytes.Buffer
	if err := encode(&b, coding, []byte(text)); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func unpacked(tb testing.TB, coding string, in io.Reader) string {
	tb.Helper()
	plain, err := decoded(coding, in, 1<<30)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := io.ReadAll(plain)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// long is a patient whose answer is worth compressing.
var long = strings.Replace(patient, `"active":true`, `"active":true,"name":[{"text":"`+strings.Repeat("سعد ", 2000)+`"}]`, 1)

func TestCompressed(t *testing.T) {
	g := newGate(t, Limits{Resource: 64 << 10})
	for _, coding := range contentCodings {
		g.run(t, []exchange{
			{name: "put " + coding, do: "PUT /Patient/p1", body: packed(t, coding, long), header: []string{"Content-Encoding: " + coding}, status: map[bool]int{true: 201, false: 200}[coding == contentCodings[0]],
				has: []string{"Etag: "}},
			{name: "too much comes of it", do: "PUT /Patient/p1", body: packed(t, coding, strings.Repeat(" ", 100<<10)+patient), header: []string{"Content-Encoding: " + coding}, status: 413, entries: []string{"refuse 413"}},
			{name: "a bomb", do: "PUT /Patient/p1", body: packed(t, coding, strings.Repeat(" ", 50<<20)), header: []string{"Content-Encoding: " + coding}, status: 413},
			{name: "cut off", do: "PUT /Patient/p1", body: packed(t, coding, long)[:60], header: []string{"Content-Encoding: " + coding}, status: 400},
			{name: "none of it", do: "PUT /Patient/p1", body: patient, header: []string{"Content-Encoding: " + coding}, status: 400, has: []string{"Content-Encoding"}},
			{name: "a form", do: "POST /Patient/_search", body: packed(t, coding, "_id=p1"), header: []string{"Content-Encoding: " + coding, "Content-Type: application/x-www-form-urlencoded"}, status: 200, has: []string{`"total":1`}},
		})
		w := g.send(&exchange{do: "GET /Patient/p1", header: []string{"Accept-Encoding: " + coding}})
		if w.Header().Get("Content-Encoding") != coding || w.Header().Get("Content-Length") != "" || w.Body.Len() > len(long)/10 {
			t.Errorf("%s: %v, %d bytes", coding, w.Header(), w.Body.Len())
		}
		if got := unpacked(t, coding, w.Body); !strings.Contains(got, "سعد سعد") {
			t.Errorf("%s: %.100s", coding, got)
		}
	}
	for header, want := range map[string]string{
		"": "", "identity": "", "gzip": "gzip", "gzip, zstd": "zstd", "gzip;q=1.0, zstd;q=0.5": "gzip", "*": "zstd", "gzip;q=0": "", "br, deflate": "", "*;q=0.1, identity": "",
		"GZIP": "gzip", "zstd;q=x, gzip": "gzip", "identity;q=0.2, gzip ; q=0.3": "gzip",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if header != "" {
			r.Header.Set("Accept-Encoding", header)
		}
		if got := answerCoding(r); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", header, got, want)
		}
	}
	if w := g.send(&exchange{do: "HEAD /Patient/p1", header: []string{"Accept-Encoding: gzip"}}); w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %v", w.Header())
	}
}

// FuzzCompressed sends anything as a compressed body: it is read or refused, and no more comes of it than may.
func FuzzCompressed(f *testing.F) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(patient))
	_ = w.Close()
	f.Add(true, b.Bytes())
	e, _ := zstd.NewWriter(nil)
	f.Add(false, e.EncodeAll([]byte(patient), nil))
	f.Add(false, []byte{0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	g := newGate(f, Limits{Resource: 4 << 10})
	f.Fuzz(func(t *testing.T, zipped bool, body []byte) {
		coding := "zstd"
		if zipped {
			coding = "gzip"
		}
		w := g.send(&exchange{do: "PUT /Patient/p1", body: string(body), header: []string{"Content-Encoding: " + coding}})
		if w.Code >= 500 || w.Code == 200 && len(body) == 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
