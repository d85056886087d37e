package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sijil-health/sijil/internal/durable"
)

// countTrimmed finds out how many files were trimmed: those from the first on.
func (s *Plans) countTrimmed() error {
	for s.whole = len(s.files); s.whole > 0; s.whole-- {
		f, err := os.Open(s.files[s.whole-1].path)
		if err != nil {
			return fmt.Errorf("ledger: plans: %w", err)
		}
		magic := make([]byte, len(trimmedMagic))
		_, err = io.ReadFull(f, magic)
		if f.Close(); err == nil && string(magic) == trimmedMagic {
			break
		}
	}
	return nil
}

// trimmedTo gives the sequence number below which plans have no anchor.
func (s *Plans) trimmedTo() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(s.whole) * plansPerFile
}

// mayTrim tells whether the file of plans from first on is of no more use as a whole, when plans below committed are on the chain: the first
// plan after it is among them, and names the file's last anchor.
func mayTrim(first, committed uint64) bool { return first+plansPerFile < committed }

// trim leaves the anchors out of files of plans that are all on the chain, below committed. A file is replaced in one step, so
// a crash leaves the old one or the new one. One that is damaged stays as it is, for ScrubPlans to mend.
func (s *Plans) trim(committed uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.whole < len(s.files)-1 && mayTrim(s.files[s.whole].first, committed) {
		f := s.files[s.whole]
		c, err := wholePlanFile(f)
		if damage := (*Damage)(nil); errors.As(err, &damage) {
			return nil
		}
		if err != nil {
			return err
		}
		if !c.trimmed() {
			if err := durable.Write(f.path, c.trim(), 0o600); err != nil {
				return fmt.Errorf("ledger: plans: %w", err)
			}
		}
		if s.visited != nil && s.visited.first == f.first {
			s.visited = nil
		}
		s.whole++
	}
	return nil
}

// trim gives the file's content without anchors.
func (c *plansIn) trim() []byte {
	b := planFileHead(trimmedMagic, c.first, c.at[0].begin, &c.key)
	for i := range c.at {
		p, err := c.plan(i)
		if err != nil {
			panic("ledger: a plan that was read before: " + err.Error()) // parsePlans took it
		}
		p.Anchor = nil
		b = p.append(b)
	}
	return b
}

// trim lets the plans go of what the chain keeps. What goes wrong costs space, nothing else.
func (a *Anchorer) trim() {
	a.mu.Lock()
	committed := a.committed
	a.mu.Unlock()
	if err := a.plans.trim(committed); err != nil {
		a.opt.Log.Warn("old batch plans were not trimmed", "error", err)
	}
}
