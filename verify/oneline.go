package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// OneLine gives a JSON document without line ends, with blanks in their place, and where they were: of each, the bytes since the one before,
// doubled, and one more for a carriage return, as uvarints. JSON has line ends between its tokens alone, where a blank means as much. The document is
// given back as it is where it has none.
func OneLine(doc []byte) (line, breaks []byte) {
	if bytes.IndexByte(doc, '\n') < 0 && bytes.IndexByte(doc, '\r') < 0 {
		return doc, nil
	}
	line = slices.Clone(doc)
	before := 0
	for i, c := range line {
		if c != '\n' && c != '\r' {
			continue
		}
		n := uint64(i-before) * 2
		if c == '\r' {
			n++
		}
		breaks, before = binary.AppendUvarint(breaks, n), i
		line[i] = ' '
	}
	return line, breaks
}

// Lines undoes OneLine. It fails where breaks says what cannot have been: a line end in place of something else than a blank.
func Lines(line, breaks []byte) ([]byte, error) {
	if len(breaks) == 0 {
		return line, nil
	}
	doc, at := slices.Clone(line), uint64(0)
	for len(breaks) > 0 {
		n, w := binary.Uvarint(breaks)
		if w <= 0 {
			return nil, errors.New("line ends: malformed")
		}
		breaks, at = breaks[w:], at+n/2
		if at >= uint64(len(doc)) || doc[at] != ' ' {
			return nil, errors.New("line ends: not in place of a blank")
		}
		doc[at] = '\n'
		if n%2 == 1 {
			doc[at] = '\r'
		}
	}
	return doc, nil
}
