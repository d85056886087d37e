package record

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"

	"github.com/sijil-health/sijil/verify"
)

// storedText shortens the texts of one entry: they repeat the chart, the first target, UUIDs and words of FHIR. A text is a run of pieces:
//
//	00           ends the text
//	01, 09       a UUID in lower case, 16 bytes follow
//	02, 0a       the entry's chart
//	03, 0b       the reference of its first target
//	10           bytes as they are: uvarint length, bytes
//	20 … 7e      this character
//	80 …, c0 …   word 0 … 63 of storedWords
//
// The second of two codes ends the text as well.
type storedText struct{ chart, ref string }

const (
	pieceEnd   = 0x00
	pieceUUID  = 0x01
	pieceChart = 0x02
	pieceRef   = 0x03
	pieceLast  = 0x08 // added to the three above: the text ends here
	pieceBytes = 0x10
	pieceWord  = 0x80
	wordLast   = 0x40 // added to a word: the text ends here
)

// storedWords never change their place: entries are stored by it. New ones go to the end, up to 64.
var storedWords = [...]string{
	"GET ", "POST ", "PUT ", "DELETE ", "MATCH ", "/_history/", "/_history", "/_search", "/$receipt",
	"Patient/", "Observation", "Encounter", "Condition", "Procedure", "MedicationRequest", "DiagnosticReport", "Immunization",
	"AllergyIntolerance", "CarePlan", "DocumentReference", "ServiceRequest", "Specimen", "Consent",
	"Practitioner/", "Organization", "Location", "Device", "AuditEvent", "Patient", "Practitioner",
	"?patient=", "?subject=", "patient=", "subject=", "Patient%2F", "&code=", "&category=", "&date=", "&_count=", "identifier=",
	"clinician", "nurse", "laboratory", "radiology", "patient", "auditor", "privacy-officer", "administrator", "system",
	"TREAT", "ETREAT", "HPAYMT", "HOPERAT", "PUBHLTH", "HRESCH", "PATRQT", "HSYSADMIN",
}

// wordsBy lists the words by their first byte, the longest first.
var wordsBy = func() (by [256][]int) {
	for i, w := range storedWords {
		list := append(by[w[0]], i)
		for j := len(list) - 1; j > 0 && len(storedWords[list[j-1]]) < len(w); j-- {
			list[j-1], list[j] = list[j], list[j-1]
		}
		by[w[0]] = list
	}
	return by
}()

// append adds the pieces of a text.
func (t *storedText) append(out []byte, s string) []byte {
	for s != "" {
		code := len(out)
		var n int
		var last byte
		out, n, last = t.piece(out, s)
		if s = s[n:]; s == "" && last != 0 {
			out[code] |= last
			return out
		}
	}
	return append(out, pieceEnd)
}

// piece adds the piece that s begins with, n bytes of it. last is what its code says when the text ends there, 0 if it cannot say that.
func (t *storedText) piece(out []byte, s string) (_ []byte, n int, last byte) {
	if len(t.chart) > 1 && strings.HasPrefix(s, t.chart) {
		return append(out, pieceChart), len(t.chart), pieceLast
	}
	if len(t.ref) > 1 && strings.HasPrefix(s, t.ref) {
		return append(out, pieceRef), len(t.ref), pieceLast
	}
	if id, ok := leadingUUID(s); ok {
		return append(append(out, pieceUUID), id[:]...), uuidText, pieceLast
	}
	if w := leadingWord(s); w >= 0 {
		return append(out, pieceWord+byte(w)), len(storedWords[w]), wordLast
	}
	if printable(s[0]) {
		return append(out, s[0]), 1, 0
	}
	for n < len(s) && !printable(s[n]) {
		n++
	}
	return append(binary.AppendUvarint(append(out, pieceBytes), uint64(n)), s[:n]...), n, 0
}

func printable(c byte) bool { return c >= 0x20 && c <= 0x7e }

const uuidText = 36

// leadingUUID reads the UUID that a text begins with (RFC 9562, section 4), in lower case.
func leadingUUID(s string) (id [16]byte, ok bool) {
	if len(s) < uuidText || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	text := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:uuidText]
	if strings.ContainsAny(text, "ABCDEF") {
		return id, false
	}
	n, err := hex.Decode(id[:], []byte(text))
	return id, err == nil && n == len(id)
}

func leadingWord(s string) int {
	for _, w := range wordsBy[s[0]] {
		if strings.HasPrefix(s, storedWords[w]) {
			return w
		}
	}
	return -1
}

// text reads the pieces of a text. A chart named over and over must not make a small input large.
func (r *storedReader) text() string {
	var s []byte
	for r.err == nil {
		p, last := r.take(1)[0], false
		from := len(s)
		switch {
		case r.err != nil || p == pieceEnd:
			return string(s)
		case p >= pieceWord:
			w := int(p &^ (pieceWord | wordLast))
			if w >= len(storedWords) {
				r.err = errStored
				break
			}
			s, last = append(s, storedWords[w]...), p&wordLast != 0
		case printable(p):
			s = append(s, p)
		case p == pieceBytes:
			n := r.uvarint()
			if n > uint64(len(r.b)) {
				r.err = errStored
				break
			}
			s = append(s, r.take(int(n))...)
		default:
			s, last = r.known(s, p&^pieceLast), p&pieceLast != 0
		}
		if r.out += len(s) - from; r.out > verify.MaxEntry {
			r.err = errStored
		}
		if last {
			return string(s)
		}
	}
	return ""
}

// known adds a piece that stands for what was said before, or for a UUID.
func (r *storedReader) known(s []byte, p byte) []byte {
	switch p {
	case pieceUUID:
		return append(s, uuid.UUID(r.take(16)).String()...)
	case pieceChart:
		return append(s, r.said.chart...)
	case pieceRef:
		return append(s, r.said.ref...)
	}
	r.err = errStored
	return s
}
