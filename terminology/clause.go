package terminology

// clause is what an include of a value set says, compiled.
type clause struct {
	system  string // "" where only other value sets are named
	content *system
	grammar *grammar

	listed map[string]*Listed // nil where it does not list codes
	order  []*Listed          // the same, in the order of the definition
	chosen bits               // of content, nil for all of it
	tests  []func(string) Verdict
	fault  *Error // why it cannot be said which codes it has; nil where it can

	imports []*Set // it holds what is in all of them besides
}

// clauseOf compiles an include. It fails only where nothing can be said at all: a value set that takes in itself.
func (t *Terminology) clauseOf(i *Include, path []string) (*clause, error) {
	c := &clause{system: i.System, content: t.system(i.System, i.Version), grammar: grammars[i.System]}
	for _, canonical := range i.ValueSets {
		s, err := t.imported(canonical, path)
		if err != nil {
			return nil, err
		}
		c.imports = append(c.imports, s)
	}
	if c.system == "" && len(c.imports) == 0 {
		return nil, fault(Invalid, "a value set takes in neither a code system nor a value set")
	}
	switch {
	case c.system == "":
	case len(i.Concepts) > 0:
		c.listed = make(map[string]*Listed, len(i.Concepts))
		for j := range i.Concepts {
			listed := &i.Concepts[j]
			if key := c.key(listed.Code); c.listed[key] == nil {
				c.listed[key] = listed
				c.order = append(c.order, listed)
			}
		}
	case c.content != nil && len(c.content.concepts) > 0:
		c.filter(i.Filters)
	case c.grammar != nil:
		c.filterGrammar(i.Filters)
	default:
		c.fault = fault(NotFound, "the content of the code system %s is not known here", join(i.System, i.Version))
	}
	return c, nil
}

// imported gives a value set that another takes in. Of one that is not known nothing can be said; one that takes in itself is an error.
func (t *Terminology) imported(canonical string, path []string) (*Set, error) {
	url, _ := Canonical(canonical)
	for _, p := range path {
		if p == url {
			return nil, fault(Invalid, "the value set %s takes in itself", url)
		}
	}
	if len(path) == LimitNesting {
		return nil, fault(TooCostly, "value sets take in one another to a depth of more than %d", LimitNesting)
	}
	s, err := t.set(canonical, path)
	if e, ok := err.(*Error); ok && e.Kind == NotFound {
		return &Set{def: &ValueSet{URL: url}, include: []*clause{{fault: e}}, open: true, end: e, cost: 1}, nil
	}
	return s, err
}

func (c *clause) filter(filters []Filter) {
	for _, f := range filters {
		chosen, err := c.content.choose(f)
		if err != nil {
			c.fault, c.chosen = err.(*Error), nil
			return
		}
		if c.chosen == nil {
			c.chosen = chosen
		} else {
			c.chosen.intersect(chosen)
		}
	}
}

func (c *clause) filterGrammar(filters []Filter) {
	for _, f := range filters {
		test := c.grammar.filter(f)
		if test == nil {
			c.fault = fault(NotSupported, "a filter on %s is not known", c.system)
			return
		}
		c.tests = append(c.tests, test)
	}
}

func (c *clause) key(code string) string {
	if c.content != nil {
		return c.content.key(code)
	}
	return code
}

// verdict says whether a code is in it. any: the code stands where no system is given, and is one of whichever system has it.
func (c *clause) verdict(system, code string, any bool) Verdict {
	v := Yes
	switch {
	case c.system == "" && c.fault != nil: // a value set that is not known
		v = Undecided
	case c.system == "":
	case any || system == c.system:
		v = c.own(code)
	default:
		v = No
	}
	for _, s := range c.imports {
		if v == No {
			break
		}
		v = min(v, s.ask(system, code, any))
	}
	return v
}

// own says whether it takes a code of its system.
func (c *clause) own(code string) Verdict {
	if c.listed != nil {
		return verdict(c.listed[c.key(code)] != nil)
	}
	if c.content != nil && len(c.content.concepts) > 0 {
		i := c.content.find(code)
		switch {
		case i < 0 && !c.content.complete:
			return Undecided
		case i < 0:
			return No
		case c.fault != nil:
			return Undecided
		}
		return verdict(c.chosen == nil || c.chosen.has(i))
	}
	if c.grammar == nil {
		return Undecided
	}
	v := verdict(c.grammar.valid(code))
	for _, test := range c.tests {
		v = min(v, test(code))
	}
	if c.fault != nil {
		v = min(v, Undecided)
	}
	return v
}

// closed says that all codes it has can be gone through.
func (c *clause) closed() bool {
	if c.system == "" {
		if c.fault != nil {
			return false
		}
		for _, s := range c.imports {
			if !s.open {
				return true
			}
		}
		return false
	}
	return c.fault == nil && (c.listed != nil || c.content != nil && c.content.complete)
}

// each gives the codes that it has, in the order of the definition. It stops with an error where they are not known or have no end.
func (c *clause) each(yield func(ref) *Error) *Error {
	take := func(r ref) *Error {
		for _, s := range c.imports {
			if s.Contains(r.system, r.code()) == No {
				return nil
			}
		}
		return yield(r)
	}
	switch {
	case c.listed != nil:
		for _, l := range c.order {
			if err := take(c.refTo(l)); err != nil {
				return err
			}
		}
		return nil
	case c.fault != nil:
		return c.fault
	case c.system == "":
		return c.imports[0].eachRef(take)
	case c.content != nil && len(c.content.concepts) > 0:
		for i := range c.content.concepts {
			if c.chosen != nil && !c.chosen.has(int32(i)) {
				continue
			}
			if err := take(ref{system: c.system, of: c.content, at: int32(i)}); err != nil {
				return err
			}
		}
		return nil
	}
	return fault(TooCostly, "the code system %s has a grammar, its codes have no end", c.system)
}

func (s *Set) eachRef(yield func(ref) *Error) *Error {
	for _, r := range s.order {
		if err := yield(r); err != nil {
			return err
		}
	}
	return s.end
}

func (c *clause) refTo(l *Listed) ref {
	r := ref{system: c.system, listed: l}
	if c.content != nil {
		if i := c.content.find(l.Code); i >= 0 {
			r.of, r.at = c.content, i
		}
	}
	return r
}
