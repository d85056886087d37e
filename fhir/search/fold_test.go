package search

import "testing"

func TestFold(t *testing.T) {
	tests := []struct{ in, want, words string }{
		{"Müller", "muller", "muller"},
		{"  STRAßE \t 5a ", "strasse 5a", "strasse 5a"},
		{"O’Brien-Łódź", "o'brien-lodz", "o brien lodz"},
		{"أحمد إبراهيم آل", "احمد ابراهيم ال", "احمد ابراهيم ال"},
		{"مُحَمَّد", "محمد", "محمد"},
		{"فاطمة", "فاطمه", "فاطمه"},
		{"مصطفى", "مصطفي", "مصطفي"},
		{"هيفـــاء", "هيفاء", "هيفاء"},
		{"مؤمن رئيس", "مومن رييس", "مومن رييس"},
		{"ﻻﺑﺪ", "لابد", "لابد"},
		{"٢٠٢٥ ۱۲", "2025 12", "2025 12"},
		{"علی کریم", "علي كريم", "علي كريم"},
		{"٫—", "٫-", ""},
		{"Ⅳ ﬁ", "iv fi", "iv fi"},
		{"a\x00b", "a b", "a b"},
		{"", "", ""},
	}
	for _, test := range tests {
		if got := Fold(test.in); got != test.want {
			t.Errorf("Fold(%q) = %q, not %q", test.in, got, test.want)
		}
		if got := FoldWords(test.in); got != test.words {
			t.Errorf("FoldWords(%q) = %q, not %q", test.in, got, test.words)
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Müller ﻻ أحمد ٢")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, s string) {
		for _, fold := range []func(string) string{Fold, FoldWords} {
			if once := fold(s); fold(once) != once {
				t.Errorf("%q folds to %q and that to %q", s, once, fold(once))
			}
		}
	})
}
