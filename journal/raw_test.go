package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"testing"
)

// TestReadRaw reads ciphertexts by the places that their records give, without the records.
func TestReadRaw(t *testing.T) {
	j := mustOpen(t, t.TempDir(), Options{})
	type place struct {
		segment uint32
		offset  int64
		blob    []byte
	}
	var places []place
	for seed := range uint64(12) {
		r := sample(seed, 1+int(seed), 100+int(seed)*37)
		r.Blobs = append(r.Blobs, bytes.Repeat([]byte{byte(seed), 1}, 300))
		put(t, j, r)
	}
	if err := j.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	put(t, j, sample(3, 2, 500))
	err := Scan(j.dir, Cursor{}, func(at Located) error {
		for i, s := range at.Record.BlobSpans() {
			if blob := at.Record.Blobs[i]; s.Length != len(blob) || s.Hash != sha256.Sum256(blob) {
				t.Errorf("span %+v of a ciphertext of %d bytes", s, len(blob))
			}
			places = append(places, place{at.At.Segment, at.At.Offset + FrameHeader + int64(s.Offset), bytes.Clone(at.Record.Blobs[i])})
		}
		return nil
	})
	if err != nil || len(places) < 12 {
		t.Fatal(len(places), err)
	}
	for _, p := range places {
		if b, err := j.ReadRaw(p.segment, p.offset, len(p.blob)); err != nil || !bytes.Equal(b, p.blob) {
			t.Errorf("at %d of segment %d: %v", p.offset, p.segment, err)
		}
	}
	if len((&Record{}).BlobSpans()) > 0 {
		t.Error("spans in a record without ciphertexts")
	}
}

func TestReadRawOutside(t *testing.T) {
	j := mustOpen(t, t.TempDir(), Options{})
	put(t, j, sample(1, 3, 400))
	end := j.End()
	for _, c := range []struct {
		segment uint32
		offset  int64
		length  int
	}{{0, -1, 1}, {0, end.Offset, 1}, {0, 0, int(end.Offset) + 1}, {0, 0, -1}, {1, 0, 1}, {0, 0, MaxRecord + 1}, {0, 1<<63 - 1, 1}} {
		if _, err := j.ReadRaw(c.segment, c.offset, c.length); !errors.Is(err, ErrCursor) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestReadRawDamaged names file and segment when the bytes are gone.
func TestReadRawDamaged(t *testing.T) {
	j := mustOpen(t, t.TempDir(), Options{})
	put(t, j, sample(1, 3, 400))
	if err := j.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	put(t, j, sample(2, 3, 400))
	end := j.End()
	name := segmentName(j.dir, end.Segment)
	if err := os.Truncate(name, 8); err != nil {
		t.Fatal(err)
	}
	_, err := j.ReadRaw(end.Segment, end.Offset-64, 32)
	damage := (*DamageError)(nil)
	if !errors.As(err, &damage) || damage.File != name || damage.Segment != end.Segment || damage.Offset != end.Offset-64 {
		t.Errorf("%+v", err)
	}
}
