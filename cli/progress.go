package cli

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

// progress draws how far long work has come, on a terminal only.
func (a *app) progress(key string, done, all int64) {
	f, ok := a.out.(*os.File)
	if !ok || !isTerminal(f) {
		return
	}
	percent := int64(100)
	if all > 0 {
		percent = min(100, 100*done/all)
	}
	a.drawing = true
	fmt.Fprintf(a.out, "\r%s", a.say.T(key, fmt.Sprintf("%d%%", percent)))
}

// progressEnd leaves the line that progress draws on.
func (a *app) progressEnd() {
	if a.drawing {
		fmt.Fprintln(a.out)
		a.drawing = false
	}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
