// Package tape reads JSON strictly, once, into a flat list of nodes with byte positions.
//
// It owns the question whether bytes are well-formed: RFC 8259, and beyond it no duplicate member names, no invalid UTF-8, no
// lone surrogates, and limits on size, depth and number of nodes. It promises never to change, copy or interpret what it read:
// a number is its lexeme and a value is the span of the source it came from, so that what a client sent can be kept, and served,
// byte for byte. Parsing allocates nothing once a Tape has grown to its work.
//
// Use Get and Release to share grown tapes; a Value must not be used after the Release of its Tape.
//
// Imports: nothing of ours.
package tape
