package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/node"
)

// TestFalseClaimsAreTold shows what a restore says of a member that claimed what it could not show, in both languages and as JSON.
func TestFalseClaimsAreTold(t *testing.T) {
	done := &node.Restored{Dir: "new", Silent: []string{"Clinic"}, False: []node.False{{Member: "Laboratory", Problem: "claims 4/0/9, gave other bytes"}}}
	for language, word := range map[lang.Language]string{lang.English: "FALSE", lang.Arabic: "كاذب"} {
		var out bytes.Buffer
		a := &app{out: &out, say: lang.For(language)}
		if err := a.sayRestored(done); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{word, "Laboratory", "claims 4/0/9, gave other bytes", "Clinic"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("language %v: %q is not said:\n%s", language, want, out.String())
			}
		}
	}
	var out bytes.Buffer
	a := &app{out: &out, json: true, say: lang.For(lang.English)}
	if err := a.sayRestored(done); err != nil {
		t.Fatal(err)
	}
	var told struct {
		False []node.False `json:"false"`
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil || len(told.False) != 1 || told.False[0] != done.False[0] {
		t.Errorf("as JSON: %+v, %v\n%s", told, err, out.String())
	}
}

// TestMissingEntriesAreTold: what a restore knows to be missing is said, with its number, in both languages and as JSON.
func TestMissingEntriesAreTold(t *testing.T) {
	done := &node.Restored{Dir: "new", Missing: 243}
	for language, word := range map[lang.Language]string{lang.English: "MISSING", lang.Arabic: "ناقص"} {
		var out bytes.Buffer
		a := &app{out: &out, say: lang.For(language)}
		if err := a.sayRestored(done); err != nil || !strings.Contains(out.String(), word) || !strings.Contains(out.String(), "243") {
			t.Errorf("language %v: %v\n%s", language, err, out.String())
		}
	}
	var out bytes.Buffer
	a := &app{out: &out, json: true, say: lang.For(lang.English)}
	if err := a.sayRestored(done); err != nil || !strings.Contains(out.String(), `"missing": 243`) {
		t.Errorf("as JSON: %v\n%s", err, out.String())
	}
}

// TestARestoreFromABackupAloneSaysWhatIsNotThere: when none of the members asked has answered, what is missing is said once, in both languages.
func TestARestoreFromABackupAloneSaysWhatIsNotThere(t *testing.T) {
	done := &node.Restored{Dir: "new", Asked: 2, Silent: []string{"Clinic", "Laboratory"}, Entries: 41}
	for language, words := range map[lang.Language][]string{
		lang.English: {"no other member answered", "Clinic, Laboratory", "41", "Not here"}, lang.Arabic: {"لم يُجب أي عضو آخر", "Clinic, Laboratory", "41", "وليس هنا"},
	} {
		var out bytes.Buffer
		a := &app{out: &out, say: lang.For(language)}
		if err := a.sayRestored(done); err != nil {
			t.Fatal(err)
		}
		for _, want := range words {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not said:\n%s", want, out.String())
			}
		}
		if got := strings.Count(out.String(), "Clinic"); got != 1 {
			t.Errorf("Clinic is named %d times:\n%s", got, out.String())
		}
	}
}
