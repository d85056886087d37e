package demo

import (
	"strings"
	"testing"

	"github.com/sijil-health/sijil/lang"
)

// TestPrintedCommandsAnswerInTheLanguageOfTheWalk: what an Arabic walk prints to be copied answers in Arabic, wherever the program lies.
func TestPrintedCommandsAnswerInTheLanguageOfTheWalk(t *testing.T) {
	for _, c := range []struct {
		language lang.Language
		self     string
		want     string
	}{
		{lang.English, "/opt/sijil", "/opt/sijil scrub --dir /tmp/d"},
		{lang.Arabic, "/opt/sijil", "/opt/sijil scrub --dir /tmp/d --lang ar"},
		{lang.Arabic, "/home/o'neil/my programs/sijil", `'/home/o'\''neil/my programs/sijil' scrub --dir /tmp/d --lang ar`},
	} {
		w := &walker{Demo: &Demo{Self: c.self, Say: lang.For(c.language)}}
		if got := w.command("scrub --dir", Quote("/tmp/d")); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	if got := Quote("/tmp/سجل"); !strings.HasPrefix(got, "'") {
		t.Errorf("%s is not quoted", got)
	}
}
