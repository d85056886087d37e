package record

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// Options are the parts that a Store joins. All are owned by the caller, who closes them after the Store.
type Options struct {
	Org     verify.OrgID
	Vault   *vault.Vault
	Journal *journal.Journal
	Index   *index.Index
	Blobs   vault.Blobs
	Anchors Anchors
	// HoldKeys begins to bring the key store as of an edition to custodians, and gives the function that waits for them, for a bounded time,
	// and tells how many hold it. It may be nil.
	HoldKeys func(edition uint64) (wait func(context.Context) (copies int))
	// HoldBlob brings a ciphertext that is kept in Blobs to custodians, in a bounded time that ends with ctx, and tells how many hold it. It may be nil.
	HoldBlob func(ctx context.Context, hash verify.Hash, blob []byte) (copies int)
	// Copies is how many organisations are to hold everything, this one included. nil means this one alone.
	Copies func() int
	// Extract gives the terms of a resource as served. It is used when the index is rebuilt from the journal.
	Extract func(typ string, served []byte) ([]term.Term, error)
	// Rules are what Extract goes by, as far as that changes; nil for rules that do not.
	Rules Rules
	// Heal brings a good copy of a damaged ciphertext from a custodian and puts it in place. It may be nil.
	Heal func(ctx context.Context, at index.Version) ([]byte, error)
	// HealSegment puts a custodian's copy in the place of a damaged segment of the journal. It may be nil.
	HealSegment func(ctx context.Context, segment uint32) error
	Clock       func() time.Time
	Log         *slog.Logger
}

// Store is the record of one node.
type Store struct {
	Options
	vault     *vault.Vault
	charts    *charts
	locks     resources
	overlay   *overlay
	cursorKey []byte // see cursor
	looks     int    // maxLooked
	notes     notes
	working   sync.WaitGroup // what goes on in the background besides follow
	rereadC   chan struct{}  // see reread
	retellC   chan struct{}  // says that tellings have changed

	governing sync.Mutex          // held while rules change
	ruling    sync.RWMutex        // held, shared, from the making of terms until they are in the index; whole, while rules change
	tellings  map[string]*telling // by type; under ruling, as what they point at
	far       atomic.Pointer[[]Retelling]
	stop      context.CancelFunc
	done      chan struct{}
}

// Open starts the record on its parts: it follows the journal into the index until both agree, and goes on doing so. Where the index is damaged
// (index.ErrDamaged) it is condemned besides.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		Options: o, vault: o.Vault, charts: newCharts(o.Index),
		overlay: newOverlay(), looks: maxLooked, rereadC: make(chan struct{}, 1), retellC: make(chan struct{}, 1), done: make(chan struct{}),
	}
	key, err := o.Vault.Key("", vault.Index)
	if err != nil {
		return nil, err
	}
	s.cursorKey = key.Blind("cursor", nil)
	from, err := o.Index.Position()
	if err != nil {
		return nil, s.condemn(err)
	}
	s.overlay.applied(from.Entry)
	if s.Rules != nil {
		if err := s.loadRules(ctx); err != nil {
			return nil, fmt.Errorf("read the search parameters of this node: %w", s.condemn(err))
		}
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go s.follow(run, from)
	// Chart heads are read from the index: it must have caught up before the first entry is written, its own notes of repairs included.
	if err := s.overlay.wait(ctx, o.Journal.End().Entry); err != nil {
		s.Close()
		return nil, fmt.Errorf("bring the index up to the journal: %w", err)
	}
	s.charts.begin()
	for _, n := range s.notes.begin() {
		s.note(ctx, n.chart, n.what)
	}
	s.working.Go(func() { s.rereader(run) })
	if s.Rules != nil {
		s.working.Go(func() { s.reteller(run) })
	}
	return s, nil
}

// Close stops following the journal. Requests must have ended.
func (s *Store) Close() {
	s.stop()
	<-s.done
	s.working.Wait()
}

// Lag is the number of journal entries that the index has not taken in yet.
func (s *Store) Lag() uint64 {
	end, at := s.Journal.End().Entry, s.overlay.position()
	return end - min(at, end)
}

