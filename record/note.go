package record

import (
	"context"
	"net/http"

	"github.com/sijil-health/sijil/verify"
)

// Refuse leaves the entry for a request that was refused. The chart is that of the resource, where it is known.
func (s *Store) Refuse(ctx context.Context, a Access, typ, id string, status int, why string) error {
	l := line{kind: verify.KindRefuse, why: why, outcome: uint16(status)}
	if typ != "" && id != "" {
		if v, err := s.current(typ, id); err == nil {
			l.chart = v.Chart
			l.targets = []verify.Target{{Ref: typ + "/" + id}}
		}
	}
	return s.record(ctx, a, l)
}

// note leaves an entry for what the node itself did to a chart.
func (s *Store) note(_ context.Context, chart, what string) {
	a := Access{Actor: "system", Role: "system", Purpose: "SYSADMIN", Detail: what}
	l := line{kind: verify.KindSystem, chart: chart, outcome: http.StatusOK}
	if _, err := s.commit(a, s.Clock(), []line{l}, nil, nil, nil); err != nil {
		s.Log.Error("an entry could not be written", "error", err)
	}
}
