package verify

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBothFormsOfAReceiptAreTheSame(t *testing.T) {
	_, r, _ := successor(t)
	for _, r := range []*Receipt{tell(t).receipt, r} {
		text, err := r.EncodeJSON()
		if err != nil {
			t.Fatal(err)
		}
		compact, err := r.EncodeCompact()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{text, compact, append([]byte(" \n"), text...)} {
			got, err := ReadReceipt(b)
			if diff := cmp.Diff(r, got); err != nil || diff != "" {
				t.Fatal(err, diff)
			}
		}
	}
}

// A QR code of version 40 holds 2331 bytes at error correction M, 2953 at L (ISO/IEC 18004).
func TestACompactReceiptFitsAQRCode(t *testing.T) {
	r := tell(t).receipt
	r.Log = nil
	b, err := r.EncodeCompact()
	if err != nil || len(b) > 2331 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	t.Logf("%d bytes", len(b))
}

func TestReceiptsThatAreRefused(t *testing.T) {
	s := tell(t)
	compact, err := s.receipt.EncodeCompact()
	if err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(r *Receipt){
		"format":           func(r *Receipt) { r.Format = "sijil-receipt/2" },
		"no chain":         func(r *Receipt) { r.Chain = "" },
		"long chain":       func(r *Receipt) { r.Chain = string(make([]byte, maxChainID+1)) },
		"neither":          func(r *Receipt) { r.Block, r.Log = nil, nil },
		"long entry":       func(r *Receipt) { r.Entry.Body = make([]byte, MaxEntry+1) },
		"long batch path":  func(r *Receipt) { r.Batch.Path = make([]Hash, maxPath+1) },
		"long data path":   func(r *Receipt) { r.Block.Path = make([]Hash, maxPath+1) },
		"long log path":    func(r *Receipt) { r.Log.Path = make([]Hash, maxPath+1) },
		"many signatures":  func(r *Receipt) { r.Block.Commit.Signatures = make([]CommitSig, MaxMembers+1) },
		"many epochs":      func(r *Receipt) { r.Epochs = make([]Epoch, maxEpochs+1) },
		"long application": func(r *Receipt) { r.Block.Header.App = make([]byte, 65) },
	} {
		r := copyOf(t, s.receipt)
		alter(r)
		if _, err := r.EncodeJSON(); err == nil {
			t.Errorf("%s: written as JSON", name)
		}
		if _, err := r.EncodeCompact(); err == nil {
			t.Errorf("%s: written as CBOR", name)
		}
		_, err := check(t, r, s.trust())
		wantStep(t, err, StepReceipt)
	}
	for name, b := range map[string][]byte{
		"nothing":      nil,
		"cut short":    compact[:len(compact)-1],
		"bytes after":  append(bytes.Clone(compact), 0),
		"no map":       {0x80},
		"empty object": []byte("{}"),
		"array":        []byte("[]"),
		"name twice":   []byte(`{"format":"sijil-receipt/1","format":"sijil-receipt/1"}`),
	} {
		if _, err := ReadReceipt(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
