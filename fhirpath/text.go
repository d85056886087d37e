package fhirpath

import (
	"strings"
	"unicode/utf8"
)

// stringFunctions are those of FHIRPath N1, §5.6, but for regular expressions.
var stringFunctions = map[string]*function{
	"indexOf":     {min: 1, max: 1, input: text, result: alwaysInteger, eval: position(strings.Index)},
	"lastIndexOf": {min: 1, max: 1, input: text, result: alwaysInteger, eval: position(strings.LastIndex)},
	"substring":   {min: 1, max: 2, input: text, result: alwaysString, eval: substring},
	"startsWith":  {min: 1, max: 1, input: text, result: alwaysBoolean, eval: test(strings.HasPrefix)},
	"endsWith":    {min: 1, max: 1, input: text, result: alwaysBoolean, eval: test(strings.HasSuffix)},
	"contains":    {min: 1, max: 1, input: text, result: alwaysBoolean, eval: test(strings.Contains)},
	"upper":       {input: text, result: alwaysString, eval: rewrite(strings.ToUpper)},
	"lower":       {input: text, result: alwaysString, eval: rewrite(strings.ToLower)},
	"trim":        {input: text, result: alwaysString, eval: rewrite(strings.TrimSpace)},
	"replace":     {min: 2, max: 2, input: text, result: alwaysString, eval: replace},
	"length": {input: text, result: alwaysInteger, eval: func(r *Run, n *call, in span) error {
		s, ok, err := r.stringInput(n, in)
		if ok {
			r.push(Integer(int64(utf8.RuneCountInString(s))))
		}
		return err
	}},
	"toChars": {input: text, result: alwaysString, eval: func(r *Run, n *call, in span) error {
		s, _, err := r.stringInput(n, in)
		for s != "" && err == nil {
			_, size := utf8.DecodeRuneInString(s)
			r.push(String(s[:size]))
			s, err = s[size:], r.spend(1)
		}
		return err
	}},
	"split": {min: 1, max: 1, input: text, result: alwaysString, eval: split},
	"join":  {max: 1, input: text, result: alwaysString, eval: join},
}

var text = []Kind{StringKind, DateKind, DateTimeKind, TimeKind} // dates of FHIR are strings in JSON, and invariants treat them so

// withArgument calls do for a string and a string argument, if there are both.
func withArgument(r *Run, n *call, in span, do func(s, arg string) error) error {
	s, ok, err := r.stringInput(n, in)
	if err != nil || !ok {
		return err
	}
	arg, ok, err := r.stringArgument(n, 0)
	if err != nil || !ok {
		return err
	}
	return do(s, arg)
}

func test(of func(s, arg string) bool) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		return withArgument(r, n, in, func(s, arg string) error {
			r.push(Boolean(of(s, arg)))
			return nil
		})
	}
}

// position counts characters, not bytes.
func position(of func(s, part string) int) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		return withArgument(r, n, in, func(s, arg string) error {
			i := of(s, arg)
			if i > 0 {
				i = utf8.RuneCountInString(s[:i])
			}
			r.push(Integer(int64(i)))
			return nil
		})
	}
}

func rewrite(by func(string) string) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		s, ok, err := r.stringInput(n, in)
		if err != nil || !ok {
			return err
		}
		return r.pushText(by(s))
	}
}

func substring(r *Run, n *call, in span) error {
	s, ok, err := r.stringInput(n, in)
	if err != nil || !ok {
		return err
	}
	start, ok, err := r.integerArgument(n, 0)
	if err != nil || !ok {
		return err
	}
	length := int64(len(s))
	if len(n.args) > 1 {
		if given, ok, err := r.integerArgument(n, 1); err != nil {
			return err
		} else if ok {
			length = given
		}
	}
	if start < 0 || start >= int64(utf8.RuneCountInString(s)) {
		return nil
	}
	s = s[bytesOf(s, start):]
	return r.pushText(s[:bytesOf(s, length)])
}

// bytesOf is how many bytes the first characters of s take.
func bytesOf(s string, characters int64) int {
	i := 0
	for ; characters > 0 && i < len(s); characters-- {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i
}

func replace(r *Run, n *call, in span) error {
	return withArgument(r, n, in, func(s, pattern string) error {
		by, ok, err := r.stringArgument(n, 1)
		if err != nil || !ok {
			return err
		}
		if pattern == "" {
			return r.pushText(interleave(s, by))
		}
		if err := r.checkText(len(s) + strings.Count(s, pattern)*len(by)); err != nil {
			return err
		}
		return r.pushText(strings.ReplaceAll(s, pattern, by))
	})
}

// interleave puts by before each character, and at the end, as the specification's replace("", by) does; 'abc' becomes 'xaxbxcx'.
func interleave(s, by string) string { return strings.ReplaceAll(s, "", by) }

func split(r *Run, n *call, in span) error {
	return withArgument(r, n, in, func(s, separator string) error {
		for _, part := range strings.Split(s, separator) {
			r.push(String(part))
		}
		return r.spend(len(s))
	})
}

func join(r *Run, n *call, in span) error {
	separator := ""
	if len(n.args) > 0 {
		var err error
		if separator, _, err = r.stringArgument(n, 0); err != nil {
			return err
		}
	}
	var b []byte
	for i := in.from; i < in.to; i++ {
		if i > in.from {
			b = append(b, separator...)
		}
		s, ok := r.stack[i].str()
		if !ok {
			return n.fail("the function is for strings")
		}
		b = append(b, s...)
		if err := r.checkText(len(b)); err != nil {
			return err
		}
	}
	if in.len() == 0 {
		return nil
	}
	return r.pushText(string(b))
}
