package search

import (
	"strings"
	"testing"
)

// TestSounds: spellings of one name have one key, in both scripts, and the parts of names are told apart.
func TestSounds(t *testing.T) {
	for _, same := range [][]string{
		{"محمد", "مُحَمَّد", "محـمد", "Mohammed", "Muhammad", "Mohamed", "Mohamad", "Mohd.", "MUHAMMED"},
		{"أحمد", "احمد", "Ahmad", "Ahmed"},
		{"عبد الرحمن", "عبدالرحمن", "عبد الرَّحمٰن", "Abdul Rahman", "Abdulrahman", "Abd al-Rahman", "Abdel-Rahman", "Abdur Rahman", "Abderrahmane"},
		{"عبدالله", "عبد الله", "Abdullah", "Abdallah", "Abdulla"},
		{"إبراهيم", "ابراهيم", "Ibrahim", "Ebrahim", "Ibraheem"},
		{"فاطمة", "فاطمه", "Fatima", "Fatimah", "Fatma"},
		{"العتيبي", "عتيبي", "Al-Otaibi", "Alotaibi", "Al Otaibi", "Otaibi"},
		{"نور الدين", "نورالدين", "Nour Eldin", "Noureddine", "Nureddin", "Nur al-Din"},
		{"عثمان", "Othman", "Uthman"},
		{"يوسف", "Yousef", "Yusuf", "Youssef"},
		{"خالد", "Khaled", "Khalid"},
		{"عائشة", "Aisha", "Aysha", "Ayesha"},
		{"أبو بكر", "ابوبكر", "Abu Bakr", "Aboubakr"},
		{"بن سلمان", "ابن سلمان", "سلمان", "bin Salman", "Salman", "ibn Salmān"},
		{"مصطفى", "Mostafa", "Mustafa", "مصطفي"},
		{"جمال", "Jamal", "Gamal", "Djamal"},
		{"٣", "3"},
		{"Müller", "MULLER"},
	} {
		for _, name := range same {
			if got, want := Sound(name), Sound(same[0]); got != want || got == "" {
				t.Errorf("%s: %q, %s: %q", name, got, same[0], want)
			}
		}
	}
	for _, other := range [][2]string{{"محمد", "أحمد"}, {"سعيد", "سالم"}, {"Khalid", "Walid"}, {"عبدالله", "عبدالرحمن"}, {"عبداللطيف", "عبدالله"}, {"نور", "نور الدين"}, {"李", "王"}} {
		if Sound(other[0]) == Sound(other[1]) {
			t.Errorf("%s and %s are both %q", other[0], other[1], Sound(other[0]))
		}
	}
	for _, apart := range [][2]string{{"Hassan", "Hussein"}, {"حسن", "Hussein"}, {"محمود", "Mohammed"}, {"محمد", "Mahmoud"}, {"Omar", "Amer"}, {"سعيد", "Saud"}} {
		if a, b := NameWords(apart[0])[0], NameWords(apart[1])[0]; !a.Apart(b) || !b.Apart(a) {
			t.Errorf("%s and %s are not apart", apart[0], apart[1])
		}
	}
	for _, one := range [][2]string{{"Mohammed", "Muhammad"}, {"محمد", "Muhammad"}, {"حسين", "Hossein"}, {"Hussain", "Hossein"}, {"يوسف", "Youssef"}, {"إبراهيم", "Ebraheem"}, {"خالد", "Khaled"},
		{"فيصل", "Feisal"}, {"عائشة", "Ayesha"}, {"عبدالعزيز", "Abdelaziz"}, {"عبد الرحمن", "Abdul Rahman"}, {"فاطمة", "Fatma"}, {"سعود", "Saud"}, {"مصطفى", "Mostafa"}} {
		if a, b := NameWords(one[0])[0], NameWords(one[1])[0]; a.Apart(b) || b.Apart(a) {
			t.Errorf("%s and %s are apart: %q %q", one[0], one[1], a.vowels, b.vowels)
		}
	}
	if got := len(NameWords(strings.Repeat("أحمد ", 100))); got != maxWords {
		t.Errorf("%d words", got)
	}
}

func FuzzNameWords(f *testing.F) {
	for _, s := range []string{"عبد الرحمن بن محمد آل سعود", "Abdul", "al-", "abu", "نور الدين", "ß\xff", "al al al"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range NameWords(s) {
			if w.Folded == "" || w.Key == "" || strings.Contains(w.Key, " ") {
				t.Errorf("%q of %q", w, s)
			}
		}
	})
}

func BenchmarkNameWords(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NameWords("محمد بن عبد الرحمن العتيبي")
	}
}
