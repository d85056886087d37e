package match

import (
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/tape"
)

func TestDates(t *testing.T) {
	born := dateOf("1980-03-12")
	for s, want := range map[string]agreement{
		"1980-03-12": sameDate, "١٩٨٠-٠٣-١٢": sameDate, "1980-12-03": swappedDate, "1980-03-13": slippedDate, "1980-03-21": slippedDate, "1908-03-12": slippedDate, "1981-03-12": slippedDate,
		"1980": partDate, "1980-03": partDate, "1980-04": otherDate, "1981": otherDate, "1980-04-13": otherDate, "": unknownDate, "1980-3-12": unknownDate, "1980-13-01": unknownDate, "x": unknownDate,
	} {
		if got := born.agrees(dateOf(s)); got != want {
			t.Errorf("%s: %d, want %d", s, got, want)
		}
		if got := dateOf(s).agrees(born); got != want {
			t.Errorf("%s the other way: %d, want %d", s, got, want)
		}
	}
	seen := map[date]bool{}
	for _, v := range born.variants() {
		if a := born.agrees(v); a != sameDate && a != swappedDate && a != slippedDate || seen[v] {
			t.Errorf("the variant %v", v)
		}
		seen[v] = true
	}
	if len(seen) < 30 || len(seen) > 100 || !seen[date{1980, 3, 21}] || seen[date{1980, 3, 92}] {
		t.Errorf("%d variants", len(seen))
	}
}

func TestGrades(t *testing.T) {
	const full, born = `"name":[{"text":"محمد بن عبدالله بن أحمد العتيبي"}],"gender":"male",`, `"birthDate":"1980-03-12"`
	for _, c := range []struct {
		a, b string
		want Grade
	}{
		{full + born, full + born, Certain},
		{full + born, full + `"birthDate":"1991-05-30"`, CertainlyNot},
		{full + born, `"name":[{"text":"محمود عبدالله أحمد العتيبي"}],"gender":"male",` + born, Probable}, // a slip of the pen, or a twin
		{`"name":[{"text":"Hassan Abdullah Ahmad Alotaibi"}],` + born, `"name":[{"text":"Hussein Abdullah Ahmad Alotaibi"}],` + born, Probable},
		{`"name":[{"text":"حسن عبدالله أحمد العتيبي"}],` + born, `"name":[{"text":"Hussain Abdullah Ahmad Alotaibi"}],` + born, Probable},
		{`"name":[{"text":"حسين عبدالله أحمد العتيبي"}],` + born, `"name":[{"text":"Hussain Abdullah Ahmad Alotaibi"}],` + born, Certain},
		{full + born, `"name":[{"text":"سالم عبدالله أحمد العتيبي"}],"gender":"male",` + born, Possible}, // a twin
		{full + born, `"name":[{"text":"نورة عبدالله أحمد العتيبي"}],"gender":"female",` + born, CertainlyNot},
		{full + born, `"name":[{"given":["Muhammad"],"family":"Al-Otaibi"}],` + born, Probable},
		{full + born, `"name":[{"given":["Muhammad"],"family":"Al-Otaibi"}],"address":[{"line":["طريق ١"],"city":"x"}],` + born, Probable},
		{full + `"telecom":[{"value":"٠٥٠١٢٣٤٥٦٧"}],` + born, `"name":[{"given":["Muhammad"],"family":"Al-Otaibi"}],"telecom":[{"value":"+966501234567"}],` + born, Certain},
		{full + `"identifier":[{"system":"s","value":"1"}],` + born, `"name":[{"text":"محمد العتيبي"}],"identifier":[{"system":"s","value":"1"}],"birthDate":"1980"`, Certain},
		{full + `"identifier":[{"system":"s","value":"1"}],` + born, full + `"identifier":[{"system":"s","value":"2"}],` + born, Probable},
		{full + `"identifier":[{"system":"s","value":"1"}],` + born, `"name":[{"text":"خالد الحربي"}],"identifier":[{"system":"s","value":"1"}],"birthDate":"1950-01-01"`, CertainlyNot},
		{`"name":[{"text":"x"}]`, `"name":[{"text":"x"}]`, CertainlyNot},
	} {
		a, b := of(t, `{`+c.a+`}`), of(t, `{`+c.b+`}`)
		if got := Compare(a, b); got.Grade != c.want {
			t.Errorf("%s\n%s: %v, want %s", c.a, c.b, got, c.want)
		}
		if x, y := Compare(a, b), Compare(b, a); x != y {
			t.Errorf("%s\n%s: %v, and the other way %v", c.a, c.b, x, y)
		}
	}
}

func of(t testing.TB, body string) *Person {
	var doc tape.Tape
	if err := doc.Parse([]byte(body), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	return Read(doc.Root())
}

// FuzzRead compares anything with a patient: nothing panics, scores are within their bounds, searches few.
func FuzzRead(f *testing.F) {
	f.Add(`{"name":[{"text":"محمد بن عبدالله","given":["a"],"family":"b"}],"birthDate":"1980-03-12","gender":"male","identifier":[{"system":"s","value":"v"}],"telecom":[{"value":"0501234567"}],"address":[{"line":["x"],"city":"y"}]}`)
	f.Add(`{"name":{"text":1},"birthDate":9,"telecom":[[]],"address":[{"line":"x"}]}`)
	f.Add(`{"name":[{"given":["` + strings.Repeat("a ", 40) + `"]}],"birthDate":"0000-00-00"}`)
	someone := of(f, `{"name":[{"text":"محمد بن عبدالله"}],"birthDate":"1980-03-12"}`)
	f.Fuzz(func(t *testing.T, body string) {
		var doc tape.Tape
		if doc.Parse([]byte(body), tape.Limits{}) != nil {
			return
		}
		p := Read(doc.Root())
		if r := Compare(p, someone); r.Score < 0 || r.Score > 1 {
			t.Error(r)
		}
		Compare(p, p)
		for _, s := range p.Searches() {
			if len(s.All) == 0 || s.Most <= 0 {
				t.Errorf("a search for everything: %v", s)
			}
			for _, c := range s.All {
				if len(c.Any) == 0 || len(c.Any) > 500 {
					t.Errorf("%d alternatives", len(c.Any))
				}
			}
		}
		if len(p.Searches()) > maxSearches {
			t.Error("too many searches")
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	x := of(b, `{"name":[{"text":"محمد بن عبدالله بن أحمد العتيبي"}],"birthDate":"1980-03-12","gender":"male"}`)
	y := of(b, `{"name":[{"given":["Mohammed","Abdullah"],"family":"Alotaibi"}],"birthDate":"1980-03-12","gender":"male"}`)
	b.ReportAllocs()
	for b.Loop() {
		Compare(x, y)
	}
}
