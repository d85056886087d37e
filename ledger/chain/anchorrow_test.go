package chain

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// anchorOf draws an anchor that rests on another one, or does not.
func anchorOf(t *rapid.T, on *placed) *verify.Anchor {
	a := &verify.Anchor{
		Org: verify.OrgID{rapid.Byte().Draw(t, "org")}, Count: 1 << rapid.IntRange(4, 20).Draw(t, "count"),
		Flags: rapid.SampledFrom([]uint8{0, verify.FlagLocalOnly}).Draw(t, "flags"), Time: rapid.Int64().Draw(t, "time"), Control: rapid.Uint64().Draw(t, "control"),
	}
	if on != nil {
		a.Org, a.Seq, a.Prev, a.Control = on.what.Org, on.what.Seq+1, on.ID, on.what.Control+rapid.Uint64Range(0, 1).Draw(t, "more control")
		switch rapid.IntRange(0, 9).Draw(t, "twist") {
		case 0:
			a.Prev[3] ^= 1
		case 1:
			a.Seq += 2
		}
	} else if a.Seq = rapid.Uint64Range(0, 2).Draw(t, "seq"); a.Seq > 0 {
		a.Prev[0] = 1
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "custodians") {
		a.Custodians = append(a.Custodians, verify.Custody{Org: verify.OrgID{byte(i), 9, a.Org[0] + 1}, Signature: verify.Signature{byte(i), 7}})
	}
	a.Signature[5], a.Root[9] = rapid.Byte().Draw(t, "signature"), rapid.Byte().Draw(t, "root")
	return a
}

// TestAnchorRowsComeBack writes segments of all kinds of anchors: each row gives back what was put in, to the byte.
func TestAnchorRowsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var written, read tail
		first := rapid.Uint64Range(0, 1<<40).Draw(t, "segment") * segmentSize
		height, orgs := rapid.Int64Range(1, 1<<40).Draw(t, "height"), map[verify.OrgID]bool{}
		for i := range rapid.Uint64Range(1, segmentSize).Draw(t, "anchors") {
			var on *placed
			if len(written) > 0 && rapid.Bool().Draw(t, "rests") {
				on, _ = written.last(rapid.SampledFrom(written).Draw(t, "on").what.Org)
			}
			a := anchorOf(t, on)
			b := a.Encode()
			p := &placed{
				Anchored: ledger.Anchored{Bytes: b, ID: sha256.Sum256(b), Index: first + i, Height: height, Tx: rapid.Uint32Range(0, 3).Draw(t, "place")},
				what:     a, time: a.Time, alone: rapid.Bool().Draw(t, "alone"),
			}
			if p.alone {
				p.time = rapid.Int64().Draw(t, "block's time")
			}
			height += rapid.Int64Range(0, 2).Draw(t, "blocks")
			row, isFirst := written.encode(p)
			if isFirst == orgs[a.Org] {
				t.Fatalf("first of its organisation: %v", isFirst)
			}
			orgs[a.Org] = true
			got, err := read.decode(p.Index, row)
			if err != nil || !bytes.Equal(got.Bytes, b) || got.ID != p.ID || got.Height != p.Height || got.Tx != p.Tx || got.alone != p.alone || got.time != p.time {
				t.Fatalf("%+v came back as %+v, %v", p, got, err)
			}
			if on != nil && a.Seq == on.what.Seq+1 && a.Prev == on.ID && len(row) > len(b)-20 { // times may lie far apart
				t.Fatalf("%d bytes for an anchor of %d that rests on another", len(row), len(b))
			}
			written, read = append(written, p), append(read, got)
		}
	})
}

