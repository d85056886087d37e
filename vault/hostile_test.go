package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"testing"
)

// TestHostilePagesDoNotKeepAStoreFromBeingRestored mixes what a hostile custodian can make up into the true pages.
func TestHostilePagesDoNotKeepAStoreFromBeingRestored(t *testing.T) {
	public, private := NewEscrowKey()
	store := func(dir, seed string) []SealedPage {
		t.Helper()
		v, err := Create(dir, testRoot, Options{disk: newMemDisk(), Escrow: public})
		if err != nil {
			t.Fatal(err)
		}
		mustKey(t, v, "Patient/1", Log)
		if err := v.PutSecret("seed", []byte(seed)); err != nil {
			t.Fatal(err)
		}
		pages, _, err := v.EscrowPages(0, MaxEscrowSet)
		if err != nil {
			t.Fatal(err)
		}
		return pages
	}
	pages := store("/own", "own")
	hostile := []SealedPage{
		{Level: 200, Number: 0, Bytes: []byte("x")},
		{Level: topLevel, Number: math.MaxUint64, Edition: math.MaxUint64},
		{Level: 0, Number: MaxSlots, Edition: math.MaxUint64},
	}
	for _, p := range pages {
		p.Edition = math.MaxUint64
		hostile = append(hostile, SealedPage{p.Level, p.Number, math.MaxUint64, []byte("garbage")})
		p.Bytes = bytes.Clone(p.Bytes)
		if p.Top() {
			binary.BigEndian.PutUint64(p.Bytes[escrowHeader-8:], math.MaxUint64)
		} else {
			binary.BigEndian.PutUint64(p.Bytes[16:], math.MaxUint64) // with a good checksum
			sum := crc32.Update(crc32.Checksum(p.Bytes[:pageFixed], castagnoli), castagnoli, p.Bytes[pageHeader:])
			binary.BigEndian.PutUint32(p.Bytes[pageFixed:], sum)
		}
		hostile = append(hostile, p)
	}
	// A whole store of the custodian's own making, sealed to the organisation's public key and newer.
	forged := store("/forged", "another")
	for range 5 {
		forged = append(forged, store("/forged", "another")...)
	}
	hostile = append(hostile, forged...)
	d := newMemDisk()
	genuine := func(secret func(string) ([]byte, error)) error {
		if s, err := secret("seed"); err != nil || string(s) != "own" {
			return errors.New("another's")
		}
		return nil
	}
	if err := restoreFromEscrow("/r", testRoot, private, append(hostile, pages...), Options{disk: d, genuine: genuine}); err != nil {
		t.Fatal(err)
	}
	v, err := Open("/r", testRoot, Options{disk: d, Escrow: public})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := v.Lookup("Patient/1", Log); !ok {
		t.Error("a key is missing")
	}
	if editions := v.EscrowEditions(); slices.ContainsFunc(editions, func(p SealedPage) bool { return p.Edition >= 1<<62 || p.Edition == 0 }) {
		t.Errorf("editions are used up: %+v", editions)
	}
	if err := restoreFromEscrow("/f", testRoot, private, forged, Options{disk: newMemDisk(), genuine: genuine}); !errors.Is(err, ErrEscrow) {
		t.Errorf("a forged store alone: %v", err)
	}
}

// FuzzForeignPages offers bytes as pages of every place beside the true ones.
func FuzzForeignPages(f *testing.F) {
	public, private := NewEscrowKey()
	v, err := Create("/keys", testRoot, Options{disk: newMemDisk(), Escrow: public})
	if err != nil {
		f.Fatal(err)
	}
	pages, _, err := v.EscrowPages(0, MaxEscrowSet)
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range pages {
		f.Add(p.Level, p.Number, p.Edition+1, p.Bytes)
	}
	f.Fuzz(func(t *testing.T, level uint8, number, edition uint64, b []byte) {
		mixed := append([]SealedPage{{level, number, edition, b}}, pages...)
		if err := restoreFromEscrow("/r", testRoot, private, mixed, Options{disk: newMemDisk()}); err != nil {
			t.Fatal(err)
		}
	})
}
