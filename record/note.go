package record

import (
	"context"
	"net/http"
	"strings"

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

// note leaves an entry for what the node itself did to a chart.
func (s *Store) note(_ context.Context, chart, what string) {
	a := Access{Actor: "system", Role: "system", Purpose: "SYSADMIN", Detail: what}
	l := line{kind: verify.KindSystem, chart: chart, outcome: http.StatusOK}
	if _, err := s.commit(a, s.Clock(), []line{l}, nil, nil, nil); err != nil {
		s.Log.Error("an entry could not be written", "error", err)
	}
}
