package record

import (
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Opened gives a sealed entry in the clear, and the commitment that its CBOR and salt make.
func (s *Store) Opened(sealed *journal.Entry) (*verify.Entry, verify.Hash, error) {
	o, err := s.openEntry(sealed, 0)
	if err != nil {
		return nil, verify.Hash{}, err
	}
	e, err := verify.DecodeEntry(o.body)
	return e, verify.Commit(&o.salt, o.body), err
}
