package fhir

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// resolver knows what the references of a request stand for.
type resolver struct {
	base    string            // the server's own URL, see request.own
	entries map[string]string // in a transaction: fullUrl → "Type/id"; in a batch none; nil elsewhere
	found   map[string]string // conditional references: "Type?…" → "Type/id"
	urns    bool              // entries has fullUrls that are URNs
	beside  []*search.Own     // in a transaction: the search parameters that it writes
}

// replacement is what resolving a resource's references gives: the edits, and the new texts for the index.
type replacement struct {
	edits []record.Edit
	texts map[int]string // by where the string starts in the tape's source
}

func (to *replacement) put(r *resource, v tape.Value, text string) {
	if to.texts == nil {
		to.texts = map[int]string{}
	}
	to.edits = append(to.edits, r.replace(v, string(tape.AppendQuoted(nil, text))))
	to.texts[v.Start()] = text
}

// resolve finds the replacements for one resource. entryBase is the base of its entry's fullUrl, by which relative references
// may point at other entries (FHIR R4, 2.36.4.1).
func (v *resolver) resolve(r *resource, entryBase string) (to replacement, p *problem) {
	for _, at := range r.sites {
		switch at.kind {
		case siteNarrative:
			v.narrative(&to, r, at.value)
		case siteURI:
			if len(v.entries) == 0 {
				continue
			}
			if ref, ok := v.entries[string(at.value.Bytes())]; ok {
				to.put(r, at.value, ref)
			}
		default:
			if p := v.reference(&to, r, at.value, entryBase); p != nil {
				return to, p
			}
		}
	}
	return to, nil
}

func (v *resolver) reference(to *replacement, r *resource, at tape.Value, entryBase string) *problem {
	text := at.Bytes()
	if v.entries != nil {
		url, frag, _ := bytes.Cut(text, []byte("#"))
		ref, ok := v.entries[string(url)]
		if !ok && entryBase != "" {
			ref, ok = v.relative(entryBase, string(url))
		}
		if ok {
			if len(frag) > 0 {
				ref += "#" + string(frag)
			}
			to.put(r, at, ref)
			return nil
		}
		if bytes.HasPrefix(text, []byte("urn:uuid:")) || bytes.HasPrefix(text, []byte("urn:oid:")) {
			return fail(http.StatusUnprocessableEntity, "not-found", "the reference names no entry of the Bundle").at(at)
		}
	}
	if bytes.IndexByte(text, '?') < 0 {
		return nil
	}
	if parsed := parseReference(string(text)); parsed.form == conditional {
		to.put(r, at, v.found[parsed.typ+"?"+oneSpelling(parsed.query)])
	}
	return nil
}

// relative finds a relative reference among the entries whose fullUrl has the same base.
func (v *resolver) relative(entryBase, text string) (string, bool) {
	r := parseReference(text)
	if r.form != literal {
		return "", false
	}
	ref, ok := v.entries[entryBase+"/"+r.typ+"/"+r.id]
	return ref, ok
}

// narrative replaces the links of a Narrative, href="urn:…" and src="urn:…", inside its string.
func (v *resolver) narrative(to *replacement, r *resource, div tape.Value) {
	if !v.urns {
		return
	}
	raw, from := div.Raw(), 0
	for {
		i := bytes.Index(raw[from:], []byte("urn:"))
		if i < 0 {
			return
		}
		start := from + i
		end := start + urnLength(raw[start:])
		from = end
		ref, ok := v.entries[string(raw[start:end])]
		if ok && isLink(raw[:start]) {
			to.edits = append(to.edits, record.Edit{Offset: div.Start() + start - r.root.Start(), Delete: end - start, Insert: []byte(ref)})
		}
	}
}

func urnLength(b []byte) int {
	n := 0
	for n < len(b) && (b[n] == ':' || isID(string(b[n:n+1]))) {
		n++
	}
	return n
}

// isLink tells whether an attribute href or src opens at the end of b, its quote escaped as JSON wants it.
func isLink(b []byte) bool {
	b = bytes.TrimSuffix(bytes.TrimRight(b, `"'`), []byte(`\`))
	return bytes.HasSuffix(b, []byte("href=")) || bytes.HasSuffix(b, []byte("src="))
}

// condition is a search for what a request means: a conditional reference, ifNoneExist, the criteria of a conditional update or delete.
type condition struct {
	text string     // "Type?…", in one spelling
	at   tape.Value // where it stands; not there for a header
	most int        // resources that it may match; 0 stands for one
}

// count is how many matches are looked for: by one too many it is known that they are.
func (c *condition) count() int { return max(1, c.most) + 1 }

// conditionsOf adds a resource's conditional references to a list.
func conditionsOf(list []condition, r *resource) []condition {
	for _, at := range r.sites {
		if at.kind != siteReference || bytes.IndexByte(at.value.Raw(), '?') < 0 {
			continue
		}
		if parsed := parseReference(at.value.Text()); parsed.form == conditional {
			list = append(list, condition{text: parsed.typ + "?" + oneSpelling(parsed.query), at: at.value})
		}
	}
	return list
}

// match answers conditions: for each text, the heads it matches, at most one more than it may. One call of the Store serves all of them.
func (s *Server) match(q *request, list []condition) (map[string][]record.Head, error) {
	if len(list) == 0 {
		return nil, nil
	}
	index, queries := map[string]int{}, []record.Query(nil)
	for _, c := range list {
		if i, ok := index[c.text]; ok {
			queries[i].Count = max(queries[i].Count, c.count())
			continue
		}
		typ, raw, _ := strings.Cut(c.text, "?")
		parsed, p := s.parseSearch(q, []string{typ}, raw, false)
		if p == nil && (len(parsed.query.All) == 0 || parsed.control || parsed.query.Sort != nil) {
			p = fail(http.StatusBadRequest, "value", "a condition needs search parameters, and no others")
		}
		if p != nil {
			return nil, p.at(c.at)
		}
		parsed.query.Count, parsed.query.Detail = c.count(), detail("MATCH", typ, raw)
		index[c.text] = len(queries)
		queries = append(queries, parsed.query)
	}
	heads, err := s.Store.Match(q, q.access, queries)
	if err != nil {
		return nil, err
	}
	found := make(map[string][]record.Head, len(index))
	for text, i := range index {
		found[text] = heads[i]
	}
	return found, nil
}

// only says which single resource each condition of references means.
func only(list []condition, found map[string][]record.Head, refs map[string]string) *problem {
	for _, c := range list {
		if _, ok := refs[c.text]; ok {
			continue
		}
		switch heads := found[c.text]; len(heads) {
		case 0:
			return fail(http.StatusUnprocessableEntity, "not-found", "the conditional reference matches no resource").at(c.at)
		case 1:
			refs[c.text] = heads[0].Type + "/" + heads[0].ID
		default:
			return severalMatch("the conditional reference").at(c.at)
		}
	}
	return nil
}

func severalMatch(what string) *problem {
	return fail(http.StatusPreconditionFailed, "multiple-matches", "%s matches more than one resource; make it more specific", what)
}
