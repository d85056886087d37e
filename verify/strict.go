package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a JSON document; the deepest of this package has 7 levels.
const maxDepth = 16

var errEmpty = errors.New("it is empty")

// decodeJSON reads one JSON document and nothing after it. encoding/json alone is too kind for a document that is
// evidence: it takes the last of two equal names, any letter case, broken UTF-8 and whatever follows. Here a second
// name, an unknown name, a capital letter in a name, broken UTF-8 and trailing bytes are refused.
func decodeJSON(b []byte, limit int, v any) error {
	if len(b) > limit {
		return fmt.Errorf("%d bytes, at most %d", len(b), limit)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return errEmpty
	}
	if !utf8.Valid(b) {
		return errors.New("not UTF-8")
	}
	if err := checkNames(json.NewDecoder(bytes.NewReader(b))); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is cut short: the end of the document is missing")
	} else if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// checkNames walks the whole document token by token.
func checkNames(d *json.Decoder) error {
	type level struct {
		names map[string]bool // nil for an array
		value bool            // in an object: the next token is a value
	}
	var stack []level
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		top := len(stack) - 1
		if name, ok := token.(string); ok && top >= 0 && stack[top].names != nil && !stack[top].value {
			if !lowerName(name) || stack[top].names[name] {
				return fmt.Errorf("name %q is misspelt or appears twice", name)
			}
			stack[top].names[name], stack[top].value = true, true
			continue
		}
		if top >= 0 {
			stack[top].value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{names: make(map[string]bool)})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
		}
		if len(stack) > maxDepth {
			return fmt.Errorf("nested deeper than %d levels", maxDepth)
		}
		if len(stack) == 0 {
			break
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}

// lowerName tells whether name is of the letters that names of these formats have.
func lowerName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return name != ""
}
