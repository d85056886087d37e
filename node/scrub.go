package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// ScrubEvent is one line of what a scrub tells while it runs; the last one has Done set.
type ScrubEvent struct {
	Bytes   int64  `json:"bytes"`            // read so far
	Total   int64  `json:"total"`            // to be read
	Damage  string `json:"damage,omitempty"` // a file that is damaged, and how
	Healed  bool   `json:"healed,omitempty"` // of Damage: a custodian's copy has taken its place
	Done    bool   `json:"done,omitempty"`
	Damages int    `json:"damages"`
	Repairs int    `json:"repairs"`
	Failure
}

func (n *Node) adminScrub(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	flusher, _ := w.(http.Flusher)
	tell := func(event ScrubEvent) {
		_ = e.Encode(event) // whoever asked has gone; the scrub ends with the request
		if flusher != nil {
			flusher.Flush()
		}
	}
	s := scrub{node: n, tell: tell, named: make(map[verify.Hash]bool)}
	err := s.run(r.Context())
	if err == nil {
		err = n.damage.scrubbed(n.Layout, s.left)
	}
	s.event.Done, s.event.Damage, s.event.Healed = true, "", false
	if err != nil {
		s.event.Failure = failure(err)
	}
	tell(s.event)
}

// scrub reads everything this node holds, its own and others', compares it with its hashes, and repairs what it can.
type scrub struct {
	node  *Node
	tell  func(ScrubEvent)
	event ScrubEvent
	told  int64
	left  []string             // damaged, and not healed
	named map[verify.Hash]bool // blobs that must be there, for the journal names them
}

// tellEvery is how many bytes pass between two lines of progress.
const tellEvery = 8 << 20

func (s *scrub) run(ctx context.Context) error {
	for _, seg := range s.node.journal.Segments() {
		s.event.Total += seg.Size
	}
	s.event.Total += s.node.anchorer.PlansSize() + s.node.vault.Size()
	var blobs []verify.Hash
	err := s.node.blobs.Walk(ctx, func(h verify.Hash, size int64) error {
		blobs = append(blobs, h)
		s.event.Total += size
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if err := s.keys(ctx); err != nil {
		return err
	}
	if err := s.journal(ctx); err != nil {
		return err
	}
	if err := s.node.anchorer.ScrubPlans(ctx, s.read, func(d *ledger.Damage, heal error) { s.found(d.File, d.Error(), heal) }); err != nil {
		return err
	}
	if err := s.blobs(ctx, blobs); err != nil {
		return err
	}
	if err := s.index(ctx); err != nil {
		return err
	}
	if s.node.keeper == nil {
		return nil
	}
	if err := s.book(ctx); err != nil {
		return err
	}
	_, err = s.node.keeper.Scrub(ctx, s.read, func(what string) { s.found(what, what, errHeld) })
	return err
}

func (s *scrub) read(bytes int64) {
	s.event.Bytes += bytes
	if s.event.Bytes-s.told >= tellEvery {
		s.told = s.event.Bytes
		s.tell(s.event)
	}
}

// found tells of damage at a place, and how healing it went.
func (s *scrub) found(place, what string, heal error) {
	s.event.Damages++
	line := s.event
	line.Damage, line.Healed = what, heal == nil
	if heal == nil {
		s.event.Repairs++
		line.Repairs++
	} else {
		s.left = append(s.left, place)
		line.Failure = failure(heal)
	}
	s.tell(line)
}

// keys reads the key store. What its disk lost is in memory, and is written again.
func (s *scrub) keys(ctx context.Context) error {
	return s.node.vault.Scrub(ctx, s.read, func(d vault.ErrDamagedPage, heal error) {
		s.found(d.Path, fmt.Sprintf("%s at byte %d: %s", d.Path, d.Offset, d.Why), heal)
	})
}

// journal reads all segments, and holds what they name against the key store and the blobs.
func (s *scrub) journal(ctx context.Context) error {
	lost := lostKeys{vault: s.node.vault, dir: s.node.Keys()}
	defer func() {
		for _, d := range lost.damages() {
			s.found(d.File, d.Detail, errKeys)
		}
	}()
	from := journal.Cursor{}
	for {
		err := journal.Scan(s.node.Journal(), from, func(at journal.Located) error {
			if at.Next.Segment == at.At.Segment {
				s.read(at.Next.Offset - at.At.Offset)
			}
			lost.look(at.Record)
			for _, h := range custody.AppendLarge(nil, at.Record) {
				s.named[h] = true
			}
			return ctx.Err()
		})
		damage := (*journal.DamageError)(nil)
		if !errors.As(err, &damage) {
			return err
		}
		s.found(damage.File, damage.Error(), s.node.healSegment(ctx, damage.Segment))
		from = journal.Cursor{Segment: damage.Segment + 1}
		if from.Segment > s.node.journal.End().Segment {
			return nil
		}
	}
}

// index reads the index whole. It is only a projection: one that is damaged is made anew at the next start.
func (s *scrub) index(ctx context.Context) error {
	err := s.node.index.Check(ctx)
	if errors.Is(err, index.ErrDamaged) {
		s.found(s.node.Index(), fmt.Sprintf("%s: %v", s.node.Index(), err), errors.Join(errIndex, s.node.index.Condemn()))
		return nil
	}
	return err
}

var errKeys = errors.New("restart the node: it brings the keys back from custodians; a node that stands alone needs its backup")

// book reads the book of what this node vouched for. A damaged one is put aside at the next start.
func (s *scrub) book(ctx context.Context) error {
	found, err := s.node.keeper.CheckBook(ctx)
	for _, d := range found {
		if !d.Aside {
			s.found(d.File, d.Error(), errBook)
		}
	}
	return err
}

var errBook = lang.NewProblem("book_anew")

var errIndex = lang.NewProblem("index_anew")

// blobs reads those that were listed, and those that the journal names and the list has not: they are gone.
func (s *scrub) blobs(ctx context.Context, listed []verify.Hash) error {
	for _, h := range listed {
		if err := s.blob(ctx, h); err != nil {
			return err
		}
		delete(s.named, h)
	}
	for h := range s.named {
		if err := s.blob(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func (s *scrub) blob(ctx context.Context, h verify.Hash) error {
	b, err := s.node.blobs.Get(ctx, h)
	var damage vault.ErrDamaged
	switch {
	case errors.As(err, &damage):
		s.found(damage.Path, damage.Error(), s.node.healBlob(ctx, h))
	case errors.Is(err, vault.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		if s.named[h] { // otherwise one that nothing names, deleted since it was listed
			s.found(s.node.blobPath(h), fmt.Sprintf("%s: it is missing, and the journal names it", s.node.blobPath(h)), s.node.healBlob(ctx, h))
		}
		return nil
	case err != nil:
		return err
	}
	s.read(int64(len(b)))
	return nil
}
