// Package index is the projection by which charts and resources are found: which version of a resource is current and
// where its ciphertext lies, which resources match a search, in which order versions were written, how far each chart's entries are counted.
//
// It owns one Pebble database on an encrypting file system, so that no term, identifier or date is readable at rest. It
// promises nothing about durability: everything in it follows from the journal and the vault, it remembers how far it has
// followed (Position), which resources could not be read (Unread) and by which rules terms were made (Agree), and may be
// deleted and rebuilt. A record never trusts it for integrity either: what it points at is checked against its hash and
// opened under the chart's key.
//
// A resource is named by its id in the row of its current version and in one other; everywhere else a row number stands for it, the journal number
// of the entry that brought it. What it is found by is a mark of eight bytes.
//
// Imports: journal (for Cursor), verify (for Hash), Pebble.
package index
