package fhir

import (
	"net/url"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// trail is what _cursor says: where a page begins, and before it where those begin that led to it, the nearest first, so that a page has a link to
// the one before it although nothing is kept of searches. The first page begins at "".
type trail []string

// maxTrail bounds how many pages links lead back.
const maxTrail = 64

// trailMark stands between the cursors of a trail: none has it.
const trailMark = "_"

func parseTrail(cursor string) trail {
	if cursor == "" {
		return nil
	}
	return strings.Split(cursor, trailMark)
}

// here is the cursor of the page itself.
func (t trail) here() string {
	if len(t) == 0 {
		return ""
	}
	return t[0]
}

// on is the trail of the next page. first is by which the first page can be had again as it was; "" where it is made anew.
func (t trail) on(next, first string) trail {
	if len(t) == 0 {
		t = trail{first}
	}
	way := append(trail{next}, t...)
	return way[:min(len(way), maxTrail)]
}

// links adds links: to the page itself, with the parameters as they were understood, and to the first, the one before it, the next and, on it, the last one
// (FHIR R4, 3.1.1.4.18). A page that is alone has but the first of these.
func (w *bundleWriter) links(address string, applied []pair, at trail, next, first string) {
	self := query(applied)
	w.b = append(w.b, `,"link":[`...)
	w.link("self", address, self)
	if len(at) > 0 || next != "" {
		w.page("first", address, self, nil)
	}
	if len(at) > 1 {
		w.page("previous", address, self, at[1:])
	}
	if next != "" {
		w.page("next", address, self, at.on(next, first))
	} else if len(at) > 0 {
		w.page("last", address, self, at)
	}
	w.b = append(w.b, ']')
}

func (w *bundleWriter) page(relation, address, self string, at trail) {
	cursor := strings.Join(at, trailMark)
	if cursor != "" {
		cursor = "_cursor=" + url.QueryEscape(cursor)
	}
	w.b = append(w.b, ',')
	w.link(relation, address, strings.Trim(self+"&"+cursor, "&"))
}

func (w *bundleWriter) link(relation, address, query string) {
	if query != "" {
		address += "?" + query
	}
	w.b = append(w.b, `{"relation":"`+relation+`","url":`...)
	w.b = tape.AppendQuoted(w.b, address)
	w.b = append(w.b, '}')
}
