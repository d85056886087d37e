package lang

import (
	"fmt"
	"iter"
	"maps"
	"strings"
)

// Language is one of those that Sijil speaks.
type Language string

// The languages there are, by their ISO 639-1 code.
const (
	English Language = "en"
	Arabic  Language = "ar"
)

// Catalogue gives the messages of one language. It is immutable and safe for concurrent use.
type Catalogue struct {
	language Language
	messages map[string]string
	rtl      bool
}

// The messages stand in several files by what they are for.
var (
	english = merged(englishTexts, englishErrors, englishProblems, englishFiles, englishHelp, englishFlags)
	arabic  = merged(arabicTexts, arabicErrors, arabicProblems, arabicFiles, arabicHelp, arabicFlags)
)

// merged puts messages into one map. A key that stands twice is a fault of the program.
func merged(files ...map[string]string) map[string]string {
	all := make(map[string]string)
	for _, messages := range files {
		for key, m := range messages {
			if _, twice := all[key]; twice {
				panic("lang: two messages " + key)
			}
			all[key] = m
		}
	}
	return all
}

var catalogues = map[Language]*Catalogue{
	English: {language: English, messages: english},
	Arabic:  {language: Arabic, messages: arabic, rtl: true},
}

// For gives the catalogue of a language, the English one for a language there is not.
func For(l Language) *Catalogue {
	if c, ok := catalogues[l]; ok {
		return c
	}
	return catalogues[English]
}

// Language tells which language the catalogue is in.
func (c *Catalogue) Language() Language { return c.language }

// RTL tells whether the language is written from right to left.
func (c *Catalogue) RTL() bool { return c.rtl }

// Keys gives the keys of all messages, in no order.
func (c *Catalogue) Keys() iter.Seq[string] { return maps.Keys(c.messages) }

// Has tells whether there is a message of that key.
func (c *Catalogue) Has(key string) bool { _, ok := c.messages[key]; return ok }

// T gives the message of that key with its arguments filled in. Arguments that the message does not mention are left
// out. A key that does not exist is given back as it is.
func (c *Catalogue) T(key string, args ...any) string {
	message, ok := c.messages[key]
	if !ok {
		return key
	}
	if !strings.Contains(message, "%") {
		return message
	}
	if c.rtl {
		args = isolateAll(args)
	}
	return fmt.Sprintf(message, args...)
}