// current gives the newest version of a resource, whether the index has it yet or not.
func (s *Store) current(typ, id string) (index.Version, error) {
	if p := s.overlay.get(typ, id); p != nil {
		return p.version, nil
	}
	return s.Index.Current(typ, id)
}

// line is an entry to be written: who, for what purpose, and what was asked come from the Access.
type line struct {
	kind    verify.Kind
	chart   string
	targets []verify.Target
	why     string // what there is to say besides what was asked
	whole   bool   // all that was asked is true of all that was given, see told
	outcome uint16
}

func (s *Store) entry(a Access, l *line, at time.Time) *verify.Entry {
	detail, _ := told(&a, l.chart, l.whole)
	if l.why != "" {
		detail += " — " + l.why
	}
	return &verify.Entry{
		Version: verify.EntryVersion, Kind: l.kind, Time: at.UnixMilli(), Org: s.Org,
		Actor: a.Actor, Role: a.Role, Purpose: a.Purpose, Chart: l.chart,
		Targets: l.targets, Detail: detail, Outcome: l.outcome, Request: a.Request,
	}
}

// commit numbers and seals the lines under their charts' keys and hands them to the journal as one record. The lines keep their
// order. before runs under the charts' locks, once the record has its place in the journal; nil stands for lines that are accesses and
// change nothing. e has what the record rests on besides; nil for nothing. Ending ctx ends the waiting for the journal.
func (s *Store) commit(ctx context.Context, a Access, at time.Time, lines []line, blobs [][]byte, e *escort, before func(first uint64)) (*pending, error) {
	if e == nil {
		e = &escort{store: s}
	}
	names := make([]string, len(lines))
	wants := make([]vault.Want, len(lines))
	for i := range lines {
		names[i] = lines[i].chart
		wants[i] = vault.Want{Chart: lines[i].chart, Compartment: vault.Log}
	}
	keys, err := e.keys(wants)
	if err != nil {
		return nil, err
	}
	held, err := s.charts.lock(names)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer s.charts.unlock(held)
	r := &journal.Record{Time: at.UnixMilli(), Entries: make([]journal.Entry, len(lines)), Blobs: blobs}
	type count struct {
		next uint64
		last verify.Hash
	}
	counts := make(map[string]count, len(held))
	for name, h := range held {
		counts[name] = count{h.next, h.last}
	}
	for i := range lines {
		l, c := &lines[i], counts[lines[i].chart]
		entry := s.entry(a, l, at)
		entry.Number, entry.Prev = c.next, c.last
		if r.Entries[i], err = s.sealEntry(keys[i], entry, blobsOf(l.targets, l.kind), r); err != nil {
			return nil, fmt.Errorf("%w: seal entry: %w", ErrUnavailable, err)
		}
		counts[l.chart] = count{c.next + 1, r.Entries[i].Leaf()}
	}
	p, err := s.Journal.AppendContext(ctx, r) // it waits for room under the charts' locks, so that who has gone must not
	if err != nil {
		return nil, refusal(err)
	}
	for name, h := range held {
		h.next, h.last, h.entry = counts[name].next, counts[name].last, r.First+uint64(len(lines))
	}
	if before != nil {
		before(r.First)
	} else {
		s.overlay.look(r.First, len(lines))
	}
	return &pending{p, e, len(lines)}, nil
}

// blobsOf names the ciphertexts that an entry brings: those of the versions it writes, not of those it shows.
func blobsOf(targets []verify.Target, k verify.Kind) []verify.Hash {
	if k != verify.KindCreate && k != verify.KindUpdate {
		return nil
	}
	out := make([]verify.Hash, 0, len(targets))
	for i := range targets {
		if !targets[i].Blob.IsZero() { // the update by which a resource leaves a chart brings none
			out = append(out, targets[i].Blob)
		}
	}
	return out
}

// blobAAD binds a ciphertext to the place it belongs to: organisation, resource, version.
func (s *Store) blobAAD(typ, id string, version uint64) []byte {
	b := append(make([]byte, 0, 64), "sijil/version/1\x00"...)
	b = append(b, s.Org[:]...)
	b = append(b, typ...)
	b = append(b, '/')
	b = append(b, id...)
	b = append(b, 0)
	return binary.BigEndian.AppendUint64(b, version)
}
