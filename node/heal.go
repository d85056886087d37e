package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/verify"
)

// healBlob puts a custodian's copy in the place of a damaged blob.
func (n *Node) healBlob(ctx context.Context, h verify.Hash) error {
	return n.healed(n.blobPath(h), n.fetchBlob(ctx, h))
}

func (n *Node) blobPath(h verify.Hash) string {
	name := h.String()
	return filepath.Join(n.Blobs(), name[:2], name[2:4], name)
}

// healed notes how healing a place went, so that the status tells of what is still damaged. What is whole again is given out although
// that cannot be noted.
func (n *Node) healed(place string, err error) error {
	if book := n.damage.met(n.Layout, place, err == nil); book != nil {
		n.log.Error("what is damaged could not be written down; the status may tell of too much or too little", "error", book)
	}
	return err
}

func (n *Node) fetchBlob(ctx context.Context, h verify.Hash) error {
	if n.fetcher == nil {
		return errAlone
	}
	b, err := n.fetcher.Blob(ctx, h)
	if err != nil {
		return err
	}
	return n.blobs.Put(ctx, h, b)
}

var errHeld = lang.NewProblem("held_for")

var errAlone = lang.NewProblem("alone")

// healSegment puts a custodian's copy in the place of a damaged segment. The last one is ended first: only then is it known what it must be.
func (n *Node) healSegment(ctx context.Context, segment uint32) error {
	return n.healed(n.segmentPath(segment), n.fetchSegment(ctx, segment))
}

func (n *Node) fetchSegment(ctx context.Context, segment uint32) error {
	if n.fetcher == nil {
		return errAlone
	}
	if err := n.endSegment(ctx, segment); err != nil {
		return err
	}
	return n.fetcher.Segment(ctx, segment, func(copied io.Reader) error { return n.journal.Repair(segment, copied) })
}

func (n *Node) endSegment(ctx context.Context, segment uint32) error {
	if segment != n.journal.End().Segment {
		return nil
	}
	if err := n.journal.Seal(ctx); err != nil {
		return fmt.Errorf("end the damaged segment: %w", err)
	}
	return nil
}

// patchSegment puts in the place of a damaged segment what one custodian's bytes make of it, or else what all of them hold.
func (n *Node) patchSegment(ctx context.Context, segment uint32, patched io.Reader) error {
	if patched == nil {
		return n.healSegment(ctx, segment)
	}
	err := n.endSegment(ctx, segment)
	if err == nil {
		err = n.journal.Repair(segment, patched)
	}
	if err == nil {
		return n.healed(n.segmentPath(segment), nil)
	}
	if again := n.healSegment(ctx, segment); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

func (n *Node) segmentPath(segment uint32) string {
	return filepath.Join(n.Journal(), fmt.Sprintf("%010d.segment", segment))
}
