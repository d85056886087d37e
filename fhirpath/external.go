package fhirpath

import "strings"

// Environment variables whose value is known when an expression is compiled (FHIRPath N1, §9; FHIR R4, FHIRPath, §2.1.9.1.2).
var fixedVariables = map[string]string{
	"sct": "http://snomed.info/sct", "loinc": "http://loinc.org", "ucum": ucumSystem,
}

func reserved(name string) bool {
	switch name {
	case "resource", "rootResource", "context":
		return true
	}
	return fixedVariables[name] != ""
}

// variableNode is %resource, %context or a variable that the caller or defineVariable() gives.
type variableNode struct {
	name string
	at   int
}

func (c *compiler) external(e *external) (node, static, error) {
	if url := fixedVariables[e.name]; url != "" {
		return &constant{String(url)}, systemType(StringKind), nil
	}
	if name, ok := strings.CutPrefix(e.name, "vs-"); ok {
		return &constant{String("http://hl7.org/fhir/ValueSet/" + name)}, systemType(StringKind), nil
	}
	if name, ok := strings.CutPrefix(e.name, "ext-"); ok {
		return &constant{String("http://hl7.org/fhir/StructureDefinition/" + name)}, systemType(StringKind), nil
	}
	return &variableNode{e.name, e.offset()}, anything, nil
}

func (n *variableNode) eval(r *Run) error {
	for i := len(r.variables) - 1; i >= 0; i-- {
		if r.variables[i].name == n.name {
			r.stack = append(r.stack, r.variables[i].items...)
			return r.spend(len(r.variables[i].items))
		}
	}
	switch n.name {
	case "context":
		r.push(r.stack[0])
		return nil
	case "resource":
		r.push(r.resource())
		return nil
	case "rootResource":
		if r.RootResource.node.Exists() {
			r.push(typed(r.RootResource))
		} else {
			r.push(r.resource())
		}
		return nil
	}
	items, ok := r.Variables[n.name]
	if !ok {
		return &Error{Stage: Execution, Offset: n.at, Reason: "there is no variable of this name"}
	}
	for _, it := range items {
		r.push(typed(it))
	}
	return r.spend(len(items))
}

func (r *Run) resource() Item {
	if r.Resource.node.Exists() {
		return typed(r.Resource)
	}
	return r.stack[0]
}

// typed finds the type of a resource that came without it.
func typed(it Item) Item {
	if it.kind == NodeKind && it.typ == nil {
		it.typ = typeOfNode(it.node, nil)
	}
	return it
}
