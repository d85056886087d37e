package summary

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// item is a resource that goes into the document.
type item struct {
	ref   string // "Type/id"
	url   string // fullUrl
	body  []byte // as stored, and what was inserted
	name  string // of a Medication or Device, for those that refer to it
	cells []string
	about string // reference to what the first cell names, where that is not known yet
	when  string // to sort by, the latest first
	last  bool   // after the others: not active
	unfit bool   // does not keep its profile
	refs  []reference
}

type reference struct{ typ, id string }

// item makes an item of a resource, with what it refers to.
func (m *Maker) item(typ, id string, body []byte, root tape.Value) *item {
	it := &item{ref: typ + "/" + id, url: m.Base + "/" + typ + "/" + id, body: body}
	m.references(it, root, 0)
	return it
}

// references notes the references of a resource to what may come along.
func (m *Maker) references(it *item, v tape.Value, depth int) {
	for c := v.First(); c.Exists(); c = c.Next() {
		switch {
		case c.Kind() == tape.String && c.Named("reference") && v.Kind() == tape.Object:
			typ, id, ok := m.Local(c.Text())
			if _, comes := demanded[typ]; ok && comes && typ+"/"+id != it.ref {
				it.refs = append(it.refs, reference{typ, id})
			}
		case c.Kind() == tape.Object || c.Kind() == tape.Array:
			if depth < tape.MaxDepth && !c.Named("contained") {
				m.references(it, c, depth+1)
			}
		}
	}
}

// insert adds members to the end of a resource.
func (it *item) insert(members string) {
	end := strings.LastIndexByte(string(it.body), '}')
	b := append(make([]byte, 0, len(it.body)+len(members)+1), it.body[:end]...)
	it.body = append(append(append(b, ','), members...), it.body[end:]...)
}

// absent is a primitive value that says why it is not there (http://hl7.org/fhir/StructureDefinition/data-absent-reason).
func absent(why string) string {
	return `{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"` + why + `"}]}`
}

// choice finds the member of an element that has a type in its name: effective[x].
func choice(v tape.Value, name string) (value tape.Value, found bool) {
	for c := v.First(); c.Exists(); c = c.Next() {
		n := c.Name()
		plain := strings.TrimPrefix(n, "_")
		if len(plain) > len(name) && strings.HasPrefix(plain, name) && plain[len(name)] >= 'A' && plain[len(name)] <= 'Z' {
			if found = true; n == plain {
				return c, true
			}
		}
	}
	return value, found
}

// dated gives an item the date of a choice element: to be sorted by, and as a cell gives it. One that IPS demands and that is not there is marked as absent.
func (m *Maker) dated(it *item, root tape.Value, name string, demanded bool) string {
	v, found := choice(root, name)
	if !found && demanded {
		it.insert(`"_` + name + `DateTime":` + absent("unknown"))
	}
	from, until := span(v)
	if it.when = from; from == "" {
		it.when = until
	}
	switch {
	case v.Kind() == tape.Object && from == "" && until == "":
		return m.value(v)
	case from == "":
		return until
	}
	return from
}

// span gives the days on which a date or period begins and ends.
func span(v tape.Value) (from, until string) {
	if v.Kind() == tape.Object {
		return day(v.Get("start").Text()), day(v.Get("end").Text())
	}
	return day(v.Text()), ""
}

func day(date string) string { return date[:min(len(date), len("2006-01-02"))] }

// wrong tells whether a resource has one of some statuses.
func wrong(root tape.Value, status ...string) bool {
	for _, s := range status {
		if root.Get("status").Is(s) {
			return true
		}
	}
	return false
}

// coded tells whether a concept, or one of a list of them, has one of some codes, whatever their systems.
func coded(v tape.Value, codes ...string) bool {
	if v.Kind() == tape.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if coded(c, codes...) {
				return true
			}
		}
		return false
	}
	for c := v.Get("coding").First(); c.Exists(); c = c.Next() {
		for _, code := range codes {
			if c.Get("code").Is(code) {
				return true
			}
		}
	}
	return false
}
