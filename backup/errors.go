package backup

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound is returned by a Store for an object that is not there.
	ErrNotFound = errors.New("backup: no such object")
	// ErrNone is returned by Latest where no backup was ever completed.
	ErrNone = errors.New("backup: there is no complete backup here")
	// ErrKit is returned where the backups belong to another key than the one given.
	ErrKit = errors.New("backup: these backups do not open with this key; take the recovery kit of the organisation that made them")
	// ErrOtherNode is returned by Begin where another copy of the node has made the last backup.
	ErrOtherNode = errors.New("backup: the last backup here was made by another copy of this node; two that write to one place would overwrite " +
		"each other. Choose another place, or, when the other copy is gone for good, say --take-over")
	// ErrDestination is returned by Open for a destination that it cannot read.
	ErrDestination = errors.New("backup: write the destination as a folder or as s3://bucket/prefix")
	// ErrLimit is returned for what exceeds one of the package's limits.
	ErrLimit = errors.New("backup: limit exceeded")
)

// DamageError names an object that is missing or is not what was stored.
type DamageError struct {
	Object string // its name at the destination
	Of     string // the file or secret it belongs to; empty when it is not known
	Reason string // for people
	gone   bool   // there is nothing of that name
}

// Error names the object.
func (e *DamageError) Error() string {
	of := ""
	if e.Of != "" {
		of = " (a part of " + e.Of + ")"
	}
	return fmt.Sprintf("backup: object %s%s is damaged: %s", e.Object, of, e.Reason)
}
