package terminology

// TranslateRequest is what $translate is asked.
type TranslateRequest struct {
	Map            *ConceptMap // the one to use; nil: all that the source has for the scopes
	URL            string      // or by its canonical
	Source, Target string      // value sets, "" for any
	Codings        []Coding
	TargetSystem   string // "" for any
	Reverse        bool
}

// Match is a translation that was found.
type Match struct {
	Equivalence string
	Concept     Coding // no Code where the map says that there is none
	Product     []Dependency
	Source      string // canonical of the map
}

// Translate gives what codes are in another system. It succeeds, in the words of the operation, when a match is neither unmatched nor
// disjoint. The error is an *Error.
func (t *Terminology) Translate(r TranslateRequest) (matches []Match, success bool, err error) {
	maps, err := t.mapsFor(r)
	if err != nil {
		return nil, false, err
	}
	for _, m := range maps {
		for _, c := range r.Codings {
			if r.Reverse {
				matches = append(matches, m.reverse(c, r.TargetSystem)...)
			} else {
				matches = append(matches, t.forward(m, c, r.TargetSystem, 0)...)
			}
			if len(matches) > LimitExpansion {
				return nil, false, fault(TooCostly, "there are more than %d translations", LimitExpansion)
			}
		}
	}
	for _, m := range matches {
		success = success || m.Equivalence != "unmatched" && m.Equivalence != "disjoint" && m.Concept.Code != ""
	}
	return matches, success, nil
}

func (t *Terminology) mapsFor(r TranslateRequest) ([]*ConceptMap, error) {
	if r.Map != nil {
		return []*ConceptMap{r.Map}, nil
	}
	if r.URL != "" {
		if m := t.conceptMap(Canonical(r.URL)); m != nil {
			return []*ConceptMap{m}, nil
		}
		return nil, fault(NotFound, "the concept map %s is not known here", r.URL)
	}
	source, target := r.Source, r.Target
	if r.Reverse {
		source, target = target, source
	}
	if source == "" && target == "" && r.TargetSystem == "" {
		return nil, fault(Required, "name the concept map by url, or what to translate into by target or targetsystem")
	}
	var maps []*ConceptMap
	for over := t; over != nil; over = over.under {
		for _, url := range over.source.ConceptMaps(source, target) {
			if over.first && over.under.mapOf(url, "") != nil {
				continue // another of the same URL, which does not count
			}
			if m := over.source.ConceptMap(url, ""); m != nil {
				t.noted(m.Origin)
				maps = append(maps, m)
			}
		}
	}
	if len(maps) == 0 {
		return nil, fault(NotFound, "no concept map for this is known here")
	}
	return maps, nil
}

func (t *Terminology) forward(m *ConceptMap, c Coding, targetSystem string, depth int) (matches []Match) {
	for i := range m.Groups {
		g := &m.Groups[i]
		if c.System != "" && g.Source != c.System || targetSystem != "" && g.Target != targetSystem {
			continue
		}
		found := false
		for j := range g.Elements {
			e := &g.Elements[j]
			if e.Code != c.Code {
				continue
			}
			found = true
			for k := range e.Targets {
				matches = append(matches, g.match(m, &e.Targets[k]))
			}
			if len(e.Targets) == 0 {
				matches = append(matches, Match{Equivalence: "unmatched", Source: join(m.URL, m.Version)})
			}
		}
		if !found {
			matches = append(matches, t.unmapped(m, g, c, targetSystem, depth)...)
		}
	}
	return matches
}

func (g *Group) match(m *ConceptMap, to *Target) Match {
	match := Match{Equivalence: to.Equivalence, Product: to.Product, Source: join(m.URL, m.Version)}
	if to.Code != "" {
		match.Concept = Coding{g.Target, g.TargetVersion, to.Code, to.Display}
	}
	return match
}

// maxOther bounds maps that refer to others for what they do not map.
const maxOther = 8

// unmapped follows what a group says of codes that it does not name.
func (t *Terminology) unmapped(m *ConceptMap, g *Group, c Coding, targetSystem string, depth int) []Match {
	source := join(m.URL, m.Version)
	switch u := &g.Unmapped; u.Mode {
	case "provided":
		return []Match{{Equivalence: "equal", Concept: Coding{System: g.Target, Code: c.Code}, Source: source}}
	case "fixed":
		return []Match{{Equivalence: "inexact", Concept: Coding{System: g.Target, Code: u.Code, Display: u.Display}, Source: source}}
	case "other-map":
		if other := t.conceptMap(Canonical(u.URL)); other != nil && depth < maxOther {
			return t.forward(other, c, targetSystem, depth+1)
		}
	}
	return nil
}

// inverse are the equivalences seen from the other side.
var inverse = map[string]string{"wider": "narrower", "narrower": "wider", "specializes": "subsumes", "subsumes": "specializes"}

func (m *ConceptMap) reverse(c Coding, targetSystem string) (matches []Match) {
	for i := range m.Groups {
		g := &m.Groups[i]
		if c.System != "" && g.Target != c.System || targetSystem != "" && g.Source != targetSystem {
			continue
		}
		for j := range g.Elements {
			e := &g.Elements[j]
			for k := range e.Targets {
				to := &e.Targets[k]
				if to.Code != c.Code {
					continue
				}
				match := Match{Equivalence: to.Equivalence, Concept: Coding{g.Source, g.SourceVersion, e.Code, e.Display}, Source: join(m.URL, m.Version)}
				if other := inverse[to.Equivalence]; other != "" {
					match.Equivalence = other
				}
				matches = append(matches, match)
			}
		}
	}
	return matches
}
