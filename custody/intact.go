package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sijil-health/sijil/journal"
)

// maxMend bounds the mending of one segment.
const maxMend = 2 * time.Minute

// intact makes sure that this node's own segment, from its beginning on and beyond a place, is as this node wrote it, or ends before.
// The journal does not look at old segments when it opens: bytes there may have rotted. Errors: *journal.DamageError.
func (c *courier) intact(place journal.Cursor) error {
	src := c.sources()
	segments := src.Journal.Segments()
	if int(place.Segment) >= len(segments) {
		return nil
	}
	s := segments[place.Segment]
	for at := (journal.Cursor{Segment: s.Number, Entry: s.FirstEntry}); at.Offset <= place.Offset && at.Offset < s.Size; {
		g, err := src.Journal.Frames(at, maxRead)
		if err != nil {
			return err
		}
		if len(g.Frames) == 0 || g.Start.Segment != s.Number || g.End.Entry == g.Start.Entry {
			return nil // only a header stands here
		}
		if _, err := src.Key.Check(at, nil, g.Frames); err != nil {
			return &journal.DamageError{File: fmt.Sprintf("segment %d", s.Number), Segment: s.Number, Offset: at.Offset, Reason: err.Error()}
		}
		at = g.End
	}
	return nil
}

// mend has a damaged segment of this node replaced by its own good bytes, with those of a run held by the custodian in their places.
func (c *courier) mend(r journal.Range, cause error) error {
	damage := (*journal.DamageError)(nil)
	if !errors.As(cause, &damage) || c.opt.Mend == nil {
		return cause
	}
	c.opt.Log.Warn("custody: a custodian holds the good copy of what is damaged here; it is brought back", "custodian", c.org, "damage", damage)
	ctx, cancel := context.WithTimeout(c.ctx, maxMend)
	defer cancel()
	if err := c.opt.Mend(ctx, damage.Segment, &patched{courier: c, run: r, at: journal.Cursor{Segment: r.Start.Segment}}); err != nil {
		return fmt.Errorf("%w; the custodian's copy did not mend it: %w", cause, err)
	}
	return nil
}

// patched reads a segment as this node has it, a run in it as the custodian does.
type patched struct {
	*courier
	run  journal.Range
	at   journal.Cursor // Entry holds within the run only
	rest []byte
}

// Read implements io.Reader.
func (p *patched) Read(b []byte) (n int, err error) {
	if len(p.rest) == 0 {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n = copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *patched) next() (err error) {
	if p.at.Offset == p.run.Start.Offset {
		p.at = p.run.Start
	}
	switch {
	case p.at.Offset < p.run.Start.Offset:
		p.rest, err = p.own(p.at, int(min(p.run.Start.Offset-p.at.Offset, maxRead)))
	case p.at.Offset < p.run.End.Offset:
		var end journal.Cursor
		if p.rest, end, err = p.framesOf(p.at); err == nil && len(p.rest) > 0 {
			p.at = end
			return nil
		}
	default:
		p.rest, err = p.own(p.at, maxRead)
	}
	if err == nil && len(p.rest) == 0 {
		err = io.EOF
	}
	p.at.Offset += int64(len(p.rest))
	return err
}
