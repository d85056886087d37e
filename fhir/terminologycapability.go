package fhir

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// The parts of a TerminologyCapabilities resource that are stated here (http://hl7.org/fhir/R4/terminologycapabilities.html).
type (
	termsCapability struct {
		ResourceType   string             `json:"resourceType"`
		Name           string             `json:"name"`
		Status         string             `json:"status"`
		Date           string             `json:"date"`
		Description    string             `json:"description"`
		Kind           string             `json:"kind"`
		Software       capabilitySoftware `json:"software"`
		Implementation map[string]string  `json:"implementation"`
		CodeSystem     []termsSystem      `json:"codeSystem,omitempty"`
		Expansion      termsExpansion     `json:"expansion"`
		CodeSearch     string             `json:"codeSearch"`
		ValidateCode   struct {
			Translations bool `json:"translations"`
		} `json:"validateCode"`
		Translation struct {
			NeedsMap bool `json:"needsMap"`
		} `json:"translation"`
	}
	termsSystem struct {
		URI         string         `json:"uri"`
		Version     []termsVersion `json:"version,omitempty"`
		Subsumption bool           `json:"subsumption"`
	}
	termsVersion struct {
		Code      string `json:"code"`
		IsDefault bool   `json:"isDefault"`
	}
	termsExpansion struct {
		Hierarchical bool             `json:"hierarchical"`
		Paging       bool             `json:"paging"`
		Incomplete   bool             `json:"incomplete"`
		Parameter    []termsParameter `json:"parameter"`
		TextFilter   string           `json:"textFilter"`
	}
	termsParameter struct {
		Name string `json:"name"`
	}
)

// terminologyCapabilities says what the operations on codes know and heed (GET metadata?mode=terminology). Whoever asks has no token: code systems that are
// resources of the node are not among it, and are found by a search.
func (s *Server) terminologyCapabilities(base string) []byte {
	s.stated.Do(func() { s.systems = systemsOf(s.Definitions) })
	c := termsCapability{
		ResourceType: "TerminologyCapabilities", Name: "SijilTerminology", Status: "active", Date: s.started.UTC().Format(time.RFC3339), Kind: "instance",
		Description: "Code systems of FHIR R4 and of the packages that were added, as far as their content is here. Those that were written to the node are used too, and are found by a search for CodeSystem.",
		Software:    capabilitySoftware{"Sijil", s.Version}, Implementation: map[string]string{"description": "Sijil", "url": base},
		CodeSystem: s.systems, CodeSearch: "explicit",
		Expansion: termsExpansion{Hierarchical: true, Paging: true, TextFilter: "Words, by white space: each occurs in the code, the display or a designation, in any case."},
	}
	for _, name := range expandParameters {
		c.Expansion.Parameter = append(c.Expansion.Parameter, termsParameter{name})
	}
	b, err := json.Marshal(&c)
	if err != nil {
		panic(err) // nothing in c can fail to be written
	}
	return b
}

// systemsOf lists the code systems of which codes are known, in the order of their URLs. A grammar knows no codes below others.
func systemsOf(r *definition.Registry) (list []termsSystem) {
	t := tape.Get()
	defer t.Release()
	for _, d := range r.CodeSystems() {
		src := r.CodeSystem(d.URL)
		if src == nil || t.Parse(src, tape.Limits{Bytes: len(src), Nodes: 8 << 20}) != nil || t.Root().Get("concept").Len() == 0 {
			continue
		}
		one := termsSystem{URI: d.URL, Subsumption: true}
		if d.Version != "" {
			one.Version = []termsVersion{{d.Version, true}}
		}
		list = append(list, one)
	}
	for _, url := range terminology.Grammars() {
		if !slices.ContainsFunc(list, func(s termsSystem) bool { return s.URI == url }) {
			list = append(list, termsSystem{URI: url})
		}
	}
	slices.SortFunc(list, func(a, b termsSystem) int { return strings.Compare(a.URI, b.URI) })
	return list
}
