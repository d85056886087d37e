package search

import (
	"html"
	"strings"
)

// wordSet gathers the words of folded texts, each once.
type wordSet struct {
	seen map[string]struct{}
	b    []byte
}

func (w *wordSet) reset() {
	if w.seen == nil || len(w.seen) > 1<<12 {
		w.seen = make(map[string]struct{}, 64)
	}
	clear(w.seen)
	w.b = w.b[:0]
}

func (w *wordSet) add(folded string) {
	for word := range strings.SplitSeq(folded, " ") {
		if _, ok := w.seen[word]; ok || word == "" {
			continue
		}
		w.seen[word] = struct{}{}
		w.b = append(appendBlank(w.b), word...)
	}
}

func (w *wordSet) text() string { return string(w.b) }

// markupText is what a narrative says: what stands between its tags, each tag parting words.
func markupText(div string) string {
	if strings.IndexByte(div, '<') < 0 {
		return html.UnescapeString(div)
	}
	b := make([]byte, 0, len(div))
	for {
		before, rest, found := strings.Cut(div, "<")
		b = append(append(b, before...), ' ')
		if !found {
			break
		}
		if comment, ok := strings.CutPrefix(rest, "!--"); ok {
			_, div, _ = strings.Cut(comment, "-->")
		} else {
			_, div, _ = strings.Cut(rest, ">")
		}
	}
	return html.UnescapeString(string(b))
}
