// Package lang holds the texts that Sijil shows to people, in English and Arabic.
//
// A message has a key and one line in en.go and in ar.go; to add one, write both. The tests refuse a key that exists in one
// language only, a pair that does not take the same arguments, and a call of T anywhere in the module that names no
// message or gives it too few arguments. Verbs always carry an index (%[1]s, %.1[3]f), so that each language can put them in its
// own order. Counts stand after a colon ("patients: 12"), because Arabic has six plural forms.
//
// In Arabic every argument is set off by the Unicode isolates U+2068 and U+2069 (UAX #9), so that a path, a number or an
// identifier keeps its own direction within the line. What a person will copy, such as a command, is therefore printed on
// a line of its own and not as an argument.
//
// A Problem is an error with a message, problem.NAME, which is told in the language of whoever reads it, also where it came from a running node:
// its arguments are text. The tests refuse a problem without a message and a message that no problem has.
//
// The package imports nothing of Sijil. Texts for machines (JSON, logs) do not come from here.
package lang
