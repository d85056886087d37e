package terminology

import (
	"fmt"
	"strings"
)

// Validation is what was found of a code.
type Validation struct {
	Verdict Verdict
	Coding  Coding // the one that was judged, with the display that is right
	Message string // why not, in English; quotes no code
}

// ValidateOptions are those of $validate-code.
type ValidateOptions struct {
	NoAbstract      bool // abstract codes are not valid
	DisplayLanguage string
}

// ValidateIn says whether a code is in a set, and its display right where it has one. With no system the set's own is taken.
func (t *Terminology) ValidateIn(s *Set, c Coding, o ValidateOptions) Validation {
	var v Verdict
	if c.System == "" {
		v = s.ContainsCode(c.Code)
		if v == Yes {
			c.System = s.systemOf(c.Code)
		}
	} else {
		v = s.Contains(c.System, c.Code)
	}
	switch v {
	case No:
		return Validation{No, c, fmt.Sprintf("the code is not in the value set %s", s.def.URL)}
	case Undecided:
		return Validation{Undecided, c, s.why().Text}
	}
	if sys := t.system(c.System, c.Version); sys != nil {
		if i := sys.find(c.Code); i >= 0 {
			return sys.check(i, s.displayOf(c), c, o)
		}
	}
	c.Display = ""
	return Validation{Yes, c, ""}
}

// systemOf gives the system of a code that is in the set.
func (s *Set) systemOf(code string) string {
	for _, c := range s.include {
		switch {
		case c.system != "" && s.Contains(c.system, code) == Yes:
			return c.system
		case c.system == "":
			for _, i := range c.imports {
				if found := i.systemOf(code); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

// displayOf gives the display that the value set itself states for a code, "" for none.
func (s *Set) displayOf(coding Coding) string {
	for _, c := range s.include {
		if c.system == coding.System && c.listed != nil {
			if l := c.listed[c.key(coding.Code)]; l != nil {
				return l.Display
			}
		}
	}
	return ""
}

// Validate says whether a code is one of its system.
func (t *Terminology) Validate(c Coding, o ValidateOptions) Validation {
	s := t.system(c.System, c.Version)
	if s != nil {
		if i := s.find(c.Code); i >= 0 {
			return s.check(i, "", c, o)
		}
		if s.complete {
			return Validation{No, c, fmt.Sprintf("the code system %s has no such code", c.System)}
		}
	}
	if g := grammars[c.System]; g != nil {
		if !g.valid(c.Code) {
			return Validation{No, c, fmt.Sprintf("the code does not have the form of %s", g.name)}
		}
		c.Display = ""
		return Validation{Yes, c, ""}
	}
	return Validation{Undecided, c, fmt.Sprintf("the content of the code system %s is not known here", join(c.System, c.Version))}
}

// check goes on with a code that is there: is it abstract, is its display right?
func (s *system) check(at int32, listed string, c Coding, o ValidateOptions) Validation {
	known := &s.concepts[at]
	given := c.Display
	c.Version, c.Code, c.Display = s.def.Version, known.Code, known.Display
	if listed != "" {
		c.Display = listed
	}
	if d := inLanguage(known.Designations, o.DisplayLanguage); d != "" {
		c.Display = d
	}
	switch {
	case o.NoAbstract && known.abstract:
		return Validation{No, c, "the code is abstract, and not to be used here"}
	case given != "" && !sameText(given, c.Display) && !known.called(given):
		return Validation{No, c, "the display is not one that the code has"}
	}
	return Validation{Yes, c, ""}
}

func (c *concept) called(name string) bool {
	if c.Display == "" && len(c.Designations) == 0 || sameText(name, c.Display) {
		return true
	}
	for _, d := range c.Designations {
		if sameText(name, d.Value) {
			return true
		}
	}
	return false
}

// sameText compares as people do: without case, and any white space is like any other.
func sameText(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}