// FuzzAnchorRow: a damaged row is an error, or an anchor in its one encoding.
func FuzzAnchorRow(f *testing.F) {
	a, b := bare("a", 1), bare("b", 1)
	var before tail
	for i, tx := range [][]byte{a.anchor("c"), b.anchor("c", a), a.anchor("c", b), a.anchor("c", b), b.anchor("c")} {
		p := &placed{Anchored: ledger.Anchored{Bytes: tx, ID: sha256.Sum256(tx), Index: uint64(i), Height: int64(i / 2), Tx: uint32(i % 2)}}
		p.what, _ = verify.DecodeAnchor(tx)
		row, _ := before.encode(p)
		f.Add(row)
		before = append(before, p)
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		p, err := before.decode(uint64(len(before)), row)
		if err != nil {
			return
		}
		if again, err := verify.DecodeAnchor(p.Bytes); err != nil || !bytes.Equal(again.Encode(), p.Bytes) || p.Height < 0 {
			t.Fatalf("%x at %d: %v", p.Bytes, p.Height, err)
		}
	})
}

// rows counts the rows of a kind.
func (s *store) rows(t fatal, row byte) (n int) {
	if err := s.each([]byte{row}, []byte{row + 1}, func(_, _ []byte) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestHistoryComesBack runs blocks of all kinds, more than one segment of them: the records and anchors read back lead to the digest that was computed
// when they were made, and the organisations' anchors are found by number and by index.
func TestHistoryComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := bare("a", 2), bare("b", 1)
		m := newMachine(t, genesisOf(a, b))
		made := map[verify.OrgID][][]byte{}
		change := rapid.IntRange(0, 200).Draw(t, "change")
		for i := range rapid.IntRange(1, 150).Draw(t, "blocks") {
			var txs [][]byte
			for range rapid.SampledFrom([]int{1, 1, 1, 1, 1, 1, 1, 0, 2, 20}).Draw(t, "anchors") {
				o, holder := a, b
				if rapid.IntRange(0, 3).Draw(t, "other") == 0 {
					o, holder = b, a
				}
				tx := o.anchor(m.chain, holder)
				made[o.Org] = append(made[o.Org], tx)
				txs = append(txs, tx)
			}
			if i == change {
				e := bare("e", 0)
				txs = append(txs, m.proposal(a, Join, e.Member, e))
			}
			m.block(txs...)
		}
		checkHistory(t, m, made)
		checkLog(t, m)
		reloaded(t, m)
		digest := sha256.Sum256([]byte("sijil/chain/1\x00" + m.chain))
		at, size := verify.Hash(digest), uint64(0)
		for h := range m.current.Load().Height + 1 {
			rec, err := m.store.record(h)
			if err != nil {
				t.Fatal(err)
			}
			var anchors []*ledger.Anchored
			if err := m.store.anchors(size, rec.LogSize, func(a *ledger.Anchored) error {
				anchors = append(anchors, a)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			at, size = fold(at, h, marshal(rec), anchors), rec.LogSize
		}
		if at != m.current.Load().Digest {
			t.Fatal("the history read back is another")
		}
		for _, beyond := range []int64{1, plainEvery, 1 << 40} {
			if _, err := m.store.record(m.current.Load().Height + beyond); !errors.Is(err, ledger.ErrNotFound) {
				t.Fatalf("a record %d beyond the last: %v", beyond, err)
			}
		}
		if _, err := m.store.byOrder(a.Org, uint64(len(made[a.Org]))); !errors.Is(err, ledger.ErrNotFound) {
			t.Fatalf("an anchor beyond the last: %v", err)
		}
	})
}

// calm makes a chain of single anchors of one organisation, one to a block.
func calm(t fatal, blocks int) (*machine, *org) {
	a := bare("a", 1)
	m := newMachine(t, genesisOf(a))
	for range blocks {
		m.block(a.anchor(m.chain))
	}
	return m, a
}

// TestACalmChainIsStoredShort counts what is kept of a day's usual blocks.
func TestACalmChainIsStoredShort(t *testing.T) {
	m, a := calm(t, 10*segmentSize)
	if n := m.store.rows(t, rowAnchor); n != 10*segmentSize {
		t.Errorf("%d anchors", n)
	}
	if n := m.store.rows(t, rowOrder); n != 10 {
		t.Errorf("%d rows of the order of 10 segments", n)
	}
	if n := m.store.rows(t, rowBlock); n > 2*10+2 { // the seals, and one each 64 blocks
		t.Errorf("%d records of %d plain blocks", n, 10*segmentSize)
	}
	size := 0
	if err := m.store.each([]byte{rowAnchor}, []byte{rowAnchor + 1}, func(_, v []byte) error { size += len(v); return nil }); err != nil {
		t.Fatal(err)
	}
	if each, whole := size/(10*segmentSize), len(a.anchor(m.chain)); each > whole-60 {
		t.Errorf("%d bytes for each anchor of %d", each, whole)
	}
}

// TestAMissingRowIsTold takes rows away: whatever rests on them says so, and does not pass for something else.
func TestAMissingRowIsTold(t *testing.T) {
	for name, k := range map[string][]byte{"an anchor": key(rowAnchor, 70), "a record": key(rowBlock, plainEvery)} {
		m, a := calm(t, 100)
		if err := m.store.db.Delete(k, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		m.store.segments.forget()
		failed := false
		for h := int64(1); h <= 100; h++ {
			b, err := m.store.block(h)
			if failed = failed || err != nil; err == nil && (len(b.Anchors) != 1 || binary.BigEndian.Uint64(b.Anchors[0].Bytes[9:]) != uint64(h-1)) {
				t.Errorf("%s: block %d has another anchor", name, h)
			}
		}
		if _, err := m.store.byOrder(a.Org, 80); name == "an anchor" && err == nil {
			t.Errorf("%s: what rests on it is given", name)
		}
		if !failed {
			t.Errorf("%s: nobody missed it", name)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	const blocks = 20_000
	m, a := calm(b, blocks)
	if err := m.store.db.Flush(); err != nil {
		b.Fatal(err)
	}
	b.Run("walk", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := m.store.block(int64(1 + i%blocks)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("order", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := m.store.byOrder(a.Org, uint64(i*7919%blocks)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("inclusion", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := m.store.inclusion(uint64(i*7919%blocks), blocks-5); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("block", func(b *testing.B) {
		for b.Loop() {
			m.block(a.anchor(m.chain))
		}
	})
}

// BenchmarkKept makes single anchors, one to a block, as a quiet day does, and measures what is kept of each on disk.
func BenchmarkKept(b *testing.B) {
	for _, holders := range []int{0, 1} {
		b.Run(fmt.Sprintf("custodians=%d", holders), func(b *testing.B) {
			dir := b.TempDir()
			st, err := openPebble(dir, pebbleLog{discard, new(shortage)}, false)
			if err != nil {
				b.Fatal(err)
			}
			o, holder := bare("a", 1), bare("b", 1)
			m := machineOn(b, genesisOf(o, holder), st)
			a := verify.Anchor{Org: o.Org, Count: verify.MinBatch, Time: m.time}
			for ; b.Loop(); a.Seq++ {
				a.Time += 950 + int64(a.Seq*7919%100)
				a.Root = sha256.Sum256(binary.BigEndian.AppendUint64(nil, a.Seq))
				a.Custodians = nil
				if holders > 0 {
					a.Custodians = []verify.Custody{{Org: holder.Org, Signature: verify.Signature(ed25519.Sign(holder.key, a.CustodyBytes(m.chain)))}}
				}
				a.Signature = verify.Signature(ed25519.Sign(o.key, a.SigningBytes(m.chain)))
				m.time = a.Time - 1500 - int64(a.Seq*6151%90)
				m.block(a.Encode())
				if m.current.Load().log.size != a.Seq+1 {
					b.Fatal("it was refused")
				}
				a.Prev = a.ID()
			}
			if err := errors.Join(st.db.Flush(), st.db.Compact(b.Context(), []byte{0}, []byte{0xff}, false), st.close()); err != nil {
				b.Fatal(err)
			}
			size, tables := int64(0), must(filepath.Glob(filepath.Join(dir, "*.sst")))
			for _, path := range tables {
				size += must(os.Stat(path)).Size()
			}
			b.ReportMetric(float64(size)/float64(b.N), "B/anchor")
		})
	}
}
