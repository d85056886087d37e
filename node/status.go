package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// Status is how a node does. Its JSON form is what `sijil status --json` prints.
type Status struct {
	Name    string       `json:"name"`
	Org     verify.OrgID `json:"org"`
	Chain   string       `json:"chain"`
	FHIR    string       `json:"fhir"`
	Version string       `json:"version,omitempty"`
	Uptime  float64      `json:"uptime_seconds"`

	Entries    uint64  `json:"entries"`        // in the journal
	Unanchored uint64  `json:"unanchored"`     // of them, not in a block yet
	Oldest     float64 `json:"oldest_seconds"` // age of the oldest of those
	IndexLag   uint64  `json:"index_lag"`      // entries that search does not know yet
	Copies     int     `json:"copies"`         // nodes that shall hold every record, this one included
	Height     int64   `json:"height"`         // of the chain, as this node has it
	LogSize    uint64  `json:"log_size"`       // anchors of all organisations
	Epoch      uint64  `json:"epoch"`
	CatchingUp bool    `json:"catching_up,omitempty"`
	// Snapshot is the height of the snapshot that this node's chain begins from, 0 when it has gone through every block itself. Restoring
	// says that one is being taken in, because the members no longer keep the blocks after Left.
	Snapshot   int64             `json:"snapshot_height,omitempty"`
	Restoring  bool              `json:"restoring,omitempty"`
	Left       int64             `json:"left_height,omitempty"`
	VotedOut   int64             `json:"voted_out_height,omitempty"` // first height that this organisation is no member for any more
	Quorum     bool              `json:"quorum"`                     // anchoring makes progress, or has nothing to do
	Evidence   uint64            `json:"evidence"`
	Offences   []ledger.Evidence `json:"offences,omitempty"` // the latest of the evidence
	SkewMillis int64             `json:"clock_skew_ms"`

	// Reindexing says of which types of resources search parameters are being made: until all is done searches by these are refused.
	Reindexing []ReindexStatus `json:"reindexing,omitempty"`

	Custody  *CustodyStatus  `json:"custody,omitempty"` // absent for a lone node
	Members  []MemberStatus  `json:"members"`
	Pending  []PendingStatus `json:"pending,omitempty"` // changes of the membership under vote
	Warnings []Warning       `json:"warnings"`
}

// ReindexStatus says how far the resources of a type are gone through.
type ReindexStatus struct {
	Type  string `json:"type"`
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
}

// MemberStatus is what this node sees of a member.
type MemberStatus struct {
	Org       verify.OrgID `json:"org"`
	Name      string       `json:"name"`
	Votes     bool         `json:"votes"`
	Self      bool         `json:"self,omitempty"`
	Connected bool         `json:"connected"`
}

// last gives the latest evidence.
func last(list []ledger.Evidence) (e ledger.Evidence) {
	if len(list) > 0 {
		e = list[len(list)-1]
	}
	return e
}

// memberName names an organisation for people.
func memberName(m *ledger.Membership, org verify.OrgID) string {
	if member := m.Member(org); member != nil {
		return member.Name
	}
	return "a key that is no member's any more"
}

// PendingStatus is a change of the membership that waits for more members to agree.
type PendingStatus struct {
	Change string       `json:"change"` // "join", "update" or "leave"
	Org    verify.OrgID `json:"org"`
	Name   string       `json:"name"`
	Yes    int          `json:"yes"`    // members that agreed
	Voters int          `json:"voters"` // of so many; more than two thirds are needed
	Agreed bool         `json:"agreed"` // this organisation is one of them
}

func pending(m *ledger.Membership, self verify.OrgID) (list []PendingStatus) {
	voters := len(verify.NewValidatorSet(m.Members))
	for i := range m.Pending {
		p := &m.Pending[i]
		s := PendingStatus{
			Change: p.Change, Org: p.Member.Org, Name: p.Member.Name, Yes: len(p.Yes), Voters: voters, Agreed: slices.Contains(p.Yes, self),
		}
		if member := m.Member(s.Org); member != nil {
			s.Name = member.Name
		}
		list = append(list, s)
	}
	return list
}

// Warning is something the operator should see to. Code is for machines. Text is English: lang's message "warning.CODE.text" with Args, which
// says the same in other languages; "warning.CODE" is its title.
type Warning struct {
	Code string   `json:"code"`
	Text string   `json:"text"`
	Args []string `json:"args,omitempty"`
}

// unanchoredPatience is how old an entry may be, not anchored, before the node says that there is no quorum.
const unanchoredPatience = 10 * time.Second

// skewLimit is the clock's distance from the validators' median that is worth a warning.
const skewLimit = 5 * time.Second

