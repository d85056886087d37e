package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/sijil-health/sijil/cli/document"
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

// read reads a file of one kind and parses it. One of another kind is named as what it is, by the message wrong.
func (a *app) read(name string, kind document.Kind, wrong string, parse func([]byte) error) error {
	b, err := a.readFile(name)
	if err != nil {
		return err
	}
	if err = parse(b); err == nil {
		return nil
	}
	if found, _ := document.Look(b); found != kind {
		return a.mistaken(wrong, name, b)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// mistaken says that a file is not what was asked for, and what it is instead. key is a message usage.NAME that mentions both.
func (a *app) mistaken(key, name string, b []byte) error {
	kind, detail := document.Look(b)
	return a.misuse(key, name, message{"file." + string(kind), []any{detail}})
}
