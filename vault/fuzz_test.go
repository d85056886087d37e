package vault

import (
	"bytes"
	"testing"
)

func FuzzPassphraseFile(f *testing.F) {
	f.Add([]byte(`{"format":"sijil/root/passphrase/1","argon2id":{"time":3,"memory_kib":65536,"threads":4},"salt":"AAAAAAAAAAAAAAAAAAAAAA==","wrapped":""}`))
	f.Add([]byte(`{} {}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePassphraseFile(text)
		if err == nil && (p.Argon.check() != nil || len(p.Salt) != 16 || len(p.Wrapped) != 60) {
			t.Fatal("unchecked values")
		}
	})
}

func FuzzPage(f *testing.F) {
	key, vault := [32]byte{1}, [16]byte{2}
	body := new([bodySize]byte)
	(&slotContent{compartment: Log, chart: "Patient/1"}).put(body, 0)
	f.Add(sealPage(&key, &vault, pageHead{pageID{0, 5}, 3, 2}, body))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parsePage(b)
		if err != nil {
			return
		}
		if h.id.level > rootLevel || uint64(h.id.number) >= MaxSlots/slotsPerLeaf {
			t.Fatalf("page %+v", h)
		}
		if _, _, err := openPage(&key, &vault, h.id, b); err == nil && len(b) != pageSize {
			t.Fatal("opened")
		}
	})
}

func FuzzLeaf(f *testing.F) {
	body := new([bodySize]byte)
	(&slotContent{compartment: Log, chart: "Patient/1"}).put(body, 3)
	f.Add(body[:])
	putSecrets(body, []string{"a"}, map[string][]byte{"a": []byte("x")})
	f.Add(body[:])
	f.Fuzz(func(t *testing.T, b []byte) {
		body := new([bodySize]byte)
		copy(body[:], b)
		for i := range slotsPerLeaf {
			if s, err := parseSlot(body, i); err == nil && len(s.chart) > MaxChart {
				t.Fatal("name too long")
			}
		}
		_, _ = parseSecrets(body)
	})
}

func FuzzTop(f *testing.F) {
	r := topRecord{root: "test", wrapped: []byte("wrapped"), epoch: 3, edition: 4}
	b, err := r.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := parseTop(b); ok {
			if again, err := r.encode(); err != nil || !bytes.Equal(again, b) {
				t.Fatal("two encodings of one record")
			}
		}
	})
}

func FuzzLog(f *testing.F) {
	key, vault := [32]byte{1}, [16]byte{2}
	h := pageHead{pageID{0, 5}, 3, 2}
	g := group{generation: 1, epoch: 2, frames: []sealedFrame{{h, sealPage(&key, &vault, h, new([bodySize]byte))}}}
	b, err := g.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(append(b, b[:50]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		groups, torn, err := parseLog(b, 1)
		size := torn
		for _, g := range groups {
			size += groupHeader + len(g.frames)*pageSize + 32
		}
		if err == nil && size != len(b) {
			t.Fatalf("%d bytes of %d accounted for", size, len(b))
		}
	})
}

func FuzzOpenBlob(f *testing.F) {
	k, _ := twoKeys(f)
	blob, err := k.SealBlob([]byte("aad"), []byte("content"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("aad"), blob)
	f.Fuzz(func(t *testing.T, aad, b []byte) {
		if _, err := k.OpenBlob(aad, b); err == nil && !(bytes.Equal(b, blob) && string(aad) == "aad") {
			t.Fatal("something else opens")
		}
	})
}

func FuzzEscrowPage(f *testing.F) {
	_, private := NewEscrowKey()
	f.Add(uint8(topLevel), uint64(0), uint64(1), escrowHead([16]byte{}, 0, 1))
	f.Fuzz(func(t *testing.T, level uint8, number, edition uint64, b []byte) {
		pages := []SealedPage{{level, number, edition, b}}
		if err := restoreFromEscrow("/keys", testRoot, private, pages, Options{disk: newMemDisk()}); err == nil {
			t.Fatal("a store from nothing")
		}
	})
}
