package terminology

import "slices"

// limitJudged bounds how often a clause is asked about a code while a set is compiled.
const limitJudged = 64 << 20

// Set is a compiled value set. It does not change and may be asked from several goroutines.
type Set struct {
	def              *ValueSet
	include, exclude []*clause

	// What was gone through beforehand. What is not in it is judged by the clauses where the set is open, and else No.
	members []members          // of each system
	codes   map[string]Verdict // code, of whichever system
	order   []ref              // the codes that are in it, each once, in the order of the definition
	end     *Error             // why order does not have all; nil where it has
	cost    int                // clauses that are asked about one code, those of sets that it takes in included
	open    bool
	folded  bool     // a code may differ in case from how it stands in members
	origins []string // of what it is made of, see CodeSystem.Origin
}

// members are the codes of one system. There are few systems in a set: comparing their names is faster than hashing them.
type members struct {
	system string
	codes  map[string]Verdict
}

// ref is a code of a value set: one that is listed, or a concept of a system, or both.
type ref struct {
	system string
	listed *Listed
	of     *system // nil where the concept is not known
	at     int32
}

func (r ref) code() string {
	if r.of != nil {
		return r.of.concepts[r.at].Code
	}
	return r.listed.Code
}

// Entry is a code of a value set.
type Entry struct {
	Coding
	Definition         string
	Designations       []Designation
	Abstract, Inactive bool

	ref ref
}

func (r ref) entry() Entry {
	e := Entry{Coding: Coding{System: r.system}, ref: r}
	if r.of != nil {
		c := &r.of.concepts[r.at]
		e.Code, e.Display, e.Definition, e.Designations, e.Abstract, e.Inactive = c.Code, c.Display, c.Definition, c.Designations, c.abstract, c.inactive
	}
	if r.listed == nil {
		return e
	}
	if r.of == nil {
		e.Code = r.listed.Code
	}
	if r.listed.Display != "" {
		e.Display = r.listed.Display
	}
	if len(r.listed.Designations) > 0 {
		e.Designations = r.listed.Designations
	}
	return e
}

func (t *Terminology) compile(def *ValueSet, path []string) (*Set, error) {
	s := &Set{def: def}
	s.restsOn(def.Origin)
	if len(def.Include)+len(def.Exclude) > LimitCost {
		return nil, fault(TooCostly, "the value set %s has more than %d clauses", def.URL, LimitCost)
	}
	if len(def.Include) == 0 && def.Expanded {
		return s, s.fixed()
	}
	for i := range def.Include {
		c, err := t.clauseOf(&def.Include[i], path)
		if err != nil {
			return nil, err
		}
		s.include = append(s.include, c)
	}
	for i := range def.Exclude {
		c, err := t.clauseOf(&def.Exclude[i], path)
		if err != nil {
			return nil, err
		}
		s.exclude = append(s.exclude, c)
	}
	return s, s.prepare()
}

// fixed compiles a value set that is known by its expansion alone.
func (s *Set) fixed() error {
	bySystem := map[string]*clause{}
	for i := range s.def.Expansion {
		e := &s.def.Expansion[i]
		c := bySystem[e.System]
		if c == nil {
			c = &clause{system: e.System, listed: map[string]*Listed{}}
			bySystem[e.System] = c
			s.include = append(s.include, c)
		}
		if c.listed[e.Code] == nil {
			c.listed[e.Code] = &Listed{Code: e.Code, Display: e.Display}
			c.order = append(c.order, c.listed[e.Code])
		}
	}
	return s.prepare()
}

// prepare goes through the codes of the clauses and keeps what is found of each.
func (s *Set) prepare() error {
	s.codes = map[string]Verdict{}
	for _, c := range append(append([]*clause(nil), s.include...), s.exclude...) {
		s.cost++
		if c.content != nil {
			s.restsOn(c.content.def.Origin)
		}
		for _, i := range c.imports {
			s.restsOn(i.origins...)
			s.cost += i.cost
			s.folded = s.folded || i.folded
		}
		s.folded = s.folded || c.content != nil && !c.content.def.CaseSensitive
	}
	if s.cost > LimitCost {
		return fault(TooCostly, "the value set %s takes in too many others", s.def.URL)
	}
	for _, c := range s.include {
		s.open = s.open || !c.closed()
		if err := c.each(s.keep); err != nil {
			s.open = true // what was not gone through is judged by the clause when it is asked for
			if s.end == nil {
				s.end = err
			}
		}
	}
	return nil
}

