package custody

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// batch writes some records and plans the batch of them.
func (o *owner) batch(records int) Proposal {
	begin := o.journal.End()
	for range records {
		o.write(2)
	}
	return o.cut(begin, o.journal.End())
}

func (o *owner) attest(p Proposal) []verify.Custody {
	return o.repl.Attest(context.Background(), p)
}

// askOne sends a proposal to one custodian, as any program could.
func (o *owner) askOne(m *member, p Proposal, prior ...told) error {
	own := tell(&p.Batch, nil)
	_, err := o.repl.ask.attest(context.Background(), m.self.Org, &proposal{Prior: prior, Batch: &own})
	return err
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	p := new(peer.Problem)
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("got %v, want a refusal with code %q", err, code)
	}
}

func TestAttest(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	o := c.nodes[0].own(3, journal.Options{SegmentSize: 8 << 10})
	o.start(Sources{})
	full := 0
	for i := range 20 {
		p := o.batch(3)
		got := o.attest(p)
		for j, s := range got {
			m, _ := peer.Members(c.members).Find(s.Org)
			if !m.Key.Verify(p.Anchor.CustodyBytes(testChain), s.Signature) {
				t.Errorf("batch %d: a statement does not verify", i)
			}
			if j > 0 && got[j-1].Org.String() >= s.Org.String() {
				t.Errorf("batch %d: statements are not in ascending order", i)
			}
		}
		if len(got) == 2 {
			full++
		}
		o.anchor(p, got)
	}
	// A batch that begins in one segment and ends in the next may be held whole by nobody.
	if full < 12 {
		t.Errorf("%d batches of 20 have both statements", full)
	}
	for _, m := range c.nodes {
		if got := m.alarms(t, o.self.Org); len(got) != 0 {
			t.Errorf("alarms %v", got)
		}
	}
}

func TestAttestTellsACustodianOfBatchesItMissed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	o.start(Sources{})
	refused := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != pathAttest {
			return false
		}
		peer.Refuse(w, malformed("test: not now"))
		return true
	}
	o.anchor(o.batch(1), nil)
	m.intercept(refused)
	for range 600 { // more than fit into one proposal
		o.repl.courier(m.self.Org).restore()
		o.anchor(o.batch(1), nil)
	}
	m.before.Store(nil)
	o.repl.courier(m.self.Org).restore()
	p := o.batch(1)
	eventually(t, "the custodian signs", func() bool {
		o.repl.courier(m.self.Org).restore()
		return len(o.attest(p)) == 1
	})
	if got := m.alarms(t, o.self.Org); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
	st, err := m.keeper.Status()
	if err != nil || len(st) != 1 || st[0].Covered != p.Begin.Entry || st[0].Unanchored != p.Entries() {
		t.Errorf("status %+v, %v", st, err)
	}
}

func TestAttestAgainAfterTheOwnerForgot(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	o.start(Sources{})
	p := o.batch(2)
	if len(o.attest(p)) != 1 {
		t.Fatal("not signed")
	}
	// The plan was lost before it was durable: the batch is cut anew, longer, and with another seed.
	o.write(2)
	longer := o.cut(p.Begin, o.journal.End())
	if len(o.attest(longer)) != 1 {
		t.Fatal("the new form is not signed")
	}
	o.anchor(longer, o.attest(longer))
	c.nodes[1].restart()
	eventually(t, "the next batch is signed", func() bool { return len(o.attest(o.batch(2))) == 1 })
	if got := c.nodes[1].alarms(t, o.self.Org); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
}

// An administrator signs one form of a batch with the custodian, anchors a shorter one, and goes on behind the longer one.
func TestAttestTwoFormsHideNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	o.start(Sources{})
	short := o.batch(2)
	o.write(2) // to be dropped
	long := o.cut(short.Begin, o.journal.End())
	if err := o.askOne(m, long); err != nil {
		t.Fatal(err)
	}
	if err := o.askOne(m, short); err != nil {
		t.Fatal(err)
	}
	anchored := o.anchor(short, nil)
	next := o.batch(2)
	wantCode(t, o.askOne(m, next), codeSkipped)
	wantCode(t, o.askOne(m, next, tell(&anchored, nil)), codeMalformed) // the ranges do not meet
	lied := anchored
	lied.End = long.End
	leaves, err := leavesOf(context.Background(), o.journal, &lied)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, o.askOne(m, next, tell(&lied, leaves)), codeRoot)
}

