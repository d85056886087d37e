package fhir

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// bundleWriter writes a Bundle: the links first, then the entries one by one.
type bundleWriter struct {
	b       []byte
	entries int
	members int // of the entry that is open
}

// newBundle begins a Bundle. A total below 0 is not known and left out.
func newBundle(typ string, total int) *bundleWriter {
	w := &bundleWriter{b: append(make([]byte, 0, 4096), `{"resourceType":"Bundle","type":"`...)}
	w.b = append(w.b, typ...)
	w.b = append(w.b, '"')
	if total >= 0 {
		w.b = append(w.b, `,"total":`...)
		w.b = strconv.AppendInt(w.b, int64(total), 10)
	}
	return w
}

// grow makes room for versions at once: what grows bit by bit takes twice as much.
func (w *bundleWriter) grow(versions []record.Version) {
	n := 0
	for i := range versions {
		n += len(versions[i].Body) + 512 // and what stands around it
	}
	w.b = slices.Grow(w.b, n)
}

func query(pairs []pair) string {
	var b []byte
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, url.QueryEscape(p.name)...)
		b = append(b, '=')
		b = append(b, url.QueryEscape(p.value)...)
	}
	return string(b)
}

// entry begins the next entry; its members follow. fullURL may be empty.
func (w *bundleWriter) entry(fullURL string) {
	switch {
	case w.entries == 0:
		w.b = append(w.b, `,"entry":[{`...)
	default:
		w.b = append(w.b, `},{`...)
	}
	w.entries++
	w.members = 0
	if fullURL != "" {
		w.member("fullUrl", tape.AppendQuoted(nil, fullURL))
	}
}

// member adds a member of the entry, its value JSON already.
func (w *bundleWriter) member(name string, value []byte) {
	if w.members > 0 {
		w.b = append(w.b, ',')
	}
	w.members++
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, `":`...)
	w.b = append(w.b, value...)
}

// end closes the Bundle.
func (w *bundleWriter) end() []byte {
	if w.entries > 0 {
		w.b = append(w.b, `}]`...)
	}
	return append(w.b, '}')
}
