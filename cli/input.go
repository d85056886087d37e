package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/sijil-health/sijil/verify"
)

// maxInput bounds what is read of one file, or of standard input: nothing that a command takes is larger.
const maxInput = 64 << 20

// readFile reads a file, or standard input for "-". What is no end to, such as a device, ends at maxInput.
func (a *app) readFile(name string) ([]byte, error) {
	in, what := a.in, "standard input"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in, what = f, name
	}
	b, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = a.misuse("usage.large", what, maxInput>>20)
	}
	return b, err
}

// What a file may turn out to be, by the message file.KIND that says so.
const (
	isEmpty   = "empty"
	isReceipt = "receipt"
	isTrust   = "trust"
	isGenesis = "genesis"
	isMember  = "member"
	isKit     = "kit"
	isJoin    = "join"
	isUpdate  = "update"
	isAnswer  = "outcome"
	isFHIR    = "resource"
	isJSON    = "json"
	isCut     = "cut"
	isNote    = "note"
	isRequest = "request"
	isLines   = "lines"
	isPage    = "page"
	isToken   = "token"
	isText    = "text"
	isBinary  = "binary"
)

// sortOf tells by a look at it what a file is, for whoever gave it in another's place. It proves nothing: what it is taken for is parsed
// afterwards. detail is of the resource: its type, or what an OperationOutcome says.
func sortOf(b []byte) (kind, detail string) {
	text := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	switch {
	case len(text) == 0:
		return isEmpty, ""
	case text[0] == '{' || text[0] == '[':
		return sortOfJSON(text)
	case b[0]>>5 == 5: // a map in CBOR, the compact form; no UTF-8 begins so
		return isReceipt, ""
	case bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b):
		return isBinary, ""
	case text[0] == '<':
		return isPage, ""
	case bytes.HasPrefix(text, []byte("old ")):
		return isRequest, ""
	case bytes.HasPrefix(text, []byte("\u2014 ")):
		return isLines, ""
	case bytes.HasPrefix(text, []byte("ey")) && bytes.Count(text, []byte(".")) == 2:
		return isToken, ""
	}
	if n, err := verify.ParseNote(string(text) + "\n"); err == nil {
		if _, err := verify.ParseCheckpoint(n.Text); err == nil {
			return isNote, ""
		}
	}
	return isText, ""
}

func sortOfJSON(text []byte) (kind, detail string) {
	var seen map[string]json.RawMessage
	if err := json.Unmarshal(text, &seen); err != nil {
		if json.Valid(text) {
			return isJSON, ""
		}
		return isCut, ""
	}
	var format, resource string
	_ = json.Unmarshal(seen["format"], &format) // "" where it is no text
	_ = json.Unmarshal(seen["resourceType"], &resource)
	has := func(name string) bool { _, ok := seen[name]; return ok }
	switch {
	case format == verify.ReceiptFormat || has("batch") && has("anchor"):
		return isReceipt, ""
	case strings.HasPrefix(format, "sijil-trust/") || has("genesis"):
		return isTrust, ""
	case strings.HasPrefix(format, "sijil-recovery-kit/"):
		return isKit, ""
	case resource == "OperationOutcome":
		return isAnswer, diagnosis(text)
	case resource != "":
		return isFHIR, fmt.Sprintf("%.64s", plain(resource))
	case has("update") && has("consent"):
		return isUpdate, ""
	case has("member") && has("consent"):
		return isJoin, ""
	case has("members") && has("nonce"):
		return isGenesis, ""
	case has("org") && has("key"):
		return isMember, ""
	}
	return isJSON, ""
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

// read reads a file of one sort and parses it. One of another sort is named as what it is, by the message wrong.
func (a *app) read(name, sort, wrong string, parse func([]byte) error) error {
	b, err := a.readFile(name)
	if err != nil {
		return err
	}
	if err = parse(b); err == nil {
		return nil
	}
	if kind, _ := sortOf(b); kind != sort {
		return a.mistaken(wrong, name, b)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// mistaken says that a file is not what was asked for, and what it is instead. key is a message usage.NAME that mentions both.
func (a *app) mistaken(key, name string, b []byte) error {
	kind, detail := sortOf(b)
	return a.misuse(key, name, message{"file." + kind, []any{detail}})
}
