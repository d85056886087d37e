package search

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/sijil-health/sijil/fhir/definition"
)

// Told says by which rules all resources of a type are told to the index: for each code of which that is not the one that is defined beside own
// parameters. It is kept with the index.
type Told map[string]string

// none stands for no rule at all: not all resources are told by the same.
const none = "-"

// rule stands for all that decides what a parameter finds; "" where there is none of the code.
func (now *set) rule(typ, code string) string {
	s := definition.TypeOf(typ)
	for _, d := range now.used {
		if d.Code == code && slices.ContainsFunc(d.Base, s.Is) {
			return now.ruleOf(d)
		}
	}
	for _, d := range now.definitions.SearchParameters(typ) {
		if d.Code == code {
			return now.ruleOf(d)
		}
	}
	return ""
}

func (now *set) ruleOf(d *definition.SearchParameter) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", d.Type, d.Expression, d.Target)
	for _, c := range d.Components {
		fmt.Fprintf(h, " %q", c)
		if of := now.byURL(c.Definition); of != nil {
			fmt.Fprintf(h, " %q", of.Type)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// beside gives the parameters without the own ones that may change.
func (now *set) beside() *set { return &set{Parameters: now.Parameters, used: now.given} }

// Settle holds by which rules a type's resources were told against those of now. It gives what is still true of them, and whether that is all: if not,
// some parameters are incomplete until all resources are told anew.
func (p *Parameters) Settle(typ string, told Told) (still Told, complete bool) {
	now := p.now.Load()
	beside := now.beside()
	codes := codesOf(now.used, nil, typ)
	for code := range told {
		codes[code] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.incomplete, typ)
	p.changes++
	still, complete = Told{}, true
	for code := range codes {
		is, defined := now.rule(typ, code), beside.rule(typ, code)
		was, kept := told[code]
		if !kept {
			was = defined
		}
		switch {
		case is == "": // nobody searches by it; should it come again, all is told anew
		case is != was:
			still[code], complete = none, false
			p.mark(typ, code)
		case is != defined:
			still[code] = is
		}
	}
	return still, complete
}

// By gives the rules by which resources of a type are told from now on: what is true of them once all are.
func (p *Parameters) By(typ string) Told {
	now := p.now.Load()
	beside, by := now.beside(), Told{}
	for code := range codesOf(now.used, nil, typ) {
		if is := now.rule(typ, code); is != beside.rule(typ, code) {
			by[code] = is
		}
	}
	return by
}
