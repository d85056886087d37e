package fhirpath

import (
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// structures gives all types that resources are made of.
func structures() map[*definition.Structure]bool {
	all := make(map[*definition.Structure]bool)
	var add func(s *definition.Structure)
	add = func(s *definition.Structure) {
		if s == nil || all[s] {
			return
		}
		all[s] = true
		for _, e := range s.Elements {
			for _, t := range e.Types {
				add(t.Of)
			}
		}
	}
	for _, name := range definition.ResourceTypes() {
		add(definition.TypeOf(name))
	}
	return all
}

// broken are invariants of R4 that cannot be met as they are written, by key.
var broken = map[string]string{
	"que-7": "says Boolean, the type of System, of an element that is a boolean of FHIR",
}

// invariants are compiled once for each type.
type invariants struct {
	t        *testing.T
	compiled map[*definition.Structure]map[string]*Expression
}

func (c *invariants) of(s *definition.Structure, i *definition.Invariant) *Expression {
	if c.compiled[s] == nil {
		c.compiled[s] = make(map[string]*Expression)
	}
	e := c.compiled[s][i.Expression]
	if e == nil {
		var err error
		if e, err = Compile(i.Expression, Of(s)); err != nil {
			c.t.Errorf("%s of %s: %v\n\t%s", i.Key, s.Name, err, i.Expression)
			e = MustCompile("true")
		}
		c.compiled[s][i.Expression] = e
	}
	return e
}

// TestInvariantsCompile compiles every invariant of R4 for the types that it is stated on.
func TestInvariantsCompile(t *testing.T) {
	c := invariants{t, make(map[*definition.Structure]map[string]*Expression)}
	count := 0
	for s := range structures() {
		for i := range s.Invariants {
			c.of(s, &s.Invariants[i])
			count++
		}
		for _, e := range s.Elements {
			for _, of := range e.Types {
				for i := range e.Invariants {
					c.of(of.Of, &e.Invariants[i])
					count++
				}
			}
		}
	}
	if count < 1400 {
		t.Errorf("only %d invariants", count)
	}
}

// TestInvariantsHold evaluates the invariants of R4 on all nodes of HL7's examples, which keep them.
func TestInvariantsHold(t *testing.T) {
	c := invariants{t, make(map[*definition.Structure]map[string]*Expression)}
	var run, walk Run
	children := MustCompile("children()")
	count := 0
	for _, name := range published(t, "data/fhir/hl7-r4-examples/*.json") {
		var document tape.Tape
		if err := document.Parse(read(t, name), tape.Limits{}); err != nil {
			t.Fatal(err)
		}
		var visit func(it Item, resource, root Item)
		visit = func(it Item, resource, root Item) {
			if it.Type() == nil {
				t.Fatalf("%s: %s has no type", name, it.Value().Path())
			}
			if it.Type().Kind == definition.Resource {
				if resource.Value().Exists() && resource.Value() != it.Value() && strings.Contains(it.Value().Path(), "contained") {
					root = resource
				} else {
					root = it
				}
				resource = it
			}
			check := func(i *definition.Invariant) {
				if i.Severity != "error" || i.Expression == "" || broken[i.Key] != "" {
					return
				}
				count++
				run.Environment = Environment{Resource: resource, RootResource: root}
				holds, empty, err := c.of(it.Type(), i).Truth(&run, it)
				if err != nil || !holds && !empty {
					t.Errorf("%s: %s, %s: %v %v\n\t%s", name[strings.LastIndexByte(name, '/')+1:], pathOf(it), i.Key, holds, err, i.Expression)
				}
			}
			for i := range it.Type().Invariants {
				check(&it.Type().Invariants[i])
			}
			items, err := children.Evaluate(&walk, it)
			if err != nil {
				t.Fatal(err)
			}
			for _, child := range append([]Item(nil), items...) {
				if e, _ := it.Type().FindString(strings.TrimPrefix(memberName(child), "_")); e != nil {
					for i := range e.Invariants {
						saved := it
						it = child
						check(&e.Invariants[i])
						it = saved
					}
				}
				visit(child, resource, root)
			}
		}
		visit(typed(Node(document.Root())), Item{}, Item{})
	}
	t.Logf("%d checks", count)
	if count < 25000 {
		t.Errorf("only %d checks", count)
	}
}

func pathOf(it Item) string {
	if it.Value().Exists() {
		return it.Value().Path()
	}
	return it.Sibling().Path()
}

// memberName is the name under which an item stands in its parent.
func memberName(it Item) string {
	path := pathOf(it)
	path = path[strings.LastIndexByte(path, '.')+1:]
	name, _, _ := strings.Cut(path, "[")
	return name
}

// TestSearchParameters compiles every search parameter for each type that it is of, and evaluates it on HL7's examples.
func TestSearchParameters(t *testing.T) {
	compiled := make(map[string][]*Expression)
	count := 0
	for _, kind := range definition.ResourceTypes() {
		for _, p := range definition.SearchParameters(kind) {
			if p.Expression == "" {
				continue
			}
			e, err := Compile(p.Expression, Of(definition.TypeOf(kind)))
			if err != nil {
				t.Errorf("%s of %s: %v\n\t%s", p.Code, kind, err, p.Expression)
				continue
			}
			if e.Never() {
				t.Errorf("%s of %s is always empty: %s", p.Code, kind, p.Expression)
			}
			count++
			compiled[kind] = append(compiled[kind], e)
		}
	}
	if count < 2500 {
		t.Errorf("only %d expressions", count)
	}
	var run Run
	results := 0
	for _, name := range published(t, "data/fhir/hl7-r4-examples/*.json") {
		var document tape.Tape
		if err := document.Parse(read(t, name), tape.Limits{}); err != nil {
			t.Fatal(err)
		}
		kind := document.Root().Get("resourceType").Text()
		for _, e := range compiled[kind] {
			items, err := e.Evaluate(&run, Node(document.Root()))
			if err != nil {
				t.Errorf("%s: %v\n\t%s", name, err, e)
			}
			for _, it := range items {
				if it.Kind() == NodeKind && it.Type() == nil {
					t.Errorf("%s: an item without a type: %s", name, e)
				}
				results++
			}
		}
	}
	if results < 3500 {
		t.Errorf("only %d results", results)
	}
}
