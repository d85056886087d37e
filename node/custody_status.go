package node

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/verify"
)

// awayPatience is for how long a custodian may be silent before the operator is told.
const awayPatience = 10 * time.Second

// CustodyStatus is how far others hold this node's record, and what it holds for them.
type CustodyStatus struct {
	custody.Status
	Lag  int64          `json:"lag"`  // bytes of the journal that the chosen custodians lack, all together
	Kept []custody.Kept `json:"kept"` // for other members, with the alarms about them

	Withdrawn []custody.Withdrawn `json:"withdrawn,omitempty"` // from custodians, of this node's own journal
}

// custodyStatus adds it to the status of a node that has other members.
func (n *Node) custodyStatus(s *Status) {
	if n.replicator == nil {
		return
	}
	c := &CustodyStatus{Status: n.replicator.Status(), Kept: []custody.Kept{}}
	for _, x := range c.Custodians {
		c.Lag += x.Lag
		if !x.Away.IsZero() && time.Since(x.Away) > awayPatience {
			s.warn("custodian-away", s.nameOf(x.Org), x.Away.UTC().Format("2006-01-02 15:04:05 MST"), x.Problem)
		}
	}
	kept, err := n.keeper.Status()
	if err != nil {
		s.warn("custody", err)
	}
	n.bookStatus(s)
	c.Kept = append(c.Kept, kept...)
	for _, k := range kept {
		if k.Withdrawn > 0 {
			s.warn("withdrawn-here", s.nameOf(k.Owner), k.Withdrawn, filepath.Join(n.Held(), k.Owner.String(), "withdrawn"))
		}
		for _, a := range k.Alarms {
			s.warn("alarm", s.nameOf(k.Owner), a.Code, a.Entry, a.Count, a.Detail)
		}
	}
	c.Withdrawn = n.withdrawnStatus(s, n.org)
	if n.lost > 0 {
		s.warn("journal-tail", n.lost)
	}
	s.Custody = c
}

// bookStatus tells what became of the book of what this node vouched for.
func (n *Node) bookStatus(s *Status) {
	book, err := n.keeper.Book()
	if err != nil {
		s.warn("custody", err)
	}
	for _, aside := range book.Aside {
		s.warn("book-lost", aside)
	}
	if book.Damage != nil {
		s.warn("book-damaged", book.Damage.File)
	}
	if book.Failed != nil {
		s.warn("disk-book", book.Failed)
	}
}

func (s *Status) nameOf(org verify.OrgID) string {
	i := slices.IndexFunc(s.Members, func(m MemberStatus) bool { return m.Org == org })
	if i < 0 {
		return "a former member"
	}
	return s.Members[i].Name
}
