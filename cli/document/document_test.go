package document

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/lang"
)

func TestDocumentsAreToldFromOneAnother(t *testing.T) {
	for text, want := range map[string]Kind{
		"":                                    Empty,
		" \n\t":                               Empty,
		"\ufeff{}":                            JSON,
		`{"format":"sijil-receipt/1"}`:        Receipt,
		"\xa6\x01\x00":                        Receipt,
		`{"format":"sijil-trust/1"}`:          Trust,
		`{"format":"sijil-trust/9"}`:          Trust,
		`{"format":"sijil-recovery-kit/1"}`:   Kit,
		`{"time":1,"nonce":"","members":[]}`:  Genesis,
		`{"org":"","name":"","key":""}`:       Member,
		`{"member":{},"consent":""}`:          Join,
		`{"update":{},"consent":""}`:          Update,
		`{"resourceType":"Patient"}`:          Resource,
		`{"resourceType":"OperationOutcome"}`: Outcome,
		`{"resourceType":7}`:                  JSON,
		`[1,2]`:                               JSON,
		`{"a":`:                               Cut,
		"<!doctype html>":                     Page,
		"old 0\n\nx":                          Request,
		"— w.example aaaa":                    Cosignature,
		"eyJhbGciOiJub25lIn0.e30.":            Token,
		"hello":                               Text,
		"\x89PNG\r\n\x1a\n\x00":               Binary,
		"\xff\xfe":                            Binary,
	} {
		if got, _ := Look([]byte(text)); got != want {
			t.Errorf("%q is taken for %s, not %s", text, got, want)
		}
	}
}

// FuzzLook: whatever a file holds, it is of some sort that has a name, and what is told of it is safe to print.
func FuzzLook(f *testing.F) {
	for _, seed := range []string{"", "{", `{"resourceType":"\u202eX"}`, `{"resourceType":"OperationOutcome","issue":[{"diagnostics":"\u001b[2J"}]}`, "old 1\n", "\xa1\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		kind, detail := Look(b)
		if !lang.For(lang.English).Has("file." + string(kind)) {
			t.Errorf("%q has no name", kind)
		}
		if strings.ContainsAny(detail, "\x1b\n\r\u202e") || len(detail) > 4*300 {
			t.Errorf("not safe to print: %q", detail)
		}
		if !bytes.Equal(b, before) {
			t.Error("the file was changed")
		}
	})
}
