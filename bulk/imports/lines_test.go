package imports

import (
	"bytes"
	"io"
	"testing"
)

// FuzzLines holds the reader against splitting at once, read from the beginning and from each line.
func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "\n", "a", "a\nb", "a\r\n\r\nb\n", "\xef\xbb\xbfa\n\xef\xbb\xbfb", " \t\n", "aaaaaaaaaaaaaaaaaaaaaaaa\nb", "\xff\xfe\n"} {
		f.Add([]byte(s))
	}
	const limit = 8
	f.Fuzz(func(t *testing.T, b []byte) {
		type line struct {
			text string
			long bool
			at   place
		}
		var want []line
		offset := int64(0)
		for i, raw := range bytes.Split(b, []byte("\n")) {
			text := raw
			if i == 0 {
				text = bytes.TrimPrefix(raw, byteOrderMark)
			}
			text = bytes.Trim(text, blanks)
			if len(raw) > limit+2 || len(raw) == limit+2 && offset+int64(len(raw)) < int64(len(b)) || len(text) > limit {
				want = append(want, line{"", true, place{offset, int64(i)}})
			} else if len(text) > 0 {
				want = append(want, line{string(text), false, place{offset, int64(i)}})
			}
			offset += int64(len(raw)) + 1
		}
		l := newLines(io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))), limit)
		for i := range want {
			text, at, err := l.next()
			if err != nil || string(text) != want[i].text || (text == nil) != want[i].long || at != want[i].at {
				t.Fatalf("line %d: %q %v %v, want %+v", i, text, at, err, want[i])
			}
		}
		if _, _, err := l.next(); err != io.EOF {
			t.Fatalf("after the last: %v", err)
		}
		for i := len(want) - 1; i >= 0; i-- {
			if err := l.seek(want[i].at); err != nil {
				t.Fatal(err)
			}
			if text, at, err := l.next(); err != nil || string(text) != want[i].text || at != want[i].at {
				t.Fatalf("from line %d: %q %v %v", i, text, at, err)
			}
		}
	})
}
