// Package index is the projection by which charts and resources are found: which version of a resource is current and
// where its ciphertext lies, which resources match a search, in which order versions were written, how far each chart's entries are counted.
//
// It owns what is kept and how, as rows (package rows) of an embedded store, Pebble on an encrypting file system, or of a store that somebody else
// runs and must not read (On). It promises nothing about durability: everything in it follows from the journal and the vault, it remembers how far it
// has followed (Position), which resources could not be read (Unread) and by which rules terms were made (Agree), and may be deleted and rebuilt. A
// record never trusts it for integrity either: what it points at is checked against its hash and opened under the chart's key. A search finds what
// package term says is right, of one moment for all its pages.
//
// A version has a number among the documents of its type. What it is found by are marks of eight bytes, keyed hashes, each with the list of documents
// that have it, a bit for each; what marks do not decide, such as the ends of a range, is looked up in the document (see document). A new version gets
// a new number, and the old one is listed as dead: lists only grow, so that they are written blindly, and a search can go on as of before.
//
// Imports: index/term, index/rows, journal (for Cursor), verify (for Hash), Pebble.
package index
