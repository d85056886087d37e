package lang

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestEveryKeyInBothLanguages(t *testing.T) {
	if d := cmp.Diff(slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(arabic))); d != "" {
		t.Errorf("(-english +arabic)\n%s", d)
	}
}

// verbForm is a verb with an index, and perhaps a precision: %[1]s, %.1[3]f.
var verbForm = regexp.MustCompile(`%(?:\.\d)?\[([1-9])\]([sdvfq])`)

func verbs(message string) []string {
	return slices.Sorted(slices.Values(verbForm.FindAllString(message, -1)))
}

func TestSameVerbs(t *testing.T) {
	for key, en := range english {
		if d := cmp.Diff(verbs(en), verbs(arabic[key])); d != "" {
			t.Errorf("%s: (-english +arabic)\n%s", key, d)
		}
		if strings.Count(en, "%") != len(verbs(en)) || strings.Count(arabic[key], "%") != len(verbs(en)) {
			t.Errorf("%s: a percent sign that begins no verb like %%[1]s", key)
		}
		for _, c := range catalogues {
			if got := c.T(key, samples(en)...); strings.Contains(got, "%!") {
				t.Errorf("%s: %s", key, got)
			}
		}
	}
}

// samples gives a message arguments of the kinds that it mentions.
func samples(message string) []any {
	args := make([]any, wanted(message))
	for _, m := range verbForm.FindAllStringSubmatch(message, -1) {
		args[m[1][0]-'1'] = map[string]any{"s": "text", "d": 7, "v": "value", "q": "quoted", "f": 1.5}[m[2]]
	}
	return args
}

func TestMessagesAreClean(t *testing.T) {
	for _, messages := range []map[string]string{english, arabic} {
		for key, m := range messages {
			if strings.HasPrefix(key, "help.") && strings.HasSuffix(key, ".long") { // paragraphs, with commands set in
				if strings.TrimSpace(m) != m || strings.Contains(m, "\t") || strings.Contains(m, " \n") {
					t.Errorf("%s: not trimmed, or a tab: %q", key, m)
				}
				continue
			}
			line := m
			if strings.HasPrefix(key, "ask.") { // the answer is typed on the same line
				line = strings.TrimSuffix(m, " ")
			}
			if line == "" || strings.TrimSpace(line) != line || strings.ContainsAny(line, "\n\t") || strings.Contains(line, "  ") {
				t.Errorf("%s: empty, not trimmed, two blanks or more than one line: %q", key, m)
			}
		}
	}
}

func TestArabicIsTranslated(t *testing.T) {
	for key, m := range arabic {
		words := verbForm.ReplaceAllString(m, "")
		if strings.IndexFunc(words, unicode.IsLetter) >= 0 && !strings.ContainsFunc(words, isArabic) {
			t.Errorf("%s: not in Arabic: %q", key, m)
		}
	}
}

func isArabic(r rune) bool { return unicode.Is(unicode.Arabic, r) }

func TestErrorsHaveHints(t *testing.T) {
	for key := range english {
		if name, ok := strings.CutPrefix(key, "error."); ok && !For(English).Has("hint."+name) {
			t.Errorf("%s has no hint", key)
		}
		if name, ok := strings.CutPrefix(key, "hint."); ok && !For(English).Has("error."+name) {
			t.Errorf("%s belongs to no error", key)
		}
	}
}

// TestProblemsTakeText: the arguments of a problem are text, for they come from another process.
func TestProblemsTakeText(t *testing.T) {
	for key, m := range english {
		if !strings.HasPrefix(key, "problem.") {
			continue
		}
		for _, verb := range verbs(m) {
			if !strings.HasSuffix(verb, "s") && !strings.HasSuffix(verb, "q") {
				t.Errorf("%s: %s does not take text", key, verb)
			}
		}
		if strings.HasSuffix(m, ".") || strings.HasSuffix(arabic[key], ".") {
			t.Errorf("%s: ends with a full stop, though its cause may follow", key)
		}
	}
}

