package record

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Refuse leaves the entries for a request that was refused, or that asked for nothing: one for each chart that a resource it named is in, or
// where none of them is known here one in the organisation's own stream. refs are the resources named, each "Type/id".
func (s *Store) Refuse(ctx context.Context, a Access, refs []string, status int, why string) error {
	var lines []line
	at, named := map[string]int{}, map[string]bool{}
	for _, ref := range refs {
		typ, id, _ := strings.Cut(ref, "/")
		v, err := s.current(typ, id)
		if err != nil || named[ref] {
			continue
		}
		named[ref] = true
		n, ok := at[v.Chart]
		if !ok {
			n = len(lines)
			at[v.Chart] = n
			lines = append(lines, line{kind: verify.KindRefuse, chart: v.Chart, why: why, outcome: uint16(status)})
		}
		lines[n].targets = append(lines[n].targets, verify.Target{Ref: ref})
	}
	if len(lines) == 0 {
		lines = []line{{kind: verify.KindRefuse, why: why, outcome: uint16(status)}}
	}
	return s.record(ctx, a, lines...)
}

// maxNotes bounds the notes that wait until the index has caught up. What is beyond is counted in one of the organisation's own.
const maxNotes = 1_000

// notes are what the node itself did while the index was catching up. No entry can be written then: how far each chart is counted is read from
// the index, which stands before the journal's end, so that a number would be given twice.
type notes struct {
	mu   sync.Mutex
	open bool // entries can be written
	kept []noted
	more int // beyond maxNotes
}

type noted struct{ chart, what string }

// keep takes a note for afterwards; it tells whether that is necessary.
func (n *notes) keep(chart, what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.open:
		return false
	case len(n.kept) < maxNotes:
		n.kept = append(n.kept, noted{chart, what})
	default:
		n.more++
	}
	return true
}

// begin gives what was kept, and says that entries can be written from now on.
func (n *notes) begin() []noted {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := n.kept
	if n.more > 0 {
		kept = append(kept, noted{"", fmt.Sprintf("%d further repairs while the index caught up", n.more)})
	}
	n.open, n.kept, n.more = true, nil, 0
	return kept
}

// notePatience bounds how long a note waits for the journal: longer than any request, for what the node did must not be lost to one that is given up.
const notePatience = 30 * time.Second

// note leaves an entry for what the node itself did to a chart.
func (s *Store) note(ctx context.Context, chart, what string) {
	if s.notes.keep(chart, what) {
		return
	}
	a := NodeAccess(what)
	l := line{kind: verify.KindSystem, chart: chart, outcome: http.StatusOK}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notePatience)
	defer cancel()
	if _, err := s.commit(ctx, a, s.Clock(), []line{l}, nil, nil, nil); err != nil {
		s.Log.Error("an entry could not be written", "error", err)
	}
}
