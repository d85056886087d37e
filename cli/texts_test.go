package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/verify"
)

// everyCommand calls f for each command there is, hidden ones included.
func everyCommand(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, below := range c.Commands() {
		everyCommand(below, f)
	}
}

// TestEveryCommandSpeaksBothLanguages: what commands and flags say of themselves stands in the catalogue, in both languages, and nothing
// stands there that no command says.
func TestEveryCommandSpeaksBothLanguages(t *testing.T) {
	said := make(map[string]bool)
	for _, l := range []lang.Language{lang.English, lang.Arabic} {
		a := &app{say: lang.For(l)}
		check := func(where, key, text string) {
			said[key] = true
			if text == "" || !a.say.Has(key) || text != a.say.T(key) {
				t.Errorf("%s: %s: %q does not come from the message %s", l, where, text, key)
			}
			if l == lang.Arabic && !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
				t.Errorf("%s has no Arabic: %q", where, text)
			}
		}
		everyCommand(a.root(), func(c *cobra.Command) {
			key := helpKey(c)
			check(c.CommandPath(), key+".short", c.Short)
			if c.Long != "" {
				check(c.CommandPath(), key+".long", c.Long)
			}
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				at := "help.flag." + f.Name
				for up := c; up.HasParent(); up = up.Parent() {
					if k := helpKey(up) + ".flag." + f.Name; a.say.Has(k) {
						at = k
						break
					}
				}
				check(c.CommandPath()+" --"+f.Name, at, f.Usage)
			})
		})
	}
	for key := range lang.For(lang.English).Keys() {
		text := strings.HasSuffix(key, ".short") || strings.HasSuffix(key, ".long") || strings.Contains(key, ".flag.")
		if strings.HasPrefix(key, "help.") && text && !said[key] {
			t.Errorf("no command says %s", key)
		}
	}
}

// TestEveryMeaningHasItsMessages: each error that is explained has messages, and each such message an error.
func TestEveryMeaningHasItsMessages(t *testing.T) {
	named := make(map[string]bool)
	for _, m := range meanings {
		named["error."+m.name] = true
		if !lang.For(lang.Arabic).Has("error." + m.name) {
			t.Errorf("%v has no message error.%s", m.err, m.name)
		}
		if got := meaning(m.err); got != m.name {
			t.Errorf("%v is explained as %q, not %q", m.err, got, m.name)
		}
	}
	for _, k := range kindsOfError {
		named["error."+k.name] = true
		if !lang.For(lang.Arabic).Has("error." + k.name) {
			t.Errorf("there is no message error.%s", k.name)
		}
	}
	for key := range lang.For(lang.English).Keys() {
		if strings.HasPrefix(key, "error.") && !named[key] {
			t.Errorf("no error is explained by %s", key)
		}
	}
}

// TestEveryStepIsExplained: whichever check of a receipt fails, it is said what that means.
func TestEveryStepIsExplained(t *testing.T) {
	for _, step := range []verify.Step{
		verify.StepReceipt, verify.StepChain, verify.StepLeaf, verify.StepAnchor, verify.StepBatch, verify.StepEpochs, verify.StepOwner,
		verify.StepSignature, verify.StepCustody, verify.StepData, verify.StepHeader, verify.StepValidators, verify.StepCommit,
		verify.StepCheckpoint, verify.StepLog, verify.StepContent,
	} {
		var out bytes.Buffer
		a := &app{out: &out, say: lang.For(lang.Arabic)}
		a.sayVerified(nil, &verify.StepError{Step: step, Err: verify.ErrFork})
		if lines := strings.Split(out.String(), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "أي: ") {
			t.Errorf("%s: %s", step, out.String())
		}
	}
}