func TestAttestRefusesFraud(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		fraud func(t *testing.T, o *owner, m *member) error
		code  string
		alarm bool
	}{
		{"unanchored entries dropped", func(t *testing.T, o *owner, m *member) error {
			o.write(3) // in no batch
			return o.askOne(m, o.batch(1), tell(&o.plans[len(o.plans)-1], nil))
		}, codeMalformed, false},
		{"unanchored entries dropped, silently", func(t *testing.T, o *owner, m *member) error {
			o.write(3)
			return o.askOne(m, o.batch(1))
		}, codeSkipped, true},
		{"the first entries of all dropped", func(t *testing.T, o *owner, _ *member) error {
			fresh := o.c.join().own(2, journal.Options{})
			fresh.start(Sources{})
			fresh.write(1)
			m := fresh.custodian(0, 0)
			err := fresh.askOne(m, fresh.batch(1))
			if got := m.alarms(t, fresh.self.Org); len(got) != 1 {
				t.Errorf("alarms %v", got)
			}
			return err
		}, codeSkipped, false},
		{"a tag used twice", func(t *testing.T, o *owner, m *member) error {
			o.tags = 0 // those of the first batch again
			return o.askOne(m, o.batch(1), tell(&o.plans[len(o.plans)-1], nil))
		}, codeTagReuse, true},
		{"a tag used twice in one batch", func(t *testing.T, o *owner, m *member) error {
			begin := o.journal.End()
			o.write(2)
			o.tags--
			o.write(1)
			return o.askOne(m, o.cut(begin, o.journal.End()), tell(&o.plans[len(o.plans)-1], nil))
		}, codeTagReuse, true},
		{"an entry exchanged", func(t *testing.T, o *owner, m *member) error {
			p := o.batch(2)
			leaves, err := leavesOf(context.Background(), o.journal, &p.Batch)
			if err != nil {
				t.Fatal(err)
			}
			rand.Read(leaves[1][:])
			return o.askOne(m, o.propose(p.Batch, leaves), tell(&o.plans[len(o.plans)-1], nil))
		}, codeRoot, true},
		{"a batch anchored twice", func(t *testing.T, o *owner, m *member) error {
			p := o.batch(1)
			if err := o.askOne(m, p, tell(&o.plans[len(o.plans)-1], nil)); err != nil {
				t.Fatal(err)
			}
			o.anchor(p, nil)
			again := o.cut(p.Begin, p.End)
			return o.askOne(m, again)
		}, codeRepeated, true},
		{"earlier batch of other content", func(t *testing.T, o *owner, m *member) error {
			p := o.batch(2)
			leaves, err := leavesOf(context.Background(), o.journal, &p.Batch)
			if err != nil {
				t.Fatal(err)
			}
			rand.Read(leaves[1][:])
			p = o.propose(p.Batch, leaves)
			false1 := o.anchor(p, nil)
			return o.askOne(m, o.batch(1), tell(&false1, leaves))
		}, codeRoot, true},
		{"records not sent", func(t *testing.T, o *owner, m *member) error {
			m.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				takes := r.URL.Path == pathJournal || r.URL.Path == pathStream
				if takes {
					peer.Refuse(w, full())
				}
				return takes
			})
			o.repl.courier(m.self.Org).line.breaks(errors.New("test"))
			return o.askOne(m, o.batch(1), tell(&o.plans[len(o.plans)-1], nil))
		}, codeLacking, false},
		{"for another organisation", func(t *testing.T, o *owner, m *member) error {
			p := o.batch(1)
			p.Anchor.Org = m.self.Org
			return o.askOne(m, p)
		}, codeMalformed, false},
		{"a cursor inside a record", func(t *testing.T, o *owner, m *member) error {
			p := o.batch(1)
			p.Begin.Offset++
			return o.askOne(m, p, tell(&o.plans[len(o.plans)-1], nil))
		}, codeMalformed, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 2)
			o := c.nodes[0].own(2, journal.Options{})
			m := c.nodes[1]
			first := o.batch(2)
			if err := o.askOne(m, first); err != nil {
				t.Fatal(err)
			}
			o.anchor(first, nil)
			wantCode(t, tc.fraud(t, o, m), tc.code)
			m.before.Store(nil)
			m.restart() // alarms are durable
			want := []string{}
			if tc.alarm {
				want = append(want, tc.code)
			}
			if diff := cmp.Diff(want, m.alarms(t, o.self.Org)); diff != "" {
				t.Errorf("alarms: %s", diff)
			}
		})
	}
}

func TestTagsAreRememberedAcrossRestarts(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	first := o.batch(2)
	if err := o.askOne(m, first); err != nil {
		t.Fatal(err)
	}
	anchored := o.anchor(first, nil)
	m.restart()
	o.tags = 0
	o.repl.courier(m.self.Org).restore()
	p := o.batch(1)
	eventually(t, "refused for the tag", func() bool {
		_, ok := refusedAs(o.askOne(m, p, tell(&anchored, nil)), codeTagReuse)
		return ok
	})
}

func TestSilentCustodianCostsAttestItsPatience(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.patience = time.Second
	o := c.nodes[0].own(2, journal.Options{})
	o.start(Sources{})
	p := o.batch(1)
	first := o.custodian(0, 0)
	first.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == pathAttest {
			time.Sleep(2 * time.Second)
		}
		return false
	})
	// The one that holds the records is silent, the other lacks them: no statement, and the anchor will say so.
	if got := o.attest(p); len(got) != 0 {
		t.Errorf("%d statements", len(got))
	}
	if !o.repl.courier(first.self.Org).onProbation() {
		t.Error("the silent custodian is not on probation")
	}
}

func BenchmarkAttest(b *testing.B) {
	c := newCluster(b, 2)
	o := c.nodes[0].own(2, journal.Options{})
	o.start(Sources{})
	o.write(1)
	o.anchor(o.cut(journal.Cursor{}, o.journal.End()), nil)
	for b.Loop() {
		b.StopTimer()
		begin := o.journal.End()
		o.write(128)
		p := o.cut(begin, o.journal.End())
		b.StartTimer()
		got := o.attest(p)
		b.StopTimer()
		if len(got) != 1 {
			b.Fatal("no statement")
		}
		o.anchor(p, got)
		b.StartTimer()
	}
	b.ReportMetric(128, "entries/op")
}
