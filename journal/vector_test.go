package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/verify"
)

// specVector is journal.json of the specification's test vectors. Package verify reads it by the specification alone.
type specVector struct {
	Record string   `json:"record"`
	First  uint64   `json:"first"`
	Time   int64    `json:"time"`
	Leaves []string `json:"leaves"`
	Blobs  []string `json:"blobs"`
	Key    string   `json:"key"`     // of the marks in Segment
	Sealed string   `json:"segment"` // the whole of segment 0, with sealed records
}

func makeVector(t *testing.T) *specVector {
	r := sample(3, 2, 96)
	r.First, r.Time = 41, 1772352000000
	r.Entries[0].Envelope = Envelope([]verify.Hash{sha256.Sum256(r.Blobs[0])}, r.Entries[0].Envelope)
	v := &specVector{Record: hex.EncodeToString(r.Append(nil)), First: r.First, Time: r.Time}
	for i := range r.Entries {
		v.Leaves = append(v.Leaves, r.Entries[i].Leaf().String())
	}
	for _, b := range r.Blobs {
		v.Blobs = append(v.Blobs, hex.EncodeToString(b))
	}
	key, dir := Key{1, 2, 3}, t.TempDir()
	j := mustOpen(t, dir, Options{Key: key})
	for i := range 3 {
		put(t, j, sample(uint64(1+i), 1, 32))
	}
	j.Close()
	v.Key, v.Sealed = hex.EncodeToString(key[:]), hex.EncodeToString(readFile(t, segmentName(dir, 0)))
	return v
}

// TestVectorIsFixed holds what this package writes against the published vector.
func TestVectorIsFixed(t *testing.T) {
	got, err := json.MarshalIndent(makeVector(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("..", "verify", "testdata", "journal.json")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		writeFile(t, golden, append(got, '\n'))
	}
	same(t, "journal.json", string(got)+"\n", string(readFile(t, golden)))
}
