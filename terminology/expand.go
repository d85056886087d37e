package terminology

import (
	"slices"
	"strings"
)

// ExpandOptions are those of ValueSet/$expand.
type ExpandOptions struct {
	Filter              string // words that each occur in the code, the display or a designation
	Count               int    // most codes to give; -1 for all, 0 for none but the total
	Offset              int
	ActiveOnly          bool
	ExcludeNested       bool
	IncludeDesignations bool
	IncludeDefinition   bool // the answer says what the value set takes in, too
	DisplayLanguage     string
}

// Expansion is the codes of a value set.
type Expansion struct {
	Set     *Set
	Options ExpandOptions
	Total   int // codes in all
	Entries []Entry
	Depths  []int // how deep each entry is nested; nil where none is
	Used    []string
	Partial bool // a code system is known in part only
}

// Expand gives the codes of a set. The error is an *Error: TooCostly for more than LimitExpansion codes without a count, NotFound where the content
// of a code system is not known.
func (s *Set) Expand(o ExpandOptions) (*Expansion, error) {
	if len(o.Filter) > LimitText {
		return nil, fault(TooCostly, "a filter is longer than %d bytes", LimitText)
	}
	x := &Expansion{Set: s, Options: o}
	words := strings.Fields(strings.ToLower(o.Filter))
	err := s.each(func(e Entry) error {
		if o.ActiveOnly && e.Inactive || !e.matches(words) {
			return nil
		}
		x.use(e)
		x.Total++
		if x.Total <= o.Offset || o.Count >= 0 && len(x.Entries) >= min(o.Count, LimitExpansion) {
			return nil
		}
		if len(x.Entries) == LimitExpansion {
			return fault(TooCostly, "the value set %s has more than %d codes; ask for fewer with count and offset, or filter", s.def.URL, LimitExpansion)
		}
		x.Entries = append(x.Entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !o.ExcludeNested && o.Filter == "" && o.Count < 0 && o.Offset == 0 {
		x.nest()
	}
	for i := range x.Entries {
		x.Entries[i].speak(o.DisplayLanguage)
	}
	return x, nil
}

// use notes which code system a code is from.
func (x *Expansion) use(e Entry) {
	of := e.ref.of
	if of == nil {
		return
	}
	if used := join(of.def.URL, of.def.Version); !slices.Contains(x.Used, used) {
		x.Used = append(x.Used, used)
		x.Partial = x.Partial || e.ref.listed == nil && !of.complete
	}
}

func (e *Entry) matches(words []string) bool {
	if len(words) == 0 {
		return true
	}
	all := strings.ToLower(e.Code + "\n" + e.Display)
	for _, d := range e.Designations {
		all += "\n" + strings.ToLower(d.Value)
	}
	for _, w := range words {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

// speak takes the display of a language, where there is one.
func (e *Entry) speak(language string) {
	if d := inLanguage(e.Designations, language); d != "" {
		e.Display = d
	}
}

func inLanguage(designations []Designation, language string) string {
	if language == "" {
		return ""
	}
	for _, d := range designations {
		if strings.EqualFold(d.Language, language) {
			return d.Value
		}
	}
	main, _, _ := strings.Cut(language, "-")
	for _, d := range designations {
		if m, _, _ := strings.Cut(d.Language, "-"); strings.EqualFold(m, main) {
			return d.Value
		}
	}
	return ""
}

// nest finds which entries stand under others: concepts under the nearest one above them that is in the expansion, where that is given right
// before them.
func (x *Expansion) nest() {
	depths := make([]int, len(x.Entries))
	var stack []int // entries that are open
	any := false
	for i := range x.Entries {
		e := &x.Entries[i]
		for len(stack) > 0 && !x.Entries[stack[len(stack)-1]].above(e) {
			stack = stack[:len(stack)-1]
		}
		depths[i] = len(stack)
		any = any || len(stack) > 0
		stack = append(stack, i)
	}
	if any {
		x.Depths = depths
	}
}

// above says whether the other stands somewhere under it in the definition of their system.
func (e *Entry) above(other *Entry) bool {
	of := other.ref.of
	if of == nil || of != e.ref.of {
		return false
	}
	for at := of.concepts[other.ref.at].up; at >= 0; at = of.concepts[at].up {
		if at == e.ref.at {
			return true
		}
	}
	return false
}

// Codes gives the codes of a set, for searches. The error is an *Error: TooCostly for more than most.
func (s *Set) Codes(most int) ([]Coding, error) {
	var list []Coding
	err := s.each(func(e Entry) error {
		if len(list) == most {
			return fault(TooCostly, "the value set %s has more than %d codes", s.def.URL, most)
		}
		list = append(list, Coding{System: e.System, Code: e.Code})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
