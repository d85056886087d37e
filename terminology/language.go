package terminology

import "strings"

// language is a language tag in its parts (RFC 5646, 2.1). Parts are empty where the tag has none.
type language struct {
	extlang, script, region, variant, extension, private string
}

// parseLanguage reads a tag; nil for what is none. It knows the grammar, not the registry: "xx" is read like "en".
func parseLanguage(tag string) *language {
	if len(tag) > 255 {
		return nil
	}
	if irregular[strings.ToLower(tag)] {
		return &language{}
	}
	p := subtags{strings.Split(tag, "-")}
	l := &language{}
	if strings.EqualFold(p.peek(), "x") {
		return l.readPrivate(&p)
	}
	main := p.take(alpha, 2, 8)
	if main == "" {
		return nil
	}
	for range 3 {
		if len(main) > 3 {
			break
		}
		if e := p.take(alpha, 3, 3); e != "" {
			l.extlang = e
		}
	}
	l.script = p.take(alpha, 4, 4)
	if l.region = p.take(alpha, 2, 2); l.region == "" {
		l.region = p.take(digits, 3, 3)
	}
	for {
		v := p.take(alphanumeric, 5, 8)
		if n := p.peek(); v == "" && len(n) == 4 && n[0] >= '0' && n[0] <= '9' {
			v = p.take(alphanumeric, 4, 4)
		}
		if v == "" {
			break
		}
		l.variant = v
	}
	for len(p.peek()) == 1 && !strings.EqualFold(p.peek(), "x") {
		l.extension = p.take(alphanumeric, 1, 1)
		if l.extension == "" || p.take(alphanumeric, 2, 8) == "" {
			return nil
		}
		for p.take(alphanumeric, 2, 8) != "" {
		}
	}
	return l.readPrivate(&p)
}

// readPrivate reads what follows x-, which ends a tag.
func (l *language) readPrivate(p *subtags) *language {
	if strings.EqualFold(p.peek(), "x") {
		p.take(alpha, 1, 1)
		if l.private = p.take(alphanumeric, 1, 8); l.private == "" {
			return nil
		}
		for p.take(alphanumeric, 1, 8) != "" {
		}
	}
	if len(p.list) > 0 {
		return nil
	}
	return l
}

// irregular are tags of before the grammar (RFC 5646, 2.1, grandfathered) that it does not cover.
var irregular = map[string]bool{
	"en-gb-oed": true, "i-ami": true, "i-bnn": true, "i-default": true, "i-enochian": true, "i-hak": true, "i-klingon": true, "i-lux": true,
	"i-mingo": true, "i-navajo": true, "i-pwn": true, "i-tao": true, "i-tay": true, "i-tsu": true, "sgn-be-fr": true, "sgn-be-nl": true,
	"sgn-ch-de": true,
}

// subtags are the parts of a tag that are still to be read.
type subtags struct{ list []string }

func (p *subtags) peek() string {
	if len(p.list) == 0 {
		return ""
	}
	return p.list[0]
}

// take reads the next part if it is of the kind and length, else "".
func (p *subtags) take(of func(byte) bool, least, most int) string {
	s := p.peek()
	if len(s) < least || len(s) > most {
		return ""
	}
	for i := range len(s) {
		if !of(s[i]) {
			return ""
		}
	}
	p.list = p.list[1:]
	return s
}

func alpha(c byte) bool        { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digits(c byte) bool       { return c >= '0' && c <= '9' }
func alphanumeric(c byte) bool { return alpha(c) || digits(c) }

// languageFilter knows which parts a tag has (FHIR R4, 4.3.6 on BCP 47): script exists "false".
func languageFilter(f Filter) func(string) Verdict {
	part := map[string]func(*language) string{
		"ext-lang": func(l *language) string { return l.extlang }, "script": func(l *language) string { return l.script },
		"region": func(l *language) string { return l.region }, "variant": func(l *language) string { return l.variant },
		"extension": func(l *language) string { return l.extension }, "private-use": func(l *language) string { return l.private },
	}[f.Property]
	if part == nil || f.Op != "exists" {
		return nil
	}
	return func(code string) Verdict {
		l := parseLanguage(code)
		return verdict(l != nil && (part(l) != "") == (f.Value != "false"))
	}
}
