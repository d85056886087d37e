package fhirpath

import (
	"fmt"
)

// Limits of what Compile accepts.
const (
	MaxLength  = 64 << 10 // bytes of an expression
	MaxNesting = 128      // parentheses, arguments and signs inside one another
)

// parser reads an expression by precedence.
type parser struct {
	lexer
	tok   token
	depth int
}

func parse(expression string) (expr, error) {
	p := parser{lexer: lexer{src: expression}}
	if len(expression) > MaxLength {
		return nil, p.fail(MaxLength, fmt.Sprintf("the expression is longer than %d bytes", MaxLength))
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.expression(0)
	if err == nil && p.tok.kind != tokEnd {
		err = p.unexpected()
	}
	return e, err
}

func (p *parser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

func (p *parser) unexpected() error {
	if p.tok.kind == tokEnd {
		return p.fail(p.tok.at, "the expression ends where a part of it is expected")
	}
	return p.fail(p.tok.at, "this is not expected here")
}

func (p *parser) symbolIs(s string) bool { return p.tok.kind == tokSymbol && p.tok.text == s }

func (p *parser) expect(s string) error {
	if !p.symbolIs(s) {
		return p.fail(p.tok.at, s+" is expected")
	}
	return p.advance()
}

// precedence of binary operators (FHIRPath N1, §8), the higher the tighter; 0 for what is none.
func precedence(t token) int {
	if t.kind != tokSymbol && t.kind != tokName {
		return 0
	}
	switch t.text {
	case "implies":
		return 1
	case "or", "xor":
		return 2
	case "and":
		return 3
	case "in", "contains":
		return 4
	case "=", "~", "!=", "!~":
		return 5
	case "<", ">", "<=", ">=":
		return 6
	case "|":
		return 7
	case "is", "as":
		return 8
	case "+", "-", "&":
		return 9
	case "*", "/", "div", "mod":
		return 10
	}
	return 0
}

// expression reads operands as long as operators between them bind tighter than above.
func (p *parser) expression(above int) (expr, error) {
	if p.depth++; p.depth > MaxNesting {
		return nil, p.fail(p.tok.at, fmt.Sprintf("the expression is nested deeper than %d levels", MaxNesting))
	}
	defer func() { p.depth-- }()
	left, err := p.operand()
	for err == nil {
		op, binds := p.tok, precedence(p.tok)
		if binds <= above {
			break
		}
		if err = p.advance(); err != nil {
			break
		}
		if op.text == "is" || op.text == "as" {
			var name typeName
			name, err = p.typeSpecifier()
			left = &typeTest{place(op.at), op.text, left, name}
			continue
		}
		var right expr
		right, err = p.expression(binds)
		left = &binary{place(op.at), op.text, left, right}
	}
	return left, err
}

// operand reads a term with its signs before and its steps behind; steps bind tighter than signs.
func (p *parser) operand() (expr, error) {
	if p.symbolIs("+") || p.symbolIs("-") {
		op := p.tok
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.depth++; p.depth > MaxNesting {
			return nil, p.fail(p.tok.at, fmt.Sprintf("the expression is nested deeper than %d levels", MaxNesting))
		}
		x, err := p.operand()
		p.depth--
		return &unary{place(op.at), op.text, x}, err
	}
	e, err := p.term()
	for err == nil {
		at := place(p.tok.at)
		switch {
		case p.symbolIs("."):
			if err = p.advance(); err == nil {
				e, err = p.step(e)
			}
		case p.symbolIs("["):
			var i expr
			if err = p.advance(); err == nil {
				if i, err = p.expression(0); err == nil {
					err = p.expect("]")
				}
			}
			e = &indexer{at, e, i}
		default:
			return e, nil
		}
	}
	return e, err
}

func (p *parser) term() (expr, error) {
	t := p.tok
	at := place(t.at)
	switch t.kind {
	case tokNumber:
		return p.numberOrQuantity()
	case tokString:
		return &literal{at, String(t.text)}, p.advance()
	case tokTemporal:
		v, ok := parseTemporalLiteral(t.text)
		if !ok {
			return nil, p.fail(t.at, "this is no date or time")
		}
		return &literal{at, temporalItem(v)}, p.advance()
	case tokExternal:
		return &external{at, t.text}, p.advance()
	case tokName, tokDelimited, tokSpecial:
		return p.step(nil)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch {
	case t.kind == tokSymbol && t.text == "(":
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	case t.kind == tokSymbol && t.text == "{":
		return &emptySet{at}, p.expect("}")
	}
	p.tok = t
	return nil, p.unexpected()
}

// step reads a member, a call or a variable of iteration.
func (p *parser) step(on expr) (expr, error) {
	t := p.tok
	if t.kind != tokName && t.kind != tokDelimited && t.kind != tokSpecial {
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	at := place(t.at)
	if t.kind == tokSpecial {
		if t.text != "this" && t.text != "index" && t.text != "total" || on != nil {
			return nil, p.fail(t.at, "$this, $index or $total is expected, at the beginning of a path")
		}
		return &special{at, t.text}, nil
	}
	if p.symbolIs("(") {
		args, err := p.arguments()
		return &invocation{at, on, t.text, args}, err
	}
	if t.kind == tokName && on == nil {
		switch t.text {
		case "true", "false":
			return &literal{at, Boolean(t.text == "true")}, nil
		case "div", "mod", "and", "or", "xor", "implies":
			return nil, p.fail(t.at, "an operator stands where an operand is expected")
		}
	}
	return &member{at, on, t.text}, nil
}

func (p *parser) arguments() (args []expr, err error) {
	if err = p.advance(); err != nil {
		return nil, err
	}
	for !p.symbolIs(")") {
		if len(args) > 0 {
			if err = p.expect(","); err != nil {
				return nil, err
			}
		}
		a, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	return args, p.advance()
}
