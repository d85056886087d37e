package fhir

import (
	"net/http"

	"github.com/sijil-health/sijil/terminology"
)

// needed is what is answered where nothing is asked about.
func needed(what string) error { return fail(http.StatusBadRequest, "required", "%s", what) }

const needsCode = "say which code by code and system, coding, or codeableConcept"

func (in *input) validateOptions() terminology.ValidateOptions {
	o := terminology.ValidateOptions{DisplayLanguage: in.text("displayLanguage")}
	if p := in.find("abstract", false); p != nil {
		o.NoAbstract = !in.flag("abstract")
	}
	return o
}

// validateInSet says whether a code is in a value set.
func (s *Server) validateInSet(in *input) ([]byte, error) {
	o, codings := in.validateOptions(), in.codings()
	set, err := in.set()
	if err != nil {
		return nil, err
	}
	return validated(codings, func(c terminology.Coding) terminology.Validation { return in.known.terms.ValidateIn(set, c, o) })
}

// validateInSystem says whether a code is one of a code system.
func (s *Server) validateInSystem(in *input) ([]byte, error) {
	o := in.validateOptions()
	terms, system, err := in.system("url")
	if err != nil {
		return nil, err
	}
	version := in.text("version")
	codings := in.codings()
	for i := range codings {
		c := &codings[i]
		if c.System == "" {
			c.System = system
		}
		if c.Version == "" {
			c.Version = version
		}
		if system != "" && c.System != system {
			return nil, fail(http.StatusBadRequest, "invalid", "the coding is of another code system than url names")
		}
		if c.System == "" {
			return nil, needed("name the code system by url, or by the system of the coding")
		}
	}
	return validated(codings, func(c terminology.Coding) terminology.Validation { return terms.Validate(c, o) })
}

// validated answers for a code, or for several of which one is enough. What cannot be decided is an error: a "false" would be read as one.
func validated(codings []terminology.Coding, judge func(terminology.Coding) terminology.Validation) ([]byte, error) {
	if len(codings) == 0 {
		return nil, needed(needsCode)
	}
	best := judge(codings[0])
	for _, c := range codings[1:] {
		if v := judge(c); v.Verdict > best.Verdict {
			best = v
		}
	}
	if best.Verdict == terminology.Undecided {
		return nil, fail(http.StatusUnprocessableEntity, "not-found", "it cannot be said whether the code is valid: %s", best.Message)
	}
	return best.Append(nil), nil
}

// system finds the code system that is asked about, and who knows it: it may be one of the node, or come with the request. Its URL may be "".
func (in *input) system(name string) (*terminology.Terminology, string, error) {
	r, err := in.given("codeSystem")
	if err != nil {
		return nil, "", err
	}
	url := in.text(name)
	if !r.Exists() {
		return in.known.terms, url, nil
	}
	def := terminology.ReadCodeSystem(r)
	if def.URL == "" {
		def.URL = "urn:uuid:00000000-0000-0000-0000-000000000000" // nobody else's
	}
	if url != "" && url != def.URL {
		return nil, "", fail(http.StatusBadRequest, "invalid", "the code system is another one than %s names", name)
	}
	return in.known.terms.With(onlySystem{def}), def.URL, nil
}

// onlySystem is a source of one code system.
type onlySystem struct{ def *terminology.CodeSystem }

func (o onlySystem) CodeSystem(url, version string) *terminology.CodeSystem {
	if url == o.def.URL && (version == "" || version == o.def.Version) {
		return o.def
	}
	return nil
}
func (onlySystem) ValueSet(_, _ string) *terminology.ValueSet     { return nil }
func (onlySystem) ConceptMap(_, _ string) *terminology.ConceptMap { return nil }
func (onlySystem) ConceptMaps(_, _ string) []string               { return nil }

// lookup says what is known of a code.
func (s *Server) lookup(in *input) ([]byte, error) {
	properties, language, codings := in.texts("property"), in.text("displayLanguage"), in.codings()
	if len(codings) != 1 || codings[0].System == "" {
		return nil, needed("say which code by code and system, or coding")
	}
	if err := in.refused(); err != nil {
		return nil, err
	}
	found, err := in.known.terms.Lookup(codings[0], properties, language)
	if err != nil {
		return nil, err
	}
	return found.Append(nil), nil
}

// subsumes says how two codes of a system stand to one another.
func (s *Server) subsumes(in *input) ([]byte, error) {
	terms, system, err := in.system("system")
	if err != nil {
		return nil, err
	}
	version, a, b := in.text("version"), in.text("codeA"), in.text("codeB")
	if va, vb := in.value("codingA"), in.value("codingB"); va.Exists() && vb.Exists() {
		ca, cb := terminology.ReadCoding(va), terminology.ReadCoding(vb)
		if ca.System != cb.System || system != "" && ca.System != system {
			return nil, fail(http.StatusBadRequest, "invalid", "the codes are of different code systems")
		}
		system, a, b = ca.System, ca.Code, cb.Code
		if version == "" {
			version = ca.Version
		}
	}
	if system == "" || a == "" || b == "" {
		return nil, needed("say which codes by system, codeA and codeB, or by codingA and codingB")
	}
	outcome, err := terms.Subsumes(system, version, a, b)
	if err != nil {
		return nil, err
	}
	return outcome.Append(nil), nil
}

// translate says what a code is in another code system.
func (s *Server) translate(in *input) ([]byte, error) {
	r := terminology.TranslateRequest{URL: in.canonical("url", "conceptMapVersion"), Source: in.text("source"), Target: in.text("target"),
		TargetSystem: in.text("targetsystem"), Reverse: in.flag("reverse"), Codings: in.codings()}
	given, err := in.given("conceptMap")
	if err != nil {
		return nil, err
	}
	if given.Exists() {
		r.Map = terminology.ReadConceptMap(given)
	}
	if len(r.Codings) == 0 {
		return nil, needed(needsCode)
	}
	if err := in.refused(); err != nil {
		return nil, err
	}
	matches, ok, err := in.known.terms.Translate(r)
	if err != nil {
		return nil, err
	}
	return terminology.AppendMatches(nil, matches, ok), nil
}