// restsOn adds origins that it has not yet.
func (s *Set) restsOn(origins ...string) {
	for _, o := range origins {
		if o != "" && !slices.Contains(s.origins, o) {
			s.origins = append(s.origins, o)
		}
	}
}

// keep takes a code that a clause has.
func (s *Set) keep(r ref) *Error {
	code := r.code()
	m := s.membersOf(r.system)
	if _, known := m[code]; known {
		return nil
	}
	if len(s.codes) >= LimitCodes {
		return fault(TooCostly, "the value set %s has more than %d codes", s.def.URL, LimitCodes)
	}
	if len(s.codes)*s.cost > limitJudged {
		return fault(TooCostly, "the value set %s has too many clauses for so many codes", s.def.URL)
	}
	v := s.judge(r.system, code, false)
	m[code] = v
	s.codes[code] = max(v, s.codes[code])
	switch v {
	case Yes:
		s.order = append(s.order, r)
	case Undecided:
		return s.why()
	}
	return nil
}

func (s *Set) membersOf(system string) map[string]Verdict {
	for i := range s.members {
		if s.members[i].system == system {
			return s.members[i].codes
		}
	}
	s.members = append(s.members, members{system, map[string]Verdict{}})
	return s.members[len(s.members)-1].codes
}

// judge asks the clauses.
func (s *Set) judge(system, code string, any bool) Verdict {
	in := No
	for _, c := range s.include {
		in = max(in, c.verdict(system, code, any))
	}
	for _, c := range s.exclude {
		if in == No {
			break
		}
		in = min(in, c.verdict(system, code, any).not())
	}
	if s.def.NoInactive && in == Yes && s.inactive(system, code) {
		return No
	}
	return in
}

func (s *Set) inactive(system, code string) bool {
	for _, c := range s.include {
		if c.content == nil || c.system != system {
			continue
		}
		if i := c.content.find(code); i >= 0 {
			return c.content.concepts[i].inactive
		}
	}
	return false
}

func (s *Set) ask(system, code string, any bool) Verdict {
	if any {
		return s.ContainsCode(code)
	}
	return s.Contains(system, code)
}

// Contains says whether a code of a system is in the set. It does not allocate where the set's codes are known.
func (s *Set) Contains(system, code string) Verdict {
	for i := range s.members {
		if m := &s.members[i]; m.system == system {
			if v, ok := m.codes[code]; ok {
				return v
			}
			break
		}
	}
	if !s.open && !s.folded {
		return No
	}
	return s.judge(system, code, false)
}

// ContainsBytes is Contains without a copy.
func (s *Set) ContainsBytes(system, code []byte) Verdict {
	for i := range s.members {
		if m := &s.members[i]; m.system == string(system) {
			if v, ok := m.codes[string(code)]; ok {
				return v
			}
			break
		}
	}
	if !s.open && !s.folded {
		return No
	}
	return s.judge(string(system), string(code), false)
}

// ContainsCode is Contains for an element of type code, whose system the set implies.
func (s *Set) ContainsCode(code string) Verdict {
	if v, ok := s.codes[code]; ok && (v == Yes || !s.open) {
		return v
	}
	if !s.open && !s.folded {
		return No
	}
	return s.judge("", code, true)
}

// ContainsCodeBytes is ContainsCode without a copy.
func (s *Set) ContainsCodeBytes(code []byte) Verdict {
	if v, ok := s.codes[string(code)]; ok && (v == Yes || !s.open) {
		return v
	}
	if !s.open && !s.folded {
		return No
	}
	return s.judge("", string(code), true)
}

// Origins are those of what the set is made of, see CodeSystem.Origin.
func (s *Set) Origins() []string { return s.origins }

// URL gives the set's canonical URL.
func (s *Set) URL() string { return s.def.URL }

// each gives all codes of the set, each once, in the order of the definition. The error is an *Error, or what yield returns.
func (s *Set) each(yield func(Entry) error) error {
	if s.end != nil {
		return s.end
	}
	for _, r := range s.order {
		if err := yield(r.entry()); err != nil {
			return err
		}
	}
	return nil
}

// why says what makes it undecided what is in the set.
func (s *Set) why() *Error {
	for _, c := range append(append([]*clause(nil), s.include...), s.exclude...) {
		if c.fault != nil {
			return c.fault
		}
		for _, i := range c.imports {
			if i.open {
				return i.why()
			}
		}
		if c.content != nil && !c.content.complete {
			return fault(NotFound, "the content of the code system %s is known here in part only", c.system)
		}
	}
	return fault(NotFound, "what the value set %s takes in is not known here", s.def.URL)
}
