package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// asideSuffix ends the names of damaged files that were replaced.
const asideSuffix = ".damaged"

func putAside(path string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return durable.Write(path+asideSuffix, data, 0o600)
}

// renew makes the file of plans from first on again: of the plans that can still be read in it, and of the anchors on the chain together
// with the journal. Plans of the last file that were never committed and cannot be read are left out; their entries are cut anew.
func (a *Anchorer) renew(ctx context.Context, first uint64) error {
	r := renewal{a: a, first: first}
	var err error
	if r.key, err = a.opt.Sealer.BatchKey(first / RunOfBatches); err != nil {
		return err
	}
	if err := r.around(); err != nil {
		return err
	}
	head, ok, err := a.opt.Engine.Head(ctx, a.opt.Org)
	if err != nil && !errors.Is(err, ErrDown) {
		return err
	}
	if ok {
		r.anchored = head.Seq + 1
	}
	if err := r.gather(ctx); err != nil {
		return err
	}
	for _, old := range r.old {
		if err := putAside(old.path, r.data); err != nil {
			return err
		}
	}
	path := filepath.Join(a.opt.Plans, planFileName(first, r.begin.Entry))
	if err := durable.Write(path, r.made, 0o600); err != nil {
		return err
	}
	for _, old := range r.old {
		if old.path != path {
			if err := os.Remove(old.path); err != nil {
				return err
			}
		}
	}
	a.opt.Log.Warn("a file of batch plans was made again", "file", path, "plans", r.count, "from the ledger", r.derived)
	return nil
}

// renewal is one file that is made again.
type renewal struct {
	a        *Anchorer
	first    uint64
	begin    journal.Cursor  // where the file's first batch begins
	end      *journal.Cursor // where its last one must end; nil for the last file
	old      []planFile      // the file as it is; none when it is missing
	data     []byte          // of it
	anchored uint64          // plans below are on the chain

	key            BatchKey
	made           []byte
	count, derived int
}

// around learns from the files before and after.
func (r *renewal) around() error {
	files, err := findPlanFiles(r.a.opt.Plans)
	if err != nil {
		return err
	}
	for _, f := range files {
		switch f.first {
		case r.first:
			r.old = append(r.old, f)
			if r.data, err = os.ReadFile(f.path); err != nil {
				return err
			}
		case r.first - plansPerFile:
			c, err := wholePlanFile(f)
			if err != nil {
				return err
			}
			r.begin = c.end
		case r.first + plansPerFile:
			c, _, err := readPlanFile(f)
			if err != nil {
				return err
			}
			if r.end = &c.end; len(c.at) > 0 {
				r.end = &c.at[0].begin
			}
		}
	}
	if r.first > 0 && r.begin == (journal.Cursor{}) {
		return &Damage{What: fmt.Sprintf("the file of plans from %d on", r.first-plansPerFile), Detail: "missing too"}
	}
	return nil
}

// gather makes the file's content.
func (r *renewal) gather(ctx context.Context) error {
	trim := r.end != nil && mayTrim(r.first, r.anchored)
	r.made = planFileHead(planFileMagic, r.first, r.begin, &r.key)
	if trim {
		r.made = planFileHead(trimmedMagic, r.first, r.begin, &r.key)
	}
	left := salvage(r.data, r.first)
	begin, prev := r.begin, (*Plan)(nil)
	for seq := r.first; seq < r.first+plansPerFile; seq++ {
		p, err := r.plan(ctx, seq, begin, prev, left)
		if err != nil {
			return err
		}
		if p == nil {
			break
		}
		if last := seq == r.first+plansPerFile-1; last && r.end != nil && p.End.Entry == r.end.Entry {
			p.End = *r.end // one place may be written in two ways
		}
		begin, prev = p.End, p
		if trim {
			p.Anchor = nil
		}
		r.made = p.append(r.made)
		r.count++
	}
	if r.end != nil && (r.count < plansPerFile || begin != *r.end) {
		return fmt.Errorf("ledger: the plans from %d on do not lead to the ones that follow them", r.first)
	}
	return nil
}

// plan gives one plan: as it is left in the file if that is the one on the chain, else derived. Nil when it is in neither.
func (r *renewal) plan(ctx context.Context, seq uint64, begin journal.Cursor, prev *Plan, left map[uint64]int) (*Plan, error) {
	var p *Plan
	if at, ok := left[seq]; ok {
		if p, _, _ = takePlan(r.data[at:], seq, begin); p.trimmed() { // salvage has read it before
			p = nil // nothing says that it is the right one
		}
	}
	if seq >= r.anchored {
		if p == nil {
			return nil, nil
		}
		anchor, err := verify.DecodeAnchor(p.Anchor)
		if err != nil || anchor.Seq != seq || prev != nil && anchor.Prev != prev.ID() {
			return nil, nil
		}
		return p, nil
	}
	an, err := r.a.opt.Engine.Anchor(ctx, r.a.opt.Org, seq)
	if err != nil {
		return nil, err
	}
	if p != nil && p.ID() == an.ID {
		return p, nil
	}
	r.derived++
	return r.a.derive(ctx, seq, begin)
}

// Bounds of salvage, so that a file full of noise costs no more than a moment.
const (
	salvageGap = 64       // most plans that are passed over at once
	salvageBad = 64 << 10 // most bytes
)

// salvage finds the plans that can be read in a damaged file, and where in it they are.
func salvage(data []byte, first uint64) map[uint64]int {
	found := make(map[uint64]int)
	next, bad := first, 0
	for at := planFileHeader; at < len(data) && bad < salvageBad; {
		size := 0
		for gap := uint64(0); gap <= min(salvageGap, uint64(bad)); gap++ {
			if _, rest, err := takePlan(data[at:], next+gap, journal.Cursor{}); err == nil {
				found[next+gap] = at
				next, size = next+gap+1, len(data)-at-len(rest)
				break
			}
		}
		if size == 0 {
			at, bad = at+1, bad+1
			continue
		}
		at, bad = at+size, 0
	}
	return found
}
