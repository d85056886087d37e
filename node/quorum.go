package node

import (
	"fmt"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// noQuorum warns when too few voting members are connected for a block to be made, and names those that are not. Nothing on this machine is
// broken then, and nothing here mends it. It tells whether that is so.
func (n *Node) noQuorum(s *Status, connected map[verify.OrgID]bool) bool {
	m := n.roster.now.Load()
	if m == nil {
		return false
	}
	var reached, all int64
	var away []string
	for i := range m.Members {
		member := &m.Members[i]
		switch all += member.Power; {
		case member.Power == 0:
		case connected[member.Org]:
			reached += member.Power
		case member.Peer == "":
			away = append(away, member.Name)
		default:
			away = append(away, fmt.Sprintf("%s (%s)", member.Name, member.Peer))
		}
	}
	if own := m.Member(n.org); own == nil || own.Power == 0 || 3*reached > 2*all { // without a vote one member connected is enough
		return false
	}
	s.warn("no-quorum", strings.Join(away, ", "), reached, all, s.Unanchored, fmt.Sprintf("%.0f", s.Oldest))
	return true
}
