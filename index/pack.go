package index

import (
	"encoding/binary"
	"encoding/hex"
)

// Ids and references are UUIDs for the most part, and most keys hold several. Inside keys, and in what is kept beside a resource, a UUID in lower
// case (RFC 9562, section 4) stands as the mark and its 16 bytes instead of 36 characters. No text in UTF-8 holds the mark, so that what is
// packed can be told from what is not, and no packed text begins another that ends in a zero byte.
//
// Packed ids are ordered by their bytes: UUIDs among themselves as their text is, and after all others.
const packMark = 0xff

const (
	uuidText = 36
	uuidSize = 16
)

// appendPacked adds s with each UUID in it packed.
func appendPacked(b []byte, s string) []byte {
	done := 0
	for i := 0; i+uuidText <= len(s); {
		if u, ok := parseUUID(s[i : i+uuidText]); ok {
			b = append(append(append(b, s[done:i]...), packMark), u[:]...)
			i += uuidText
			done = i
			continue
		}
		i++
	}
	return append(b, s[done:]...)
}

func pack(s string) string { return string(appendPacked(nil, s)) }

// unpack gives the text back that was packed.
func unpack(b []byte) (s string, ok bool) {
	out := make([]byte, 0, len(b)+uuidText-uuidSize)
	for i := 0; i < len(b); {
		if b[i] != packMark {
			out = append(out, b[i])
			i++
			continue
		}
		if len(b)-i < 1+uuidSize {
			return "", false
		}
		out = appendUUID(out, b[i+1:i+1+uuidSize])
		i += 1 + uuidSize
	}
	return string(out), true
}

// timeOf gives the Unix milliseconds in an id that is a UUID of version 7 (RFC 9562, section 5.7), as the gate makes them; 0 for any other.
func timeOf(id string) int64 {
	if len(id) != uuidText || id[14] != '7' {
		return 0
	}
	u, ok := parseUUID(id)
	if !ok {
		return 0
	}
	return int64(binary.BigEndian.Uint64(u[:]) >> 16)
}

// groups are the bytes between the hyphens of a UUID.
var groups = [...]int{4, 2, 2, 2, 6}

func appendUUID(out, u []byte) []byte {
	for i, n := range groups {
		if i > 0 {
			out = append(out, '-')
		}
		out, u = hex.AppendEncode(out, u[:n]), u[n:]
	}
	return out
}

// parseUUID takes 36 characters in the form that appendUUID gives, and no other.
func parseUUID(s string) (u [uuidSize]byte, ok bool) {
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	at := 0
	for i := 0; i < uuidText; {
		if s[i] == '-' && (i == 8 || i == 13 || i == 18 || i == 23) {
			i++
			continue
		}
		hi, lo := nibble(s[i]), nibble(s[i+1])
		if hi|lo > 15 {
			return u, false
		}
		u[at] = hi<<4 | lo
		at, i = at+1, i+2
	}
	return u, true
}

// nibble gives the value of a hexadecimal digit in lower case, more than 15 for anything else.
func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}
