package lang

import (
	"errors"
	"fmt"
)

// Problem is an error that people are told in their own language: the message problem.NAME with Args says what happened and what to do
// next. As an error it is English, for logs and machines. It goes through JSON, so that a node can hand it to its operator.
type Problem struct {
	Name  string   `json:"name"`
	Args  []string `json:"args,omitempty"`
	Where string   `json:"where,omitempty"` // the file that it is about; "" for none
	Cause error    `json:"-"`               // what it rests on, told after the message; nil for none
}

// NewProblem makes one of a message and of what it mentions.
func NewProblem(name string, args ...any) *Problem {
	p := &Problem{Name: name}
	for _, arg := range args {
		p.Args = append(p.Args, fmt.Sprint(arg))
	}
	return p
}

// In says which file the problem is about.
func (p *Problem) In(file string) *Problem {
	at := *p
	at.Where = file
	return &at
}

// Because says what the problem rests on.
func (p *Problem) Because(cause error) *Problem {
	with := *p
	with.Cause = cause
	return &with
}

// Error is the problem in English, with its cause.
func (p *Problem) Error() string {
	text := For(English).Problem(p)
	if p.Cause != nil {
		text += ": " + p.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Problem says what a problem is, without its cause.
func (c *Catalogue) Problem(p *Problem) string {
	args := make([]any, len(p.Args))
	for i, arg := range p.Args {
		args[i] = arg
	}
	text := c.T("problem."+p.Name, args...)
	if p.Where != "" {
		text = c.Isolate(p.Where) + ": " + text
	}
	return text
}

// Knows tells whether there is a message for the problem: a node may be newer than the program that asks it.
func (c *Catalogue) Knows(p *Problem) bool { return p != nil && c.Has("problem."+p.Name) }

// ProblemIn finds the first problem in an error; nil when there is none.
func ProblemIn(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}