func (n *Node) status(ctx context.Context) (*Status, error) {
	backlog := n.anchorer.Unanchored()
	s := &Status{
		Name: n.config.Name, Org: n.org, Chain: n.chain, FHIR: cmp.Or(n.base(), "http://"+n.Address()+"/fhir"), Version: n.version,
		Uptime: time.Since(n.started).Seconds(), Entries: n.journal.End().Entry, Unanchored: backlog.Entries,
		IndexLag: n.record.Lag(), Copies: n.copies(), Quorum: true, Warnings: []Warning{},
	}
	if backlog.Entries > 0 {
		if !backlog.Oldest.IsZero() {
			s.Oldest = time.Since(backlog.Oldest).Seconds()
		}
		s.Quorum = s.Oldest < unanchoredPatience.Seconds()
	}
	for _, r := range n.record.Retelling() {
		s.Reindexing = append(s.Reindexing, ReindexStatus(r))
	}
	connected := map[verify.OrgID]bool{n.org: true}
	e, err := inTime(ctx, n.engine.Status)
	silent := errors.Is(err, errSilent)
	switch {
	case silent:
		s.Quorum = false
		s.warn("engine-silent", int(enginePatience.Seconds()))
	case err != nil:
		s.Quorum = false
		s.warn("engine", err)
	default:
		s.Height, s.LogSize, s.CatchingUp, s.Evidence = e.Height, e.LogSize, e.CatchingUp, e.EvidenceCount
		s.Snapshot, s.Restoring, s.Left = e.Begun, e.Restoring, e.Left
		if e.Restoring {
			s.warn("state-sync", e.Left)
		}
		s.Offences = e.Evidence
		s.SkewMillis = e.Skew.Milliseconds()
		connected = n.connected(e)
		if e.Damage != "" {
			s.warn("engine-damage", e.Damage)
		}
		if e.Wedged != "" {
			s.warn("wedged", e.Wedged)
		}
		if e.SkewKnown && e.Skew.Abs() > skewLimit {
			s.warn("clock", e.Skew.Round(time.Millisecond))
		}
		if e.EvidenceCount > 0 {
			s.warn("evidence", e.EvidenceCount, memberName(n.roster.now.Load(), last(e.Evidence).Org), last(e.Evidence).Height)
		}
	}
	if m := n.roster.now.Load(); m != nil {
		s.Pending = pending(m, n.org)
		if !silent {
			s.Epoch, _ = inTime(ctx, n.anchorer.Epoch) // 0 while it cannot be told
		}
		for _, member := range m.Members {
			s.Members = append(s.Members, MemberStatus{
				Org: member.Org, Name: member.Name, Votes: member.Power > 0, Self: member.Org == n.org, Connected: connected[member.Org],
			})
		}
	}
	if left := n.roster.left.Load(); left > 0 {
		s.VotedOut = left
		s.warn("voted-out", left)
	}
	switch {
	case s.Quorum:
	case len(s.Members) == 1:
		s.warn("anchoring-waits", s.Unanchored, fmt.Sprintf("%.0f", s.Oldest))
	case err != nil || !n.noQuorum(s, connected):
		s.warn("quorum", s.Unanchored, fmt.Sprintf("%.0f", s.Oldest))
	}
	n.custodyStatus(s)
	if !silent { // what a witness covers only the engine knows
		n.witnessStatus(ctx, s)
	}
	n.judge(s)
	return s, nil
}

// epoch is the number of the current epoch; 0 while it cannot be told.
func (n *Node) epoch(ctx context.Context) uint64 {
	number, err := n.anchorer.Epoch(ctx)
	if err != nil {
		return 0
	}
	return number
}

// warn adds the warning of a code; args are what lang's message of that code mentions.
func (s *Status) warn(code string, args ...any) {
	w := Warning{Code: code, Text: lang.For(lang.English).T("warning."+code+".text", args...)}
	for _, arg := range args {
		w.Args = append(w.Args, fmt.Sprint(arg))
	}
	s.Warnings = append(s.Warnings, w)
}

// judge adds the warnings that concern the operator's own duties.
func (n *Node) judge(s *Status) {
	if err := n.journal.Err(); err != nil {
		s.warn("disk", err, n.Dir)
	}
	n.roomStatus(s)
	if count, last := n.damage.standing(n.Layout); count > 0 {
		s.warn("damage", count, last)
	}
	if err := n.anchorer.Err(); err != nil {
		s.warn("anchoring", err)
	}
	if n.baseMissing() {
		s.warn("base", n.Config())
	}
	if at, err := lastBackup(n.Layout); err != nil || at.IsZero() {
		s.warn("no-backup", n.Dir)
	}
	for _, name := range []string{"passphrase", "recovery-kit.json"} {
		if _, err := os.Stat(filepath.Join(n.Dir, name)); err == nil {
			s.warn(name, filepath.Join(n.Dir, name))
		}
	}
}

// lastBackup tells when the last backup ended; zero when there was none.
func lastBackup(l Layout) (time.Time, error) {
	info, err := os.Stat(filepath.Join(l.Dir, "last-backup"))
	if errors.Is(err, os.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