func TestProblem(t *testing.T) {
	cause := errors.New("no such key")
	p := NewProblem("config_copies", 17).In("n/config.json").Because(cause)
	err := fmt.Errorf("start: %w", p)
	if got, want := err.Error(), "start: n/config.json: \"copies\" is 17; use 0 (automatic) to 16: no such key"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, cause) || ProblemIn(err) != p || ProblemIn(cause) != nil {
		t.Error("what is in the error is not found")
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Problem
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	want := "\u2068n/config.json\u2069: قيمة الحقل \"copies\" هي \u206817\u2069؛ استعمل من 0 (تلقائي) إلى 16"
	if got := For(Arabic).Problem(&back); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if For(English).Knows(NewProblem("of_tomorrow")) || For(English).Knows(nil) || !For(Arabic).Knows(p) {
		t.Error("a message that is not there is known, or the other way round")
	}
}

func TestT(t *testing.T) {
	en, ar := For(English), For(Arabic)
	for _, c := range []struct{ got, want string }{
		{en.T("demo.stopped"), "Stopped."},
		{en.T("demo.port", 8080, 8081), "Port 8080 is taken; using 8081."},
		{ar.T("demo.port", 8080, 8081), "المنفذ \u20688080\u2069 مشغول؛ سيُستعمل المنفذ \u20688081\u2069."},
		{en.T("demo.loaded", 14, 2584, 1.26, 2050.4), "Loaded. Patients: 14; resources: 2584; seconds: 1.3; per second: 2050."},
		{ar.T("demo.loaded", 14, 2584, 1.26, 2050.4), "اكتمل التحميل. المرضى: \u206814\u2069؛ الموارد: \u20682584\u2069؛ الثواني: \u20681.3\u2069؛ في الثانية: \u20682050\u2069."},
		{en.T("cause", errors.New("expired")), "Cause: expired"},
		{ar.T("cause", errors.New("expired")), "السبب: \u2068expired\u2069"},
		{en.T("no.such.key", 1), "no.such.key"},
		{en.T("error.data_exists") + "\n" + en.T("hint.data_exists"), "There is already a node in this directory.\nStart it with \"sijil serve\", or choose an empty directory. Nothing was changed."},
		{ar.T("error.data_exists") + "\n" + ar.T("hint.data_exists"), "توجد عقدة في هذا المجلد من قبل.\nشغّلها بالأمر \"sijil serve\" أو اختر مجلدًا فارغًا. لم يتغير شيء."},
		{en.Isolate("a"), "a"},
		{ar.Isolate("a"), "\u2068a\u2069"},
		{string(For("fr").Language()), "en"},
		{string(For("ar").Language()), "ar"},
	} {
		if c.got != c.want {
			t.Errorf("got  %q\nwant %q", c.got, c.want)
		}
	}
	if en.RTL() || !ar.RTL() {
		t.Error("the directions are exchanged")
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		flag string
		env  map[string]string
		want Language
		fail bool
	}{
		{"", nil, English, false},
		{"ar", map[string]string{"LANG": "en_GB.UTF-8"}, Arabic, false},
		{"AR-iq", nil, Arabic, false},
		{"ar_IQ.UTF-8", nil, Arabic, false},
		{"fr", map[string]string{"LANG": "ar_IQ"}, English, true},
		{"", map[string]string{"LANG": "ar_IQ.UTF-8"}, Arabic, false},
		{"", map[string]string{"SIJIL_LANG": "ar", "LC_ALL": "en_US.UTF-8"}, Arabic, false},
		{"en", map[string]string{"SIJIL_LANG": "ar"}, English, false},
		{"", map[string]string{"LC_ALL": "en_US.UTF-8", "LANG": "ar_IQ.UTF-8"}, English, false},
		{"", map[string]string{"LC_ALL": "C", "LANG": "ar_IQ.UTF-8"}, English, false},
		{"", map[string]string{"LC_MESSAGES": "ar", "LANG": "de_DE"}, Arabic, false},
		{"", map[string]string{"LANG": "ar@euro"}, Arabic, false},
	} {
		got, err := Detect(c.flag, func(name string) string { return c.env[name] })
		if got != c.want || (err != nil) != c.fail {
			t.Errorf("%q %v: got %s, %v; want %s", c.flag, c.env, got, err, c.want)
		}
	}
}
