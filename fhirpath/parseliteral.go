package fhirpath

import (
	"math"
	"strconv"
)

func (p *parser) typeSpecifier() (typeName, error) {
	first := p.tok
	if first.kind != tokName && first.kind != tokDelimited {
		return typeName{}, p.fail(p.tok.at, "a type is expected")
	}
	if err := p.advance(); err != nil || !p.symbolIs(".") {
		return typeName{"", first.text}, err
	}
	if first.text != "System" && first.text != "FHIR" {
		return typeName{}, p.fail(p.tok.at, "the type's namespace is unknown")
	}
	if err := p.advance(); err != nil {
		return typeName{}, err
	}
	second := p.tok
	if second.kind != tokName && second.kind != tokDelimited {
		return typeName{}, p.fail(p.tok.at, "a type is expected")
	}
	return typeName{first.text, second.text}, p.advance()
}

// numberOrQuantity reads a number, and the unit that may follow it.
func (p *parser) numberOrQuantity() (expr, error) {
	t := p.tok
	at := place(t.at)
	if err := p.advance(); err != nil {
		return nil, err
	}
	value, ok := parseDecimal(t.text)
	if !ok {
		return nil, p.fail(t.at, "the number has too many digits")
	}
	if unit, calendar := p.unit(); unit != "" {
		return &literal{at, quantityItem(Quantity{Value: value, Unit: unit, Calendar: calendar})}, p.advance()
	}
	if value.scale > 0 {
		return &literal{at, decimalItem(value)}, nil
	}
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil || n > math.MaxInt32 {
		return nil, p.fail(t.at, "the integer is greater than 2147483647")
	}
	return &literal{at, Integer(n)}, nil
}

// unit is the unit that the next token is; "" where it is none.
func (p *parser) unit() (unit string, calendar bool) {
	switch p.tok.kind {
	case tokString:
		return p.tok.text, false
	case tokName:
		if u := calendarUnit(p.tok.text); u != "" {
			return u, true
		}
	}
	return "", false
}
