package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// Receipt waits until a version's entry is in a block and gives its receipt, a JSON document, with what opens the commitment to
// its content. Version 0 is the current one. Handing it out is itself an entry.
func (s *Store) Receipt(ctx context.Context, a Access, typ, id string, version uint64) ([]byte, error) {
	v, err := s.lookup(ctx, typ, id, version)
	if errors.Is(err, ErrGone) {
		err = nil // a deletion is on the ledger like any other version
	}
	if err := mayKnow(&a, policy.Receipt, typ, id, &v, err); err != nil {
		return nil, err
	}
	o, err := s.openNumbered(ctx, v.Entry)
	if err != nil {
		return nil, err
	}
	if v.Deleted || permit(&a, policy.Read, v.Chart, typ) != nil {
		return s.receipt(ctx, a, o, nil) // who may not read may learn that it was written, and not test guesses of what
	}
	c, err := s.content(ctx, typ, id, &v)
	if err != nil {
		return nil, err
	}
	served, err := c.served()
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", v.Entry, ErrDamaged, err)
	}
	return s.receipt(ctx, a, o, map[uint32]verify.Forms{0: c.forms(served)})
}

// AuditReceipt is Receipt for any entry, by its Audited.ID, for whoever may read the entry itself: a receipt shows all of it. It opens no
// content.
func (s *Store) AuditReceipt(ctx context.Context, a Access, id string) ([]byte, error) {
	o, err := s.entryByID(ctx, id)
	for _, act := range []policy.Action{policy.Audit, policy.Receipt} {
		if err := mayAudit(&a, act, o, err); err != nil {
			return nil, err
		}
	}
	return s.receipt(ctx, a, o, nil)
}

func (s *Store) openNumbered(ctx context.Context, entry uint64) (*opened, error) {
	if err := s.overlay.wait(ctx, entry+1); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.openAt(ctx, entry)
}

func (s *Store) receipt(ctx context.Context, a Access, o *opened, contents map[uint32]verify.Forms) ([]byte, error) {
	l := line{kind: verify.KindExport, chart: o.entry.Chart, outcome: http.StatusOK, targets: named(o.entry.Targets)}
	if err := s.record(ctx, a, l); err != nil {
		return nil, err
	}
	r, err := s.Anchors.Receipt(ctx, o.at, &verify.OpenedEntry{Key: o.key, Salt: verify.Salt(o.salt), Body: o.body}, contents)
	if err != nil {
		return nil, err
	}
	return r.EncodeJSON()
}

// named gives the targets without their commitments.
func named(targets []verify.Target) []verify.Target {
	out := make([]verify.Target, len(targets))
	for i, t := range targets {
		out[i] = verify.Target{Ref: t.Ref, Version: t.Version}
	}
	return out
}
