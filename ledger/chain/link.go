package chain

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// link is what is known of the members that feed this node.
type link struct {
	mu      sync.Mutex
	member  verify.OrgID // being followed; zero between two
	height  int64        // that it said it had reached when it began
	why     error        // why the last one was left
	doubted map[verify.OrgID]time.Time
}

func (l *link) now() (verify.OrgID, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.member, l.height
}

func (l *link) trouble() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

func (l *link) begun(member verify.OrgID, height int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.member, l.height = member, height
}

// ended notes why a member is no longer followed.
func (l *link) ended(member verify.OrgID, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.member, l.why = verify.OrgID{}, why
	switch {
	case errors.Is(why, errLie):
		l.doubted[member] = time.Now().Add(doubtLiar)
	case errors.Is(why, errSilent):
		l.doubted[member] = time.Now().Add(doubtSilent)
	}
}

// order puts those members last that are doubted; within both halves it begins at a place of its own.
func (l *link) order(members []verify.OrgID, from int) []verify.OrgID {
	if len(members) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	from %= len(members)
	list := append(slices.Clone(members[from:]), members[:from]...)
	slices.SortStableFunc(list, func(a, b verify.OrgID) int {
		x, y := time.Now().Before(l.doubted[a]), time.Now().Before(l.doubted[b])
		switch {
		case x == y:
			return 0
		case x:
			return 1
		}
		return -1
	})
	return list
}
