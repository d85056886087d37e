package node

import (
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sijil-health/sijil/bulk/imports"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/verify"
)

// Check refuses what a node could not run with; nil where there is nothing to refuse. Whoever knows the file names it (Problem.In).
func (c *Config) Check() *lang.Problem {
	if c.Name == "" {
		return lang.NewProblem("config_name")
	}
	if len(c.Name) > verify.MaxName || !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, unicode.IsControl) {
		return lang.NewProblem("config_name_form", verify.MaxName)
	}
	for _, a := range []struct{ field, address string }{{"fhir", c.FHIR}, {"peer", c.Peer}, {"p2p", c.P2P}} {
		if a.address == "" && a.field != "fhir" {
			continue
		}
		if p := checkAddress(a.field, a.address); p != nil {
			return p
		}
	}
	if c.Peer != "" && c.Peer == c.P2P {
		return lang.NewProblem("config_same", c.Peer)
	}
	if !isBase(c.Base) {
		return lang.NewProblem("config_base", c.Base)
	}
	if c.Engine != "inside" && c.Engine != "child" {
		return lang.NewProblem("config_engine", c.Engine)
	}
	if c.Network != "lan" && c.Network != "wan" {
		return lang.NewProblem("config_network", c.Network)
	}
	if c.Copies < 0 || c.Copies > 16 {
		return lang.NewProblem("config_copies", c.Copies)
	}
	if c.ConditionalDeletes < 0 || c.ConditionalDeletes > 1000 {
		return lang.NewProblem("config_deletes", c.ConditionalDeletes)
	}
	for _, origin := range c.Origins {
		if u, err := url.Parse(origin); err != nil || !isURL(origin) || origin != u.Scheme+"://"+u.Host {
			return lang.NewProblem("config_origin", origin)
		}
	}
	for _, prefix := range c.SubscriptionEndpoints {
		if prefix == "" || !isBase(prefix) {
			return lang.NewProblem("config_endpoint", prefix)
		}
	}
	for _, source := range c.ImportSources {
		if !imports.IsSource(source) {
			return lang.NewProblem("config_import_source", source)
		}
	}
	if c.Validation != "" && c.Validation != "strict" && c.Validation != "lenient" {
		return lang.NewProblem("config_validation", c.Validation)
	}
	if c.KeepBlocks < 0 {
		return lang.NewProblem("config_blocks", c.KeepBlocks)
	}
	return checkWitnesses(c.Witnesses)
}

func checkAddress(field, address string) *lang.Problem {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return lang.NewProblem("config_address", field, address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return lang.NewProblem("config_port", field, address)
	}
	return nil
}

// isBase tells whether links may begin with a URL, or none is given.
func isBase(base string) bool {
	return base == "" || isURL(base) && !strings.ContainsAny(base, "?#")
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}

// checkWitnesses asks that each witness can be told from the others and that its cosignatures can be verified.
func checkWitnesses(list []WitnessConfig) *lang.Problem {
	seen := make(map[string]bool)
	for _, w := range list {
		if w.Name == "" || seen[w.Name] {
			return lang.NewProblem("config_witness_name", w.Name)
		}
		seen[w.Name] = true
		if key, err := verify.ParseVKey(w.Key); err != nil || key.Algorithm() != verify.AlgCosign && key.Algorithm() != verify.AlgCosign44 {
			return lang.NewProblem("config_witness_key", w.Name, w.Key)
		}
		if w.URL != "" && !isURL(w.URL) {
			return lang.NewProblem("config_witness_url", w.Name, w.URL)
		}
	}
	return nil
}
