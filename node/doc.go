// Package node composes the parts of one Sijil node: it reads the configuration, opens the parts in the order in which they
// rest on each other, runs them, and closes them in the opposite order.
//
// It owns the data directory's layout, the set-up of an organisation (Init, Found, Join), and what an operator asks of a node:
// Status, Doctor, Backup, Restore, Audit, Scrub. It holds no rule of the record itself: those live in the parts.
package node
