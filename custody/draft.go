package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// draft is a segment as it is put together in a temporary file: its bytes up to a place, each record continuing the one before. Where a loss
// of power made two histories of it, a draft follows one of them; those who hold the other are remembered.
type draft struct {
	file  *os.File
	at    journal.Cursor
	apart []verify.OrgID // hold something at a place where the draft came by, and not what continues it
	errs  []error
}

func newDraft(at journal.Cursor, before io.Reader) (*draft, error) {
	file, err := os.CreateTemp("", "sijil-segment-*") // sealed bytes only
	if err != nil {
		return nil, fmt.Errorf("custody: %w", err)
	}
	d := &draft{file: file, at: at}
	if _, err := io.Copy(file, before); err != nil {
		return nil, errors.Join(fmt.Errorf("custody: %w", err), d.close())
	}
	return d, nil
}

func (d *draft) close() error { return errors.Join(d.file.Close(), os.Remove(d.file.Name())) }

// upTo reads the draft as far as a place.
func (d *draft) upTo(at journal.Cursor) *io.SectionReader {
	return io.NewSectionReader(d.file, 0, at.Offset)
}

// before gives what the next record must continue; nil at the beginning of the segment.
func (d *draft) before() ([]byte, error) {
	if d.at.Offset == 0 {
		return nil, nil
	}
	b := make([]byte, journal.LinkSize)
	if _, err := d.file.ReadAt(b, d.at.Offset-int64(len(b))); err != nil {
		return nil, fmt.Errorf("custody: %w", err)
	}
	return b, nil
}

// grow adds to a draft as far as any custodian has what continues it, going over to the next where one ends. A custodian that does not hold
// the place is asked again further on; one that gave other bytes, or none in time, is not.
func (f *Fetcher) grow(ctx context.Context, d *draft, order []verify.OrgID) error {
	order = slices.Clone(order)
	for ctx.Err() == nil {
		before, err := d.before()
		if err != nil {
			return err
		}
		p, refused := f.race(ctx, order, d.at, before)
		for _, r := range refused {
			d.errs = append(d.errs, fmt.Errorf("%s: %w", r.org, r.err))
			if _, damaged := refusedAs(r.err, codeDamaged); (damaged || errors.Is(r.err, journal.ErrOther)) && !slices.Contains(d.apart, r.org) {
				d.apart = append(d.apart, r.org)
			}
			if !errors.As(r.err, new(*peer.Problem)) {
				order = slices.DeleteFunc(order, func(org verify.OrgID) bool { return org == r.org })
			}
		}
		if len(p.frames) == 0 {
			break
		}
		if _, err := d.file.WriteAt(p.frames, d.at.Offset); err != nil {
			return fmt.Errorf("custody: %w", err)
		}
		d.at = p.end
		order = first(p.org, order) // who let others be asked meanwhile is not waited for again
	}
	return ctx.Err()
}

// first puts one of an order before the others.
func first(org verify.OrgID, order []verify.OrgID) []verify.OrgID {
	rest := slices.DeleteFunc(slices.Clone(order), func(other verify.OrgID) bool { return other == org })
	return append([]verify.OrgID{org}, rest...)
}

// branch makes another draft, of the history that a custodian holds beyond the end of this one: from where its run begins, if that continues
// what is here, or else from the beginning. None, where it holds nothing there.
func (f *Fetcher) branch(ctx context.Context, d *draft, from journal.Cursor, org verify.OrgID, order []verify.OrgID) (*draft, error) {
	h, err := f.ask.held(ctx, org)
	if err != nil {
		return nil, err
	}
	for _, r := range h.Ranges {
		if r.Start.Segment != d.at.Segment || r.Start.Compare(d.at) > 0 || r.End.Compare(d.at) <= 0 {
			continue
		}
		place := whole(r.Start)
		if place.Compare(from) < 0 {
			place = from
		}
		other, err := newDraft(place, d.upTo(place))
		if err != nil {
			return nil, err
		}
		if err := f.grow(ctx, other, first(org, order)); err != nil {
			return nil, errors.Join(err, other.close())
		}
		return other, nil
	}
	return nil, nil
}

// longest gives a draft of what custodians hold of a segment, from a place on, before which are the owner's own bytes. Of two histories it
// is the one that goes further.
func (f *Fetcher) longest(ctx context.Context, from journal.Cursor, before io.Reader, order []verify.OrgID) (*draft, error) {
	d, err := newDraft(from, before)
	if err != nil {
		return nil, err
	}
	if err := f.grow(ctx, d, order); err != nil {
		return nil, errors.Join(err, d.close())
	}
	for _, org := range slices.Clone(d.apart) {
		other, err := f.branch(ctx, d, from, org, order)
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), d.close())
		}
		if err != nil {
			d.errs = append(d.errs, fmt.Errorf("%s: %w", org, err))
		}
		if other == nil {
			continue
		}
		if other.at.Compare(d.at) > 0 {
			other, d = d, other
		}
		if err := other.close(); err != nil {
			return nil, errors.Join(fmt.Errorf("custody: %w", err), d.close())
		}
	}
	return d, nil
}
