package record

import (
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
)

// recordOf reads the journal's record that an entry is in, repaired if need be. Errors: ErrNotFound, ErrUnavailable, ErrDamaged.
func (s *Store) recordOf(ctx context.Context, entry uint64) (*journal.Record, error) {
	at, err := s.Index.Locate(entry)
	if errors.Is(err, index.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r, err := s.Journal.Read(at)
	if damage := (*journal.DamageError)(nil); errors.As(err, &damage) {
		r, err = s.repaired(ctx, at, damage)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if entry < r.First || entry >= r.First+uint64(len(r.Entries)) {
		return nil, fmt.Errorf("%w: entry %d is not where the index says", ErrDamaged, entry)
	}
	return r, nil
}

// repaired reads a record again once a custodian's copy has taken the place of its damaged segment.
func (s *Store) repaired(ctx context.Context, at journal.Cursor, damage *journal.DamageError) (*journal.Record, error) {
	if err := s.healSegment(ctx, damage); err != nil {
		return nil, errors.Join(damage, err)
	}
	return s.Journal.Read(at)
}

// errNobody is why nothing is healed where there are no custodians.
var errNobody = errors.New("nobody else has a copy")

// healSegment puts a custodian's copy in the place of a damaged segment, and notes it.
func (s *Store) healSegment(ctx context.Context, damage *journal.DamageError) error {
	s.Log.Error("the journal is damaged", "error", damage)
	if s.HealSegment == nil {
		return errNobody
	}
	if err := s.HealSegment(ctx, damage.Segment); err != nil {
		return err
	}
	s.Log.Warn("the journal was repaired from a custodian", "segment", damage.Segment)
	s.note(ctx, "", fmt.Sprintf("repaired segment %d of the journal from a custodian", damage.Segment))
	return nil
}
