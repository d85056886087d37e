package tape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/fhir/internal/shared"
)

func TestRefused(t *testing.T) {
	deep := strings.Repeat(`[`, MaxDepth+1) + strings.Repeat(`]`, MaxDepth+1)
	many := `{` + strings.Repeat(`"x":0,`, 0)
	for i := range 100 {
		many += fmt.Sprintf(`"k%d":0,`, i)
	}
	for _, c := range []struct{ in, path, reason string }{
		{"", "", "value is expected"},
		{" ", "", "value is expected"},
		{"{", "", "member name"},
		{`{"a"`, "a", "colon"},
		{`{"a":`, "a", "ends where a value"},
		{`{"a":1`, "", "ends inside an object"},
		{`{"a":1,}`, "", "member name"},
		{`[1,]`, "[1]", "value is expected"},
		{`[1 2]`, "[1]", "comma"},
		{`[1}`, "[1]", "comma"},
		{`{"a":1]`, "", "comma"},
		{`1 2`, "", "follows"},
		{`{"a":1,"a":2}`, "a", "twice"},
		{`{"a":1,"\u0061":2}`, "a", "twice"},
		{`{"\u0061":1,"a":2}`, "a", "twice"},
		{many + `"k7":1}`, "k7", "twice"},
		{many + `"k\u0037":1}`, "k7", "twice"},
		{`{"resourceType":"Patient","name":[{"given":["x",tru]}]}`, "Patient.name[0].given[1]", "value is expected"},
		{`{"entry":[{},{"resource":{"a":01}}]}`, "entry[1].resource.a", "leading zero"},
		{`[1.]`, "[0]", "digit"},
		{`[-]`, "[0]", "digit"},
		{`[1e]`, "[0]", "digit"},
		{`[1e+]`, "[0]", "digit"},
		{`[.5]`, "[0]", "value is expected"},
		{`[NaN]`, "[0]", "value is expected"},
		{`["\q"]`, "[0]", "escapes nothing"},
		{`["\u12g4"]`, "[0]", "hexadecimal"},
		{`["\ud800"]`, "[0]", "surrogate"},
		{`["\ud800\ud800"]`, "[0]", "surrogate"},
		{`["\udc00"]`, "[0]", "surrogate"},
		{"[\"\xff\"]", "[0]", "UTF-8"},
		{"[\"aaaaaaaaaaaaaaa\xc3\"]", "[0]", "UTF-8"},
		{"[\"a\nb\"]", "[0]", "control character"},
		{`["abc`, "[0]", "ends inside a string"},
		{`["abc\`, "[0]", "ends inside a string"},
		{"\xef\xbb\xbf{}", "", "value is expected"},
		{deep, strings.Repeat("[0]", MaxDepth), "nested deeper"},
	} {
		var tape Tape
		err := tape.Parse([]byte(c.in), Limits{})
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.60q: %v, want a syntax error", c.in, err)
			continue
		}
		if syntax.Path != c.path || !strings.Contains(syntax.Reason, c.reason) {
			t.Errorf("%.60q: %q at %q, want %q at %q", c.in, syntax.Reason, syntax.Path, c.reason, c.path)
		}
		if tape.Root().Exists() {
			t.Errorf("%.60q: something is left on the tape", c.in)
		}
	}
}

func TestPositionCountsLinesAndCharacters(t *testing.T) {
	var tape Tape
	err := tape.Parse([]byte("{\n  \"name\": \"سجل\", x\n}"), Limits{})
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 2 || syntax.Column != 18 {
		t.Fatalf("%v, want line 2, column 18", err)
	}
}

func TestLimits(t *testing.T) {
	var tape Tape
	if err := tape.Parse([]byte(`[1,2,3]`), Limits{Bytes: 6}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("seven bytes of six: %v", err)
	}
	if err := tape.Parse([]byte(`[1,2,3]`), Limits{Nodes: 3}); err == nil {
		t.Error("four values of three were accepted")
	}
	if err := tape.Parse([]byte(`[1,2,3]`), Limits{Nodes: 4, Bytes: 7, Depth: 1}); err != nil {
		t.Error(err)
	}
	if err := tape.Parse([]byte(`[[1]]`), Limits{Depth: 1}); err == nil {
		t.Error("two levels of one were accepted")
	}
}

func TestNamesOfLargeObjectsAreTheirOwn(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{`)
	for i := range 300 {
		fmt.Fprintf(&b, `"k%d":{"k0":1,"k1":{"k0":2}},`, i)
	}
	b.WriteString(`"end":{`)
	for i := range 300 {
		fmt.Fprintf(&b, `"k%d":0,`, i)
	}
	b.WriteString(`"":""}}`)
	var tape Tape
	for range 2 {
		if err := tape.Parse([]byte(b.String()), Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := tape.Root().Get("end").Len(); got != 301 {
		t.Errorf("%d members, want 301", got)
	}
}

func TestLookup(t *testing.T) {
	src := `{"resourceType":"Patient", "na\u006de":[{"given":["A\"b","\ud83d\ude00"]},{"x":null}], "n":1.00, "e":{}, "t":true}`
	var tape Tape
	if err := tape.Parse([]byte(src), Limits{}); err != nil {
		t.Fatal(err)
	}
	root := tape.Root()
	given := root.Get("name").At(0).Get("given")
	got := []string{
		given.At(0).Text(), given.At(1).Text(), string(root.Get("n").Raw()), root.Get("name").At(1).Get("x").Kind().String(),
		given.At(1).Path(), root.Get("name").At(1).Get("x").Path(), root.Path(), root.Get("t").Kind().String(),
		root.Get("missing").Get("x").At(3).Text(), string(root.Get("e").Raw()), root.Get("name").Name(),
	}
	want := []string{
		`A"b`, "😀", "1.00", "null", "Patient.name[0].given[1]", "Patient.name[1].x", "Patient", "a boolean", "", "{}", "name",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !given.At(0).Is(`A"b`) || given.At(0).Plain() || given.At(0).Is("A") || !root.Get("resourceType").Is("Patient") {
		t.Error("Is or Plain is wrong")
	}
	if given.Len() != 2 || given.At(2).Exists() || given.Next().Exists() || root.Next().Exists() {
		t.Error("siblings are wrong")
	}
}

func TestGetBoth(t *testing.T) {
	var tape Tape
	if err := tape.Parse([]byte(`{"_a":1,"a":2,"\u005fb":3,"_\u0063":4,"c":5,"__a":6,"aa":7,"":8,"_":9}`), Limits{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{"a": {"2", "1"}, "c": {"5", "4"}, "_a": {"1", "6"}, "aa": {"7", ""}, "": {"8", "9"}, "d": {"", ""}} {
		value, companion := tape.Root().GetBoth(name)
		if got := [2]string{string(value.Raw()), string(companion.Raw())}; got != want || string(tape.Root().Get(name).Raw()) != want[0] {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if value, companion := tape.Root().Get("a").GetBoth("a"); value.Exists() || companion.Exists() {
		t.Error("a number has members")
	}
}

func TestAppendQuoted(t *testing.T) {
	text := "a\"\\\n\x00\x1fé😀/"
	quoted := AppendQuoted(nil, text)
	var back string
	if err := json.Unmarshal(quoted, &back); err != nil || back != text {
		t.Errorf("%s: %q, %v", quoted, back, err)
	}
}

func samples(tb testing.TB) map[string][]byte {
	files := map[string][]byte{}
	for _, pattern := range []string{"data/fhir/hl7-r4-examples/*.json", "data/fhir/synthea/*/*.json.gz", "data/ips/*.json"} {
		for _, name := range shared.Files(pattern) {
			src, err := shared.Read(name)
			if err != nil {
				tb.Fatal(err)
			}
			files[name] = src
		}
	}
	if len(files) == 0 {
		tb.Skip("no sample data: set SIJIL_SHARED")
	}
	return files
}

// rebuild writes a value from what the tape gives access to.
func rebuild(b *bytes.Buffer, v Value) {
	switch v.Kind() {
	case Object, Array:
		open, end := byte('{'), byte('}')
		if v.Kind() == Array {
			open, end = '[', ']'
		}
		b.WriteByte(open)
		for c := v.First(); c.Exists(); c = c.Next() {
			if c != v.First() {
				b.WriteByte(',')
			}
			if v.Kind() == Object {
				b.Write(AppendQuoted(nil, c.Name()))
				b.WriteByte(':')
			}
			rebuild(b, c)
		}
		b.WriteByte(end)
	case String:
		b.Write(AppendQuoted(nil, v.Text()))
	default:
		b.Write(v.Raw())
	}
}

// canonical is what encoding/json makes of a document when it keeps numbers as they stand.
func canonical(tb testing.TB, src []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestSamplesSayTheSame(t *testing.T) {
	var tape Tape
	for name, src := range samples(t) {
		if err := tape.Parse(src, Limits{Bytes: 32 << 20, Nodes: 1 << 21}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(src) > 1<<20 {
			continue
		}
		var b bytes.Buffer
		rebuild(&b, tape.Root())
		if !bytes.Equal(canonical(t, src), canonical(t, b.Bytes())) {
			t.Errorf("%s: the tape does not say what the file says", name)
		}
	}
}

// FuzzParse holds the tape to encoding/json: what it accepts is valid there, says the same, and is refused only where the
// stricter rules refuse it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,true,false,null,"x\u00e9\ud83d\ude00"],"b":{}}`, `[]`, `"سجل"`, `{"a":1,"a":2}`, `["\ud800"]`, "[\"\xff\"]", ` { "k" : [ { } , [ ] ] } `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var tape Tape
		err := tape.Parse(src, Limits{})
		valid := json.Valid(src)
		if err == nil && !valid {
			t.Fatal("accepted what is no JSON")
		}
		if err == nil {
			var b bytes.Buffer
			rebuild(&b, tape.Root())
			if !bytes.Equal(canonical(t, src), canonical(t, b.Bytes())) {
				t.Fatal("the tape does not say what the document says")
			}
			return
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !valid {
			return
		}
		for _, stricter := range []string{"twice", "UTF-8", "surrogate", "nested deeper"} {
			if strings.Contains(syntax.Reason, stricter) {
				return
			}
		}
		t.Fatalf("refused valid JSON: %v", err)
	})
}
