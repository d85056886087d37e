package custody

import (
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Status is how far this node's own record is held by others.
type Status struct {
	Copies     int         `json:"copies"` // R as configured, this node's own included
	Custodians []Custodian `json:"custodians"`
	// Short lists the segments that fewer than R−1 custodians hold completely, as far as is known.
	Short []Short `json:"short,omitempty"`
	// PagesBehind is the number of pages of the key store that some chosen custodian lacks in the present version. An erasure is
	// complete only when it is 0.
	PagesBehind int `json:"pages_behind"`
}

// Custodian is one member as a custodian of this node.
type Custodian struct {
	Org     verify.OrgID   `json:"org"`
	Known   bool           `json:"known"` // whether it has told what it holds since it last failed
	HeldTo  journal.Cursor `json:"held_to"`
	Lag     int64          `json:"lag"` // bytes it lacks of what it should hold
	Used    int64          `json:"used"`
	Quota   int64          `json:"quota"`
	Away    time.Time      `json:"away,omitzero"` // passed over since then
	Problem string         `json:"problem,omitempty"`
}

// Short is a segment with too few complete copies.
type Short struct {
	Segment uint32 `json:"segment"`
	Copies  int    `json:"copies"` // complete ones at custodians
}

// Status reports what is known now; it asks nobody. Of a lone node, or before Start, it is empty.
func (r *Replicator) Status() Status {
	st := Status{Copies: r.opt.Copies()}
	src := r.sources()
	if src.Journal == nil || r.opt.Copies() <= 1 {
		return st
	}
	segments := src.Journal.Segments()
	copies := make([]int, len(segments))
	versions := make(map[uint64]uint64)
	if src.Pages != nil {
		if v, err := src.Pages.Versions(); err == nil {
			versions = v
		}
	}
	keepers := r.wanted(pageCustodians(r.opt.Org, r.opt.Members()))
	for _, c := range r.present() {
		entry := c.report()
		for i, s := range segments {
			lacks := c.lacks(s)
			if lacks == 0 {
				copies[i]++
				continue
			}
			for _, org := range r.wanted(Custodians(r.opt.Org, s.Number, r.opt.Members())) {
				if org == c.org {
					entry.Lag += lacks
				}
			}
		}
		for _, org := range keepers {
			if org == c.org {
				st.PagesBehind += len(c.behind(versions))
			}
		}
		st.Custodians = append(st.Custodians, entry)
	}
	for i, n := range copies {
		if n < st.Copies-1 {
			st.Short = append(st.Short, Short{Segment: segments[i].Number, Copies: n})
		}
	}
	return st
}

func (c *courier) report() Custodian {
	c.state.Lock()
	defer c.state.Unlock()
	return Custodian{Org: c.org, Known: !c.heldAt.IsZero(), HeldTo: c.held.end(), Used: c.used, Quota: c.quota,
		Away: c.since, Problem: c.problem}
}

// lacks counts the bytes of a segment that the custodian is not known to hold.
func (c *courier) lacks(s journal.Segment) int64 {
	c.state.Lock()
	defer c.state.Unlock()
	left := s.Size
	for _, r := range c.held[s.Number] {
		left -= min(r.End.Offset, s.Size) - min(r.Start.Offset, s.Size)
	}
	return max(left, 0)
}
