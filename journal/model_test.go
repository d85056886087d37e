package journal

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// model is what a journal must be: the records appended, of which those up to acked must survive everything.
type model struct {
	t       *rapid.T
	disk    *memDisk
	opt     Options
	j       *Journal
	written []stored
	acked   int
	seed    uint64
}

type stored struct {
	seed    uint64
	entries int
	size    int
	at      Cursor
	first   uint64
}

func (m *model) open() {
	m.opt.disk = m.disk
	j, err := Open("j", m.opt)
	if err != nil {
		m.t.Fatalf("open: %v", err)
	}
	m.j = j
}

// append puts records in without waiting, then waits for all; failing is allowed only when the power fails.
func (m *model) append(n int, mayFail bool) {
	var pending []*Pending
	for range n {
		s := stored{seed: m.seed, entries: rapid.IntRange(1, 4).Draw(m.t, "entries"), size: rapid.IntRange(1, 900).Draw(m.t, "size")}
		m.seed++
		r := sample(s.seed, s.entries, s.size)
		p, err := m.j.Append(r)
		if err != nil {
			if !mayFail || !errors.Is(err, ErrFailed) {
				m.t.Fatalf("append: %v", err)
			}
			break
		}
		s.at, s.first = p.Cursor(), r.First
		m.written = append(m.written, s)
		pending = append(pending, p)
	}
	base := len(m.written) - len(pending)
	for i, p := range pending {
		ack, err := p.Wait(context.Background())
		switch {
		case err == nil && ack.Cursor != m.written[base+i].at:
			m.t.Fatalf("acknowledged at %s, appended at %s", ack.Cursor, m.written[base+i].at)
		case err == nil:
			m.acked = base + i + 1
		case !mayFail || !errors.Is(err, ErrFailed):
			m.t.Fatalf("wait: %v", err)
		}
	}
}

// check holds what Scan, Read and Follow give against the model, and takes over what survived.
func (m *model) check() {
	n := 0
	err := scan(m.disk, "j", Cursor{}, func(l Located) error {
		if n >= len(m.written) {
			m.t.Fatalf("a record too many at %s", l.At)
		}
		s := m.written[n]
		n++
		if l.At != s.at || l.Record.First != s.first || uint64(l.Record.Time) != s.seed {
			m.t.Fatalf("record %d at %s, want %d at %s", l.Record.Time, l.At, s.seed, s.at)
		}
		isSample(m.t, l.Record, s.seed, s.entries, s.size)
		return nil
	})
	if err != nil {
		m.t.Fatalf("scan: %v", err)
	}
	if n < m.acked {
		m.t.Fatalf("%d records, %d were acknowledged", n, m.acked)
	}
	m.written, m.acked = m.written[:n], n
	end := Cursor{Offset: int64(headerSize)}
	if n > 0 {
		last := m.written[n-1]
		r, err := m.j.Read(last.at)
		if err != nil {
			m.t.Fatalf("read: %v", err)
		}
		isSample(m.t, r, last.seed, last.entries, last.size)
		end.Entry = last.first + uint64(last.entries)
	}
	if m.j.End().Entry != end.Entry {
		m.t.Fatalf("end %s, want entry %d", m.j.End(), end.Entry)
	}
}

func TestModelWithLossOfPower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, disk: newMemDisk(), opt: Options{SegmentSize: rapid.SampledFrom([]int64{1500, 5000, 1 << 20}).Draw(t, "segment")}}
		m.open()
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {
				if m.j.End().Entry != 0 {
					m.check()
				}
			},
			"append": func(t *rapid.T) { m.append(rapid.IntRange(1, 12).Draw(t, "n"), false) },
			"seal": func(t *rapid.T) {
				if err := m.j.Seal(context.Background()); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := m.j.Close(); err != nil {
					t.Fatal(err)
				}
				m.open()
				if m.j.Recovered() != (Recovery{}) {
					t.Fatalf("cut after a proper close: %+v", m.j.Recovered())
				}
			},
			"power": func(t *rapid.T) {
				m.disk.powerFailsAfter(rapid.IntRange(0, 25).Draw(t, "changes"))
				m.append(rapid.IntRange(1, 30).Draw(t, "n"), true)
				_ = m.j.Close()
				m.disk = m.disk.restart(func() bool { return rapid.Bool().Draw(t, "keep") })
				m.open()
				m.check()
			},
			"follow": func(t *rapid.T) {
				from := 0
				if len(m.written) == 0 {
					t.Skip()
				}
				from = rapid.IntRange(0, len(m.written)-1).Draw(t, "from")
				n := from
				err := m.j.Follow(context.Background(), m.written[from].at, func(batch []Located) error {
					for _, l := range batch {
						if l.At != m.written[n].at {
							t.Fatalf("follow: %s, want %s", l.At, m.written[n].at)
						}
						n++
					}
					if n == len(m.written) {
						return errStop
					}
					return nil
				})
				if !errors.Is(err, errStop) {
					t.Fatal(err)
				}
			},
		})
		_ = m.j.Close()
	})
}
