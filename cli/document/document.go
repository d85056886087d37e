package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sijil-health/sijil/verify"
)

// Kind is what a file turns out to be. lang's message "file.KIND" says it to people.
type Kind string

// The kinds there are.
const (
	Empty       Kind = "empty"
	Receipt     Kind = "receipt" // in JSON or in CBOR
	Trust       Kind = "trust"
	Genesis     Kind = "genesis"
	Member      Kind = "member"  // description of an organisation
	Kit         Kind = "kit"     // recovery kit
	Join        Kind = "join"    // request to join
	Update      Kind = "update"  // request to change a record
	Outcome     Kind = "outcome" // an answer of the gate that refuses
	Resource    Kind = "resource"
	JSON        Kind = "json"    // of no kind above
	Cut         Kind = "cut"     // JSON, cut short or malformed
	Checkpoint  Kind = "note"    // signed note
	Request     Kind = "request" // to a witness
	Cosignature Kind = "lines"   // a witness's answer
	Page        Kind = "page"    // HTML or XML
	Token       Kind = "token"   // bearer token
	Text        Kind = "text"
	Binary      Kind = "binary"
)

// Look tells by a look at it what a file is, for whoever gave it in another's place. It proves nothing: what it is taken for is parsed
// afterwards. detail is of the resource: its type, or what an OperationOutcome says.
func Look(b []byte) (kind Kind, detail string) {
	text := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	switch {
	case len(text) == 0:
		return Empty, ""
	case text[0] == '{' || text[0] == '[':
		return lookJSON(text)
	case b[0]>>5 == 5: // a map in CBOR, the compact form; no UTF-8 begins so
		return Receipt, ""
	case bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b):
		return Binary, ""
	case text[0] == '<':
		return Page, ""
	case bytes.HasPrefix(text, []byte("old ")):
		return Request, ""
	case bytes.HasPrefix(text, []byte("\u2014 ")):
		return Cosignature, ""
	case bytes.HasPrefix(text, []byte("ey")) && bytes.Count(text, []byte(".")) == 2:
		return Token, ""
	}
	if n, err := verify.ParseNote(string(text) + "\n"); err == nil {
		if _, err := verify.ParseCheckpoint(n.Text); err == nil {
			return Checkpoint, ""
		}
	}
	return Text, ""
}

func lookJSON(text []byte) (kind Kind, detail string) {
	var seen map[string]json.RawMessage
	if err := json.Unmarshal(text, &seen); err != nil {
		if json.Valid(text) {
			return JSON, ""
		}
		return Cut, ""
	}
	var format, resource string
	_ = json.Unmarshal(seen["format"], &format) // "" where it is no text
	_ = json.Unmarshal(seen["resourceType"], &resource)
	has := func(name string) bool { _, ok := seen[name]; return ok }
	switch {
	case format == verify.ReceiptFormat || has("batch") && has("anchor"):
		return Receipt, ""
	case strings.HasPrefix(format, "sijil-trust/") || has("genesis"):
		return Trust, ""
	case strings.HasPrefix(format, "sijil-recovery-kit/"):
		return Kit, ""
	case resource == "OperationOutcome":
		return Outcome, diagnosis(text)
	case resource != "":
		return Resource, fmt.Sprintf("%.64s", plain(resource))
	case has("update") && has("consent"):
		return Update, ""
	case has("member") && has("consent"):
		return Join, ""
	case has("members") && has("nonce"):
		return Genesis, ""
	case has("org") && has("key"):
		return Member, ""
	}
	return JSON, ""
}

// diagnosis is what an OperationOutcome says first.
func diagnosis(text []byte) string {
	var o struct {
		Issue []struct{ Code, Diagnostics string }
	}
	if err := json.Unmarshal(text, &o); err != nil || len(o.Issue) == 0 {
		return "?"
	}
	if o.Issue[0].Diagnostics == "" {
		return fmt.Sprintf("%.300s", plain(o.Issue[0].Code))
	}
	return fmt.Sprintf("%.300s", plain(o.Issue[0].Diagnostics))
}

// plain makes text that somebody else wrote safe to print: no control characters, nothing that turns the line around.
func plain(s string) string {
	q := strconv.QuoteToGraphic(s)
	return q[1 : len(q)-1]
}
