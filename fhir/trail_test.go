package fhir

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// linksOf reads the links of a Bundle, each below the base.
func linksOf(t *testing.T, body []byte) map[string]string {
	t.Helper()
	var b struct {
		Link []struct{ Relation, URL string }
	}
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	for _, l := range b.Link {
		_, links[l.Relation], _ = strings.Cut(l.URL, "/fhir")
	}
	return links
}

// TestPagesBothWays follows next to the last page and previous back to the first, of searches in each order, of several types and of histories,
// while resources come and go: what stood on a page stands there again, and nothing new.
func TestPagesBothWays(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	for i := range 23 {
		do, body := fmt.Sprintf("PUT /Patient/p%02d", i), fmt.Sprintf(`{"resourceType":"Patient","id":"p%02d","birthDate":"19%02d-01-01"}`, i, 99-i)
		if w := g.send(&exchange{do: do, body: body}); w.Code != 201 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	for _, address := range []string{"/Patient?_count=5", "/Patient?_sort=birthdate&_count=5", "/?_type=Patient,Observation&_count=5", "/Patient/_history?_count=5"} {
		var pages []string
		links := map[string]string{"next": address}
		for links["next"] != "" {
			body := g.get(t, links["next"], "", 200)
			links = linksOf(t, body)
			pages = append(pages, ids(t, body))
			if len(pages) == 2 && !strings.Contains(address, "_history") && !strings.Contains(address, "_type") {
				g.send(&exchange{do: "PUT /Patient/new", body: `{"resourceType":"Patient","id":"new","birthDate":"1900"}`})
			}
			if first := links["first"]; unordered(first) != unordered(address) {
				t.Errorf("%s: first is %s", address, first)
			}
		}
		if len(pages) < 5 || links["last"] == "" {
			t.Fatalf("%s: %d pages, links %v", address, len(pages), links)
		}
		if got := ids(t, g.get(t, links["last"], "", 200)); got != pages[len(pages)-1] {
			t.Errorf("%s: the last page has %q, had %q", address, got, pages[len(pages)-1])
		}
		for i := len(pages) - 2; i >= 0; i-- {
			if links["previous"] == "" {
				t.Fatalf("%s: nothing leads back from page %d", address, i+2)
			}
			body := g.get(t, links["previous"], "", 200)
			if links = linksOf(t, body); ids(t, body) != pages[i] {
				t.Errorf("%s: page %d has %q, had %q", address, i+1, ids(t, body), pages[i])
			}
		}
		if links["previous"] != "" {
			t.Errorf("%s: something is before the first page: %v", address, links)
		}
		g.send(&exchange{do: "DELETE /Patient/new"})
	}
	for address, total := range map[string]string{
		"/?_type=Patient,Observation&_count=50": `"total":23`, "/?_type=Patient,Observation&_count=5": `"type":"searchset","link"`,
		"/?_type=Patient,Observation&_count=5&_total=accurate": `"total":23`,
	} {
		body := g.get(t, address, "", 200)
		if !strings.Contains(string(body), total) {
			t.Errorf("%s is without %s: %.100s", address, total, body)
		}
		if next := linksOf(t, body)["next"]; next != "" && !strings.Contains(string(g.get(t, next, "", 200)), total) {
			t.Errorf("the second page of %s is without %s", address, total)
		}
	}
	_, cursor, _ := strings.Cut(linksOf(t, g.get(t, "/Patient?_count=5", "", 200))["next"], "_cursor=")
	for _, address := range []string{"/Patient?_count=5&_cursor=nonsense", "/Patient?_count=5&birthdate=gt1900&_cursor=" + cursor, "/Observation?_count=5&_cursor=" + cursor} {
		g.get(t, address, "", 400)
	}
	if links := linksOf(t, g.get(t, "/Patient?_id=p01", "", 200)); len(links) != 1 {
		t.Errorf("a page that is alone has the links %v", links)
	}
}

func unordered(address string) string {
	u, _ := url.Parse(address)
	return strings.Trim(u.Path, "/") + "?" + u.Query().Encode()
}

// TestTrailIsBounded goes through more pages than a trail remembers.
func TestTrailIsBounded(t *testing.T) {
	var at trail
	for i := range 3 * maxTrail {
		at = at.on(fmt.Sprint(i), "f")
	}
	if len(at) != maxTrail || at.here() != fmt.Sprint(3*maxTrail-1) {
		t.Errorf("%d: %v", len(at), at)
	}
	if back := parseTrail(strings.Join(at, trailMark)); len(back) != maxTrail || back.here() != at.here() {
		t.Errorf("read as %v", back)
	}
}
