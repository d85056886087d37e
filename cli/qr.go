package cli

import (
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"github.com/sijil-health/sijil/cli/document"
	"github.com/sijil-health/sijil/lang"
)

// quiet is the light margin of a QR code, in modules (ISO/IEC 18004, 9.1).
const quiet = 4

// writeQR puts a text into a QR code: as a PNG file, or drawn on the terminal for "-". A code holds at most 2,953 bytes.
func (a *app) writeQR(text []byte, file string) error {
	code, err := qr.Encode(string(text), qr.L)
	if err != nil {
		return lang.NewProblem("qr_large", len(text)).Because(err)
	}
	if file == "-" {
		_, err := io.WriteString(a.out, drawn(code))
		return err
	}
	return os.WriteFile(file, code.PNG(), 0o600)
}

// drawn shows a code in half blocks, dark on a light terminal or light on a dark one as a camera needs it: the light modules are drawn.
func drawn(code *qr.Code) string {
	var b strings.Builder
	light := func(x, y int) bool { return !code.Black(x, y) } // outside the code is light
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			switch above, below := light(x, y), light(x, y+1); {
			case above && below:
				b.WriteRune('█')
			case above:
				b.WriteRune('▀')
			case below:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// readNote reads what a witness and a node send one another, from a file or, for "-", from standard input. A text that was scanned from
// a QR code or pasted from an e-mail has lost the line feed at its end or gained some.
// Of another kind than those it may be, it is named as what it is, by the message wrong.
func (a *app) readNote(file, wrong string, kinds ...document.Kind) ([]byte, error) {
	b, err := a.readFile(file)
	if err != nil {
		return nil, err
	}
	if kind, _ := document.Look(b); !slices.Contains(kinds, kind) {
		return nil, a.mistaken(wrong, file, b)
	}
	text := strings.TrimRight(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n \t")
	return []byte(text + "\n"), nil
}

// carry prints what somebody carries to the other side, and puts it into a QR code where asked to.
func (a *app) carry(note []byte, code string) error {
	if code != "" {
		if err := a.writeQR(note, code); err != nil || code == "-" {
			return err
		}
	}
	_, err := a.out.Write(note)
	return err
}

func qrFlag(c *cobra.Command, code *string) {
	c.Flags().StringVar(code, "qr", "", "")
}
