package node

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// FuzzReadMessage reads messages of a feed as they come off the wire: whole ones, cut ones, and ones that announce more than they bring.
func FuzzReadMessage(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 3, 1, 2, 3})
	f.Add([]byte{0, 0, 0, 3, 1})
	f.Add(binary.BigEndian.AppendUint32(nil, chain.MaxFed))
	f.Add(binary.BigEndian.AppendUint32(nil, chain.MaxFed+1))
	f.Fuzz(func(t *testing.T, b []byte) {
		message, err := readMessage(bytes.NewReader(b))
		whole := len(b) >= 4 && uint64(binary.BigEndian.Uint32(b)) <= min(uint64(len(b)-4), chain.MaxFed)
		if whole != (err == nil) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if whole && !bytes.Equal(message, b[4:4+len(message)]) {
			t.Fatal("another message")
		}
	})
}

func TestReadersAreBounded(t *testing.T) {
	var r readers
	org := verify.OrgID{1}
	var leave []func()
	for range maxFeeds {
		l, ok := r.enter(org)
		if !ok {
			t.Fatal("refused too early")
		}
		leave = append(leave, l)
	}
	if _, ok := r.enter(org); ok {
		t.Error("one member may have any number of feeds")
	}
	if _, ok := r.enter(verify.OrgID{2}); !ok {
		t.Error("one member's feeds keep another out")
	}
	for _, l := range leave {
		l()
	}
	if r.has(org) || !r.has(verify.OrgID{2}) {
		t.Error("who is fed is not told")
	}
}
