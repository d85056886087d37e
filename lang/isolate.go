package lang

import (
	"fmt"
	"io"
)

// Unicode's first-strong isolate and its end: what stands between them takes its direction from its own first letter, and
// does not disturb its surroundings.
const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

// Isolate sets s off from the line around it where the language is written from right to left.
func (c *Catalogue) Isolate(s string) string {
	if !c.rtl {
		return s
	}
	return firstStrongIsolate + s + popIsolate
}

// isolated formats a value as fmt would, between isolates.
type isolated struct{ value any }

// Format implements fmt.Formatter.
func (i isolated) Format(f fmt.State, verb rune) {
	io.WriteString(f, firstStrongIsolate)
	fmt.Fprintf(f, fmt.FormatString(f, verb), i.value)
	io.WriteString(f, popIsolate)
}

func isolateAll(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		out[i] = isolated{arg}
	}
	return out
}
