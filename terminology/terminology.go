package terminology

import (
	"strings"
	"sync"
)

// Source has the definitions that a Terminology answers by. Each gives nil for what it has not; version is "" for any. It may be asked from
// several goroutines, and what it gave is never changed.
type Source interface {
	CodeSystem(url, version string) *CodeSystem
	ValueSet(url, version string) *ValueSet
	ConceptMap(url, version string) *ConceptMap

	// ConceptMaps are the URLs of all concept maps that map from a value set, or to one; "" stands for any.
	ConceptMaps(source, target string) []string
}

// Terminology answers questions about codes. It may be asked from several goroutines.
type Terminology struct {
	source Source
	under  *Terminology // asked for what the source has not; nil for none
	first  bool         // under is asked first
	note   func(origin string)
	*kept
}

// kept is what was compiled.
type kept struct {
	mu      sync.RWMutex
	systems map[string]*system // by canonical as asked for; what is not known is not kept
	sets    map[string]*Set
}

// New makes a terminology of a source.
func New(source Source) *Terminology {
	return &Terminology{source: source, kept: &kept{systems: map[string]*system{}, sets: map[string]*Set{}}}
}

// With gives a terminology that asks another source first. It is made quickly and keeps nothing in t, so that one can be had for a single
// question, about definitions that come with it.
func (t *Terminology) With(source Source) *Terminology {
	over := New(source)
	over.under = t
	return over
}

// Beneath gives a terminology that asks another source for what t does not know, and for the content of code systems that t knows by name alone. It
// keeps nothing in t but what is t's own.
func (t *Terminology) Beneath(source Source) *Terminology {
	over := t.With(source)
	over.first = true
	return over
}

// Noting gives the same terminology, which tells the origin of each definition that an answer rests on, some more than once. What a Set rests on is told
// when it is asked for.
func (t *Terminology) Noting(note func(origin string)) *Terminology {
	noting := *t
	noting.note = note
	return &noting
}

func (t *Terminology) noted(origins ...string) {
	if t.note == nil {
		return
	}
	for _, o := range origins {
		if o != "" {
			t.note(o)
		}
	}
}

// Limits.
const (
	LimitExpansion = 10_000  // codes of an expansion that is asked for without a count, and of one page
	LimitCodes     = 100_000 // codes of a value set that are gone through at all
	LimitNesting   = 16      // value sets that take in others
	LimitCost      = 4096    // clauses of a value set and of all that it takes in
	LimitText      = 256     // bytes of a text filter or a regular expression
)

// Canonical splits a canonical reference: "url|version".
func Canonical(canonical string) (url, version string) {
	url, version, _ = strings.Cut(canonical, "|")
	return url, version
}

func join(url, version string) string {
	if version == "" {
		return url
	}
	return url + "|" + version
}

// system gives a code system, compiled; nil for one that is not known.
func (t *Terminology) system(url, version string) *system {
	if url == "" {
		return nil
	}
	s := t.compiled(url, version)
	if s != nil {
		t.noted(s.def.Origin)
	}
	return s
}

func (t *Terminology) compiled(url, version string) *system {
	key := join(url, version)
	t.mu.RLock()
	s := t.systems[key]
	t.mu.RUnlock()
	if s != nil {
		return s
	}
	var below *system
	if t.first {
		if below = t.under.system(url, version); below != nil && below.def.Content != "not-present" {
			return below
		}
	}
	def := t.source.CodeSystem(url, version)
	switch {
	case def == nil && t.under != nil && !t.first:
		return t.under.system(url, version)
	case def == nil:
		return below
	}
	s = newSystem(def)
	t.mu.Lock()
	defer t.mu.Unlock()
	if first := t.systems[key]; first != nil { // another was quicker
		return first
	}
	t.systems[key] = s
	return s
}

// valueSet gives the definition of a value set. Below all sources are those that their URL defines.
func (t *Terminology) valueSet(url, version string) *ValueSet {
	if t.first {
		if v := t.under.valueSet(url, version); v != nil {
			return v
		}
		return t.source.ValueSet(url, version)
	}
	v := t.source.ValueSet(url, version)
	switch {
	case v != nil:
		return v
	case t.under != nil:
		return t.under.valueSet(url, version)
	}
	return implicit(url)
}

func (t *Terminology) conceptMap(url, version string) *ConceptMap {
	m := t.mapOf(url, version)
	if m != nil {
		t.noted(m.Origin)
	}
	return m
}

func (t *Terminology) mapOf(url, version string) *ConceptMap {
	if t.first {
		if m := t.under.conceptMap(url, version); m != nil {
			return m
		}
		return t.source.ConceptMap(url, version)
	}
	m := t.source.ConceptMap(url, version)
	if m == nil && t.under != nil {
		return t.under.conceptMap(url, version)
	}
	return m
}

// Set gives a value set by its canonical, with or without version, compiled. Keep it where the same one is asked often. The error is an *Error.
func (t *Terminology) Set(canonical string) (*Set, error) { return t.set(canonical, nil) }

// set is Set while the value sets in path are being compiled.
func (t *Terminology) set(canonical string, path []string) (*Set, error) {
	t.mu.RLock()
	s := t.sets[canonical]
	t.mu.RUnlock()
	if s != nil {
		t.noted(s.origins...)
		return s, nil
	}
	url, version := Canonical(canonical)
	def := t.valueSet(url, version)
	if def == nil {
		return nil, fault(NotFound, "the value set %s is not known here", canonical)
	}
	s, err := t.Noting(nil).compile(def, append(path, url)) // what it rests on is told of the whole
	if err != nil {
		return nil, err
	}
	t.noted(s.origins...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if first := t.sets[canonical]; first != nil {
		return first, nil
	}
	if def.Name != "" || len(t.sets) < maxImplicit { // implicit ones have any number of URLs
		t.sets[canonical] = s
	}
	return s, nil
}

// SetOf compiles a value set that is not in the source.
func (t *Terminology) SetOf(def *ValueSet) (*Set, error) {
	s, err := t.Noting(nil).compile(def, []string{def.URL})
	if err != nil {
		return nil, err
	}
	t.noted(s.origins...)
	return s, nil
}

const maxImplicit = 4096

// implicit gives a value set that is defined by its URL alone (FHIR R4, 4.3.1 and what it says of each system); nil for others.
func implicit(url string) *ValueSet {
	include := func(i Include) *ValueSet { return &ValueSet{URL: url, Status: "active", Include: []Include{i}} }
	switch rest, found := strings.CutPrefix(url, ucumSystem+"/vs"); {
	case found && rest == "":
		return include(Include{System: ucumSystem})
	case found && strings.HasPrefix(rest, "/"):
		return include(Include{System: ucumSystem, Filters: []Filter{{"canonical", "=", rest[1:]}}})
	case url == "http://snomed.info/sct?fhir_vs":
		return include(Include{System: "http://snomed.info/sct"})
	case url == "http://loinc.org/vs":
		return include(Include{System: "http://loinc.org"})
	}
	return nil
}
