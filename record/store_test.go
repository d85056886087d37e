package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// unanchored stands for a ledger without a quorum: nothing is ever in a block. What the record promises must hold all the same.
type unanchored struct{ *site }

func (unanchored) Wait(ctx context.Context, _ uint64) error {
	<-ctx.Done()
	return ctx.Err()
}

func (unanchored) Receipt(ctx context.Context, _ uint64, _ *verify.OpenedEntry, _ map[uint32]verify.Forms) (*verify.Receipt, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (u unanchored) Receipts(ctx context.Context, entries []record.Numbered, _ func(*verify.BatchReceipt) error) error {
	u.wanted = entries
	<-ctx.Done()
	return ctx.Err()
}

func (u unanchored) LocalOnly(first, end uint64) { u.short.Store(end<<32 | first) }

func (unanchored) Block(context.Context, uint64) (int64, error) { return 0, nil }

// site is a record on real parts in a directory.
type site struct {
	wanted []record.Numbered // what receipts were asked for last
	short  atomic.Uint64     // entries acknowledged with too few copies of late: where they end in the upper half, where they begin in the lower
	t      testing.TB
	dir    string
	root   vault.RootKey
	vault  *vault.Vault
	log    *journal.Journal
	index  *index.Index
	rows   rows.Store // of the index; nil for files
	rules  record.Rules
	blobs  vault.Blobs
	store  *record.Store

	extract func(served string) ([]term.Term, error) // nil for terms
	good    []byte                                   // what was damaged, as it was

	heal func(context.Context, index.Version) ([]byte, error)

	healSegment func(context.Context, uint32) error

	hold     journal.Holder // nil for nobody
	holdKeys func(edition uint64) func(context.Context) int
	holdBlob func(context.Context, verify.Hash, []byte) int
}

var org = verify.OrgID{1, 2, 3, 4, 5, 6, 7, 8}

// newSite makes a record; its index is in files, unless there is something else that keeps it.
func newSite(t testing.TB, index ...rows.Store) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	if len(index) > 0 {
		s.rows = index[0]
	}
	root, err := vault.NewKeyRoot("test", bytes.Repeat([]byte{9}, 32))
	s.ok(err)
	s.root = root
	v, err := vault.Create(filepath.Join(s.dir, "keys"), root, vault.Options{})
	s.ok(err)
	s.ok(v.Close())
	s.open()
	return s
}

func (s *site) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) open() {
	s.t.Helper()
	s.ok(s.tryOpen())
}

// tryOpen opens all parts; the error is that of the record, whose parts are closed then.
func (s *site) tryOpen() error {
	s.t.Helper()
	var err error
	s.vault, err = vault.Open(filepath.Join(s.dir, "keys"), s.root, vault.Options{})
	s.ok(err)
	s.log, err = journal.Open(filepath.Join(s.dir, "journal"), journal.Options{Hold: s.hold})
	s.ok(err)
	key, err := s.vault.Key("", vault.Index)
	s.ok(err)
	if s.rows != nil {
		s.index, err = index.On(s.rows, key.Blind("file", nil))
	} else {
		s.index, err = index.Open(filepath.Join(s.dir, "index"), key.Blind("file", nil))
	}
	s.ok(err)
	s.blobs, err = vault.NewDirBlobs(filepath.Join(s.dir, "blobs"))
	s.ok(err)
	s.store, err = record.Open(context.Background(), record.Options{
		Org: org, Vault: s.vault, Journal: s.log, Index: s.index, Blobs: s.blobs, Anchors: unanchored{s},
		Copies: func() int { return 3 }, Rules: s.rules,
		Extract: func(_ string, served []byte) ([]term.Term, error) {
			if s.extract != nil {
				return s.extract(string(served))
			}
			return terms(string(served)), nil
		},
		Heal: func(ctx context.Context, v index.Version) ([]byte, error) { return s.healed(ctx, v) },
		HealSegment: func(ctx context.Context, segment uint32) error {
			if s.healSegment == nil {
				return errors.New("nobody has a copy")
			}
			return s.healSegment(ctx, segment)
		},
		HoldKeys: s.holdKeys,
		HoldBlob: func(ctx context.Context, h verify.Hash, b []byte) int {
			if s.holdBlob == nil {
				return 2
			}
			return s.holdBlob(ctx, h, b)
		},
	})
	if err != nil {
		s.ok(errors.Join(s.index.Close(), s.log.Close(), s.vault.Close()))
	}
	return err
}

func (s *site) healed(ctx context.Context, v index.Version) ([]byte, error) {
	if s.heal == nil {
		return nil, errors.New("nobody has a copy")
	}
	return s.heal(ctx, v)
}

func (s *site) close() {
	s.t.Helper()
	s.store.Close()
	s.ok(errors.Join(s.index.Close(), s.log.Close(), s.vault.Close()))
}

// terms finds a body by its own text.
func terms(body string) []term.Term {
	return []term.Term{{Param: "code", Kind: term.Token, System: "s", Code: body}}
}

var clinician = record.Access{Actor: "Practitioner/1", Role: "clinician", Purpose: "TREAT", Request: [16]byte{1}, Detail: "test"}

func change(op record.Op, id, chart, body string) record.Change {
	c := record.Change{Op: op, Type: "Observation", ID: id, Chart: chart, Compartment: record.Labs}
	if op != record.OpDelete {
		c.Source, c.Terms = []byte(body), terms(body)
	}
	return c
}

// entries opens every entry of the journal, by chart, and checks what holds for each chart: numbers dense from 0, each naming the leaf of the
// one before, under the tag of its number.
func (s *site) entries() map[string][]*verify.Entry {
	s.t.Helper()
	all, last := make(map[string][]*verify.Entry), make(map[string]verify.Hash)
	err := journal.Scan(filepath.Join(s.dir, "journal"), journal.Cursor{}, func(at journal.Located) error {
		for i := range at.Record.Entries {
			sealed := &at.Record.Entries[i]
			slot, number := s.vault.OpenGuide(sealed.Tag, sealed.Guide)
			key, chart, _, ok := s.vault.Slot(slot)
			if !ok || key.Tag(number) != sealed.Tag {
				return fmt.Errorf("entry %d: tag does not belong to its number", at.Record.First+uint64(i))
			}
			e, binding, err := s.store.Opened(at.Record, at.Record.First+uint64(i))
			if err != nil {
				return err
			}
			switch {
			case e.Chart != chart, e.Number != number, e.Number != uint64(len(all[chart])):
				return fmt.Errorf("chart %q: entry %d stands at place %d", chart, e.Number, len(all[chart]))
			case e.Prev != last[chart]:
				return fmt.Errorf("chart %q: entry %d does not name the one before", chart, e.Number)
			case binding != sealed.Bind:
				return fmt.Errorf("chart %q: entry %d: wrong binding", chart, e.Number)
			}
			all[chart] = append(all[chart], e)
			last[chart] = sealed.Leaf()
		}
		return nil
	})
	s.ok(err)
	return all
}
