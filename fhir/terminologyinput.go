package fhir

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/terminology"
)

// canonical gives a canonical reference that may have its version in a parameter of its own.
func (in *input) canonical(name, version string) string {
	url, v := in.text(name), in.text(version)
	if url == "" || v == "" || strings.Contains(url, "|") {
		return url
	}
	return url + "|" + v
}

// codings gives the codes that are asked about: a code with its system, a Coding, or those of a CodeableConcept.
func (in *input) codings() []terminology.Coding {
	c := terminology.Coding{System: in.text("system"), Version: in.text("systemVersion"), Code: in.text("code"), Display: in.text("display")}
	if c.Version == "" && in.name != "$validate-code" {
		c.Version = in.text("version")
	}
	if c.Code != "" {
		return []terminology.Coding{c}
	}
	if v := in.value("coding"); v.Exists() {
		return []terminology.Coding{terminology.ReadCoding(v)}
	}
	var list []terminology.Coding
	for v := in.value("codeableConcept").Get("coding").First(); v.Exists(); v = v.Next() {
		if c := terminology.ReadCoding(v); c.Code != "" && len(list) < search.MaxParams {
			list = append(list, c)
		}
	}
	return list
}
