package ucum

import (
	"fmt"
	"math/big"
	"strings"
)

// Limits of an expression. UCUM has none; no unit in use comes near them.
const (
	MaxLength   = 256 // bytes
	maxDepth    = 16  // parentheses in parentheses
	maxExponent = 999
	maxDigits   = 30   // of a number
	maxBits     = 8192 // of numerator and denominator of a factor
)

// SyntaxError says where an expression stops being UCUM. It does not quote it.
type SyntaxError struct {
	Offset int // bytes before the fault
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not a UCUM unit: %s at position %d", e.Reason, e.Offset+1)
}

// limit is an error that parse gives its place.
type limit string

func (e limit) Error() string { return string(e) }

const (
	errTooLarge limit = "a factor is too large"
	errZero     limit = "a division by 0"
)

// parser reads an expression from left to right (UCUM 2.0.1, §§5-12), multiplying as it goes.
type parser struct {
	table *symbols
	src   string
	at    int
	depth int
}

func parse(t *symbols, src string) (meaning, error) {
	p := &parser{table: t, src: src}
	switch {
	case src == "":
		return meaning{}, p.fault("nothing stands there")
	case len(src) > MaxLength:
		return meaning{}, p.fault("it is too long")
	}
	m, err := p.term()
	if err == nil && p.at < len(src) {
		err = p.fault("unexpected character")
	}
	return m, err
}

func (p *parser) fault(reason string) error { return &SyntaxError{p.at, reason} }

// peek gives the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return 0
}

func (p *parser) skip(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

// term reads components joined by "." and "/". Division binds no stronger than multiplication, and a leading "/" divides (§7).
func (p *parser) term() (meaning, error) {
	m := meaning{factor: one}
	divide := p.skip('/')
	for {
		start := p.at
		c, err := p.component()
		if err == nil && divide {
			c, err = c.power(-1)
		}
		if err == nil {
			m, err = m.times(c)
		}
		if l, ok := err.(limit); ok {
			err = &SyntaxError{start, string(l)}
		}
		if err != nil {
			return m, err
		}
		switch {
		case p.skip('/'):
			divide = true
		case p.skip('.'):
			divide = false
		default:
			return m, nil
		}
	}
}

// component reads a term in parentheses, a number, or a symbol with an exponent; each may be followed by annotations, and an annotation alone
// is the number 1 (§6).
func (p *parser) component() (m meaning, err error) {
	switch c := p.peek(); {
	case c == '{':
		m = meaning{factor: one}
	case c == '(':
		m, err = p.group()
	case digit(c) && !p.power10():
		m, err = p.number()
	default:
		m, err = p.simple()
	}
	for err == nil && p.peek() == '{' {
		err = p.annotation()
	}
	return m, err
}

func (p *parser) group() (meaning, error) {
	if p.depth++; p.depth > maxDepth {
		return meaning{}, p.fault("too many parentheses")
	}
	p.at++
	m, err := p.term()
	if err == nil && !p.skip(')') {
		err = p.fault("a parenthesis is not closed")
	}
	p.depth--
	return m, err
}

func (p *parser) number() (meaning, error) {
	start := p.at
	for digit(p.peek()) {
		p.at++
	}
	if p.at-start > maxDigits {
		p.at = start
		return meaning{}, p.fault("a number is too long")
	}
	n, _ := new(big.Int).SetString(p.src[start:p.at], 10) // they are digits
	return meaning{factor: new(big.Rat).SetInt(n)}, nil
}

// power10 says that 10* or 10^ follows, which is a symbol.
func (p *parser) power10() bool {
	rest := p.src[p.at:]
	return strings.HasPrefix(rest, "10*") || strings.HasPrefix(rest, "10^")
}

func (p *parser) simple() (meaning, error) {
	start := p.at
	if err := p.symbol(); err != nil {
		return meaning{}, err
	}
	a, prefix := p.table.find(p.src[start:p.at])
	if a == nil {
		p.at = start
		return meaning{}, p.fault("unknown unit")
	}
	m := a.meaning()
	if prefix != nil {
		m = m.scaled(prefix)
	}
	n, err := p.exponent()
	if err != nil {
		return m, err
	}
	return m.power(n)
}

// symbol passes over a symbol: all up to an operator or digit, but in brackets anything (§12).
func (p *parser) symbol() error {
	start := p.at
	if p.power10() {
		p.at += len("10*")
		return nil
	}
	for p.at < len(p.src) {
		c := p.src[p.at]
		switch {
		case c == '[':
			end := strings.IndexByte(p.src[p.at:], ']')
			if end < 0 {
				return p.fault("a bracket is not closed")
			}
			p.at += end + 1
			continue
		case c <= ' ' || c > '~' || digit(c) || strings.IndexByte(`"().+-/=]{}`, c) >= 0:
			if p.at == start {
				return p.fault("a unit is missing")
			}
			return nil
		}
		p.at++
	}
	if p.at == start {
		return p.fault("a unit is missing")
	}
	return nil
}

// exponent reads an optional sign and digits; none are 1 (§9).
func (p *parser) exponent() (int, error) {
	sign := 1
	signed := true
	switch p.peek() {
	case '-':
		sign = -1
		p.at++
	case '+':
		p.at++
	default:
		signed = false
	}
	n, start := 0, p.at
	for digit(p.peek()) {
		if n = 10*n + int(p.peek()-'0'); n > maxExponent {
			return 0, p.fault("an exponent is too large")
		}
		p.at++
	}
	if p.at > start {
		return sign * n, nil
	}
	if signed {
		return 0, p.fault("an exponent is missing")
	}
	return 1, nil
}

// annotation passes over one: any printable ASCII character but braces (§6).
func (p *parser) annotation() error {
	for p.at++; ; p.at++ {
		switch c := p.peek(); {
		case c == '}':
			p.at++
			return nil
		case c == 0:
			return p.fault("an annotation is not closed")
		case c <= ' ' || c > '~' || c == '{':
			return p.fault("a character that an annotation cannot have")
		}
	}
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
