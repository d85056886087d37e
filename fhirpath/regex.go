package fhirpath

import (
	"regexp"

	"github.com/sijil-health/sijil/fhir/tape"
)

// regexFunctions match by Go's regular expressions, which take time in proportion to the text whatever the pattern is. They know no
// back-references and no look-around.
var regexFunctions = map[string]*function{
	"matches":        {min: 1, max: 1, input: text, compile: compilePattern(false), result: alwaysBoolean, eval: matches(false)},
	"matchesFull":    {min: 1, max: 1, input: text, compile: compilePattern(true), result: alwaysBoolean, eval: matches(true)},
	"replaceMatches": {min: 2, max: 2, input: text, compile: compilePattern(false), result: alwaysString, eval: replaceMatches},
}

const maxPattern = 4 << 10 // bytes of a regular expression

// compilePattern compiles a pattern that is a literal once.
func compilePattern(full bool) func(*compiler, *call, *invocation, static) error {
	return func(c *compiler, n *call, e *invocation, _ static) error {
		l, ok := e.args[0].(*literal)
		if !ok || l.item.kind != StringKind {
			return nil
		}
		var err error
		if n.pattern, err = regex(l.item.text, full); err != nil {
			return c.fail(l.offset(), "this is no regular expression that can be matched")
		}
		return nil
	}
}

// regex compiles a pattern: a point matches the end of a line, too (FHIRPath N1, §5.6.9).
func regex(pattern string, full bool) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, ErrLimit
	}
	if full {
		pattern = `\A(?:` + pattern + `)\z`
	}
	return regexp.Compile("(?s)" + pattern)
}

// patternOf gives the pattern of a call; nil for none.
func (r *Run) patternOf(n *call, full bool) (*regexp.Regexp, error) {
	if n.pattern != nil {
		return n.pattern, nil
	}
	p, ok, err := r.stringArgument(n, 0)
	if err != nil || !ok {
		return nil, err
	}
	if err := r.spend(len(p) * 16); err != nil {
		return nil, err
	}
	re, err := regex(p, full)
	if err != nil {
		return nil, n.fail("this is no regular expression that can be matched")
	}
	return re, nil
}

// spendOnMatch counts what a match costs: text times pattern.
func (r *Run) spendOnMatch(re *regexp.Regexp, size int) error {
	return r.spend(size * len(re.String()) / 32)
}

func matches(full bool) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		it, err := r.only(in, n.at)
		if err != nil || it == nil {
			return err
		}
		if it.kind != StringKind && it.node.Kind() != tape.String {
			_, _, err := r.stringInput(n, in)
			return err
		}
		one := *it
		re, err := r.patternOf(n, full)
		if err != nil || re == nil {
			return err
		}
		if err := r.spendOnMatch(re, len(one.text)+len(one.node.Raw())); err != nil {
			return err
		}
		if one.kind == NodeKind {
			r.push(Boolean(re.Match(one.node.Bytes())))
			return nil
		}
		r.push(Boolean(re.MatchString(one.text)))
		return nil
	}
}

func replaceMatches(r *Run, n *call, in span) error {
	s, ok, err := r.stringInput(n, in)
	if err != nil || !ok {
		return err
	}
	re, err := r.patternOf(n, false)
	if err != nil || re == nil {
		return err
	}
	by, ok, err := r.stringArgument(n, 1)
	if err != nil || !ok {
		return err
	}
	if re.String() == "(?s)" {
		return r.pushText(s)
	}
	if err := r.spendOnMatch(re, len(s)); err != nil {
		return err
	}
	if err := r.checkText(len(by) * (1 + len(re.FindAllStringIndex(s, -1)))); err != nil {
		return err
	}
	return r.pushText(re.ReplaceAllString(s, by))
}
