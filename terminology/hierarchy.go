package terminology

// Outcome is how two codes stand to one another (http://hl7.org/fhir/concept-subsumption-outcome).
type Outcome string

// The outcomes.
const (
	Equivalent  Outcome = "equivalent"
	Subsumes    Outcome = "subsumes"
	SubsumedBy  Outcome = "subsumed-by"
	NotSubsumed Outcome = "not-subsumed"
)

// Subsumes says how two codes of a system stand to one another. Of units two are equivalent when they are written the same. The error is an
// *Error.
func (t *Terminology) Subsumes(systemURL, version, a, b string) (Outcome, error) {
	s, err := t.content(systemURL, version)
	if err != nil {
		if g := grammars[systemURL]; g != nil && a == b && g.valid(a) {
			return Equivalent, nil
		}
		return "", err
	}
	i, j := s.find(a), s.find(b)
	switch {
	case i < 0 || j < 0:
		return "", fault(NotFound, "the code system %s has no such code", systemURL)
	case i == j:
		return Equivalent, nil
	case s.reach(j, up).has(i):
		return Subsumes, nil
	case s.reach(i, up).has(j):
		return SubsumedBy, nil
	}
	return NotSubsumed, nil
}

// content gives a code system of which codes are known.
func (t *Terminology) content(url, version string) (*system, error) {
	if s := t.system(url, version); s != nil && len(s.concepts) > 0 {
		return s, nil
	}
	return nil, fault(NotFound, "the content of the code system %s is not known here", join(url, version))
}

// Below gives a code and all below it, for searches (:below). The error is an *Error: NotFound, or TooCostly for more than most.
func (t *Terminology) Below(c Coding, most int) ([]Coding, error) { return t.reach(c, down, most) }

// Above gives a code and all above it, for searches (:above).
func (t *Terminology) Above(c Coding, most int) ([]Coding, error) { return t.reach(c, up, most) }

func (t *Terminology) reach(c Coding, next func(*concept) []int32, most int) ([]Coding, error) {
	s, err := t.content(c.System, c.Version)
	if err != nil {
		return nil, err
	}
	from := s.find(c.Code)
	if from < 0 {
		return nil, fault(NotFound, "the code system %s has no such code", c.System)
	}
	reached := s.reach(from, next)
	var list []Coding
	for i := range s.concepts {
		if !reached.has(int32(i)) {
			continue
		}
		if len(list) == most {
			return nil, fault(TooCostly, "more than %d codes stand there", most)
		}
		list = append(list, Coding{System: c.System, Code: s.concepts[i].Code})
	}
	return list, nil
}
