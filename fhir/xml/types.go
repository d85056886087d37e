package xml

import "github.com/sijil-health/sijil/fhir/definition"

// resourceType gives the structure of a type of resource; nil for what is none.
func resourceType(name []byte) *definition.Structure {
	s := definition.TypeOfBytes(name)
	if s == nil || s.Kind != definition.Resource || s.Abstract {
		return nil
	}
	return s
}

func isNarrative(t *definition.Type) bool { return t.Code == "xhtml" }

// isPrimitive tells whether a type's values are single: attributes in XML. A narrative is an element.
func isPrimitive(t *definition.Type) bool {
	return t.Of != nil && t.Of.Kind == definition.Primitive && t.Code != "xhtml"
}
