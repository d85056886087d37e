package search

import (
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	ms := func(s string) int64 {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMilli()
	}
	for in, want := range map[string][2]string{
		"2020":                        {"2020-01-01T00:00:00Z", "2020-12-31T23:59:59.999Z"},
		"2020-02":                     {"2020-02-01T00:00:00Z", "2020-02-29T23:59:59.999Z"},
		"2020-12-31":                  {"2020-12-31T00:00:00Z", "2020-12-31T23:59:59.999Z"},
		"2020-05-17T10:20":            {"2020-05-17T10:20:00Z", "2020-05-17T10:20:59.999Z"},
		"2020-05-17T10:20:30":         {"2020-05-17T10:20:30Z", "2020-05-17T10:20:30.999Z"},
		"2020-05-17T10:20:30+03:00":   {"2020-05-17T07:20:30Z", "2020-05-17T07:20:30.999Z"},
		"2020-05-17T10:20:30.5-04:30": {"2020-05-17T14:50:30.5Z", "2020-05-17T14:50:30.5Z"},
		"2020-05-17T10:20:30.123456Z": {"2020-05-17T10:20:30.123Z", "2020-05-17T10:20:30.123Z"},
	} {
		if at, ok := ParseDate(in); !ok || at.Lo != ms(want[0]) || at.Hi != ms(want[1]) {
			t.Errorf("%s: %v %v", in, at, ok)
		}
	}
	for _, in := range []string{"", "20", "2020-", "2020-1", "2020-13", "2020-02-30", "2020-02-30T10:00:00Z", "2020-05-17T", "2020-05-17T10", "2020-05-17T24:00:00Z",
		"2020-05-17T10:20:30.Z", "2020-05-17T10:20:30+3", "2020-05-17T10:20:30Zx", "2020-05-17 10:20", "abcd", "2020x05"} {
		if at, ok := ParseDate(in); ok {
			t.Errorf("%q is taken for %v", in, at)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	f.Add("2020-05-17T10:20:30.5-04:30")
	f.Fuzz(func(t *testing.T, s string) {
		if at, ok := ParseDate(s); ok && at.Lo > at.Hi {
			t.Errorf("%q ends before it begins", s)
		}
	})
}
