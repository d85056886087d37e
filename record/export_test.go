package record

import (
	"context"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Opened gives an entry of a record in the clear, and the binding that its CBOR, salt and key make.
func (s *Store) Opened(r *journal.Record, entry uint64) (*verify.Entry, verify.Hash, error) {
	o, err := s.openEntry(r, entry)
	if err != nil {
		return nil, verify.Hash{}, err
	}
	e, err := verify.DecodeEntry(o.body)
	return e, verify.Bind(o.key, verify.Commit(&o.salt, o.body)), err
}

// Unfollow leaves the index where it stands.
func (s *Store) Unfollow() {
	s.stop()
	<-s.done
}

// OpenUnplaced opens a resource as one does who looked it up while it was in memory only, and comes when the index has it.
func (s *Store) OpenUnplaced(ctx context.Context, typ, id string) (*Version, error) {
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, err
	}
	v, err := s.Index.Current(typ, id)
	if err != nil {
		return nil, err
	}
	v.Place.Segment, v.Place.Offset, v.Place.Length = 0, 0, 0
	return s.open(ctx, typ, id, &v)
}

// MaxPage is where pages end, and Unknown their total where it is not known.
const (
	MaxPage = maxPage
	Unknown = unknownTotal
)

// Look makes searches look at so many rows only.
func (s *Store) Look(rows int) { s.looks = rows }

// Enter leaves an entry as it is, whatever it says.
func (s *Store) Enter(ctx context.Context, a Access, kind verify.Kind, chart string, targets ...verify.Target) error {
	return s.record(ctx, a, line{kind: kind, chart: chart, targets: targets})
}
