package tape

import (
	"bytes"
	"sync/atomic"
	"unicode/utf8"
)

// Lines tells where bytes of one source stand, as PositionOf does, and reads a large source once for all of them: a Bundle may have thousands of
// faults. It may be used by many goroutines at once.
type Lines struct{ known atomic.Pointer[[]landmark] }

// landmark is the place of a byte that begins a character.
type landmark struct {
	offset int
	Position
}

// stride is how far landmarks are apart, but for the characters that they must not cut.
const stride = 4096

// Position gives the place of the byte at offset of src, which is the same at each call until Forget.
func (l *Lines) Position(src []byte, offset int) Position {
	offset = min(offset, len(src))
	if offset < stride {
		return PositionOf(src, offset)
	}
	known := l.known.Load()
	if known == nil {
		made := landmarks(src)
		known = &made
		l.known.Store(known)
	}
	list := *known
	at := list[min(offset/stride, len(list)-1)]
	if at.offset > offset { // inside of the character at which the landmark before ends
		at = list[offset/stride-1]
	}
	return at.to(src, offset)
}

// Forget makes the Lines ready for another source.
func (l *Lines) Forget() { l.known.Store(nil) }

func landmarks(src []byte) []landmark {
	at := landmark{0, Position{1, 1}}
	list := append(make([]landmark, 0, len(src)/stride+1), at)
	for next := stride; next < len(src); next += stride {
		end := next
		for end < len(src) && !utf8.RuneStart(src[end]) && end < next+utf8.UTFMax {
			end++
		}
		at = landmark{end, at.to(src, end)}
		list = append(list, at)
	}
	return list
}

// to gives the place of a byte behind the landmark.
func (m landmark) to(src []byte, offset int) Position {
	between := src[m.offset:offset]
	if start := bytes.LastIndexByte(between, '\n') + 1; start > 0 {
		return Position{Line: m.Line + bytes.Count(between, []byte{'\n'}), Column: 1 + utf8.RuneCount(between[start:])}
	}
	return Position{Line: m.Line, Column: m.Column + utf8.RuneCount(between)}
}
