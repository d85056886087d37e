package fhir

import (
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
)

// parameters are the search parameters of R4 alone: whose chart a resource belongs to is said by these, whatever packages a node has.
var parameters = sync.OnceValue(func() *search.Parameters { return search.New(definition.Base()) })

// isType tells whether there is a type of resource of that name.
func isType(name string) bool {
	s := definition.TypeOf(name)
	return s != nil && s.Kind == definition.Resource && !s.Abstract
}

// uriNames are the names of the elements that are a uri, url, oid or uuid somewhere.
var uriNames = sync.OnceValue(func() map[string]bool {
	names, seen := map[string]bool{}, map[*definition.Structure]bool{}
	var look func(s *definition.Structure)
	look = func(s *definition.Structure) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for i := range s.Elements {
			e := &s.Elements[i]
			for j := range e.Types {
				switch t := &e.Types[j]; t.Code {
				case "uri", "url", "oid", "uuid":
					names[e.JSONName(t)] = true
				default:
					look(t.Of)
				}
			}
		}
	}
	for _, name := range definition.ResourceTypes() {
		look(definition.TypeOf(name))
	}
	return names
})
