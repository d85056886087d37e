package custody

import (
	"context"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// spread is one thing on its way to R−1 custodians. A custodian that refuses is replaced at once by the next in order; one that stays
// silent is replaced when patience ends, and put on probation, so that it costs that once and not with every group.
type spread struct {
	r        *Replicator
	order    []verify.OrgID // not yet asked
	need     int
	patience time.Duration
	start    func(*courier) <-chan error

	asked  []*attempt // answers awaited
	news   chan outcome
	copies int
}

type attempt struct {
	c        *courier
	deadline time.Time
}

type outcome struct {
	a   *attempt
	err error
}

// spread prepares to bring something to custodians in that order; start asks one of them.
func (r *Replicator) spread(order []verify.OrgID, patience time.Duration, start func(*courier) <-chan error) *spread {
	return &spread{r: r, order: order, need: r.opt.Copies() - 1, patience: patience, start: start, news: make(chan outcome, len(order))}
}

// begin asks as many as are needed, without waiting.
func (s *spread) begin() {
	for s.copies+len(s.asked) < s.need && len(s.order) > 0 {
		c := s.r.courier(s.order[0])
		s.order = s.order[1:]
		if c.onProbation() {
			continue
		}
		a := &attempt{c: c, deadline: time.Now().Add(s.patience)}
		s.asked = append(s.asked, a)
		done := s.start(c)
		go func() { s.news <- outcome{a, <-done} }()
	}
}

// finish waits until enough hold it or nobody is left to ask.
func (s *spread) finish(ctx context.Context) (copies int) {
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	for len(s.asked) > 0 && s.copies < s.need {
		timer.Reset(time.Until(s.asked[0].deadline))
		select {
		case o := <-s.news:
			s.heard(o)
		case <-timer.C:
			if len(s.news) > 0 {
				continue // it came in time: whoever waits was late
			}
			for len(s.asked) > 0 && !time.Now().Before(s.asked[0].deadline) {
				s.asked[0].c.silent()
				s.asked = s.asked[1:]
			}
		case <-ctx.Done():
			return s.copies
		}
		s.begin()
	}
	return s.copies
}

func (s *spread) heard(o outcome) {
	if !s.forget(o.a) {
		return
	}
	if o.err == nil {
		s.copies++
		return
	}
	o.a.c.failed(o.err)
}

// forget takes an attempt off the list; it is not there any more if its patience had ended.
func (s *spread) forget(a *attempt) bool {
	for i := range s.asked {
		if s.asked[i] == a {
			s.asked = append(s.asked[:i:i], s.asked[i+1:]...)
			return true
		}
	}
	return false
}
