package vault

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// thief has everything that was ever written to the disk, except that of the slot file only what lies there now, and
// the root key.
type thief struct {
	frames [levels][][]byte // every version of every page
	vault  [16]byte
	keys   map[[32]byte]bool // whatever it found
	charts map[string]bool
	text   []byte // all opened leaves
}

func newThief(d *memDisk, id [16]byte) *thief {
	th := &thief{vault: id, keys: map[[32]byte]bool{}, charts: map[string]bool{}}
	seen := map[string]bool{}
	for name, writes := range d.history {
		if name == topName {
			continue
		}
		for _, w := range writes {
			for at := 0; at+pageSize <= len(w); at++ {
				if !bytes.HasPrefix(w[at:], []byte(pageMagic)) {
					continue
				}
				frame := w[at : at+pageSize]
				if h, err := parsePage(frame); err == nil && !seen[string(frame)] {
					seen[string(frame)] = true
					th.frames[h.id.level] = append(th.frames[h.id.level], frame)
				}
			}
		}
	}
	return th
}

// rob tries every key on every version of every page, from the top down, until nothing new opens.
func (th *thief) rob(tops ...[32]byte) {
	for _, k := range tops {
		th.keys[k] = true
	}
	for level := rootLevel; level >= 0; level-- {
		var found [][32]byte
		for _, frame := range th.frames[level] {
			h, _ := parsePage(frame)
			for key := range th.keys {
				_, body, err := openPage(&key, &th.vault, h.id, frame)
				if err != nil {
					continue
				}
				if level == 0 {
					th.text = append(th.text, body[:]...)
					for i := range slotsPerLeaf {
						if s, err := parseSlot(body, i); err == nil {
							th.charts[s.chart] = true
							found = append(found, s.cek)
						}
					}
					continue
				}
				for i := range fanOut {
					found = append(found, [32]byte(body[i*32:]))
				}
			}
		}
		for _, k := range found {
			th.keys[k] = true
		}
	}
}

// topsIn unwraps every top secret that can be read in the given blocks.
func topsIn(t *testing.T, writes ...[]byte) (secrets [][32]byte) {
	t.Helper()
	for _, w := range writes {
		for at := 0; at+topBlock <= len(w); at += topBlock {
			r, ok := parseTop(w[at : at+topBlock])
			if !ok {
				continue
			}
			b, err := testRoot.Unwrap(context.Background(), r.wrapped, topAAD(r.vault, r.epoch, r.edition))
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, [32]byte(b))
		}
	}
	return secrets
}

func TestErasedChartOpensWithNothingLeft(t *testing.T) {
	d := newMemDisk()
	v, err := Create("/data/keys", testRoot, crashOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 120 {
		for _, c := range []Compartment{Log, Labs} {
			mustKey(t, v, fmt.Sprintf("Patient/%d", i), c)
		}
	}
	if err := v.PutSecret("old", []byte("a secret to be replaced")); err != nil {
		t.Fatal(err)
	}
	victim := mustKey(t, v, "Patient/77", Labs)
	blob, err := victim.SealBlob([]byte("aad"), []byte("potassium 7.1"))
	if err != nil {
		t.Fatal(err)
	}
	sealed, _, err := victim.SealEntry(4, []byte("entry"))
	if err != nil {
		t.Fatal(err)
	}
	opens := func(th *thief) (blobs, entries bool) {
		for cek := range th.keys {
			k := &Key{vault: v, cek: cek}
			k.checked.Store(v.erasures.Load())
			if _, err := k.OpenBlob([]byte("aad"), blob); err == nil {
				blobs = true
			}
			if _, _, err := k.OpenEntry(4, sealed); err == nil {
				entries = true
			}
		}
		return blobs, entries
	}
	if err := v.PutSecret("old", []byte("the new one")); err != nil {
		t.Fatal(err)
	}
	if err := v.EraseChart("Patient/77"); err != nil {
		t.Fatal(err)
	}
	mustKey(t, v, "Patient/after", Labs)
	onDisk := d.now.files["/data/keys/top"].data

	th := newThief(d, v.id)
	th.rob(topsIn(t, onDisk)...)
	if blobs, entries := opens(th); blobs || entries {
		t.Error("content of the erased chart opens")
	}
	if th.charts["Patient/77"] || bytes.Contains(th.text, []byte("to be replaced")) {
		t.Error("an old version of a page opens")
	}
	if !th.charts["Patient/76"] || !th.charts["Patient/after"] || !bytes.Contains(th.text, []byte("the new one")) {
		t.Error("what was not erased does not open: the test proves nothing")
	}

	// With the secrets that were overwritten the same search does find it: the search works, and the overwriting is
	// what matters.
	th = newThief(d, v.id)
	th.rob(topsIn(t, d.history[topName]...)...)
	if blobs, entries := opens(th); !blobs || !entries || !th.charts["Patient/77"] || !bytes.Contains(th.text, []byte("to be replaced")) {
		t.Error("the search does not find what is there")
	}
}

func TestErasureTouchesNothingElse(t *testing.T) {
	d := newMemDisk()
	v := memVault(t, d)
	tags := map[string]any{}
	for i := range 300 {
		chart := fmt.Sprintf("Patient/%d", i)
		tags[chart] = mustKey(t, v, chart, General).Tag(1)
	}
	for i := 0; i < 300; i += 7 {
		chart := fmt.Sprintf("Patient/%d", i)
		if err := v.EraseChart(chart); err != nil {
			t.Fatal(err)
		}
		delete(tags, chart)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	v = mustOpen(t, d, "/keys")
	n := 0
	for chart := range v.Charts() {
		n++
		if k, ok := v.Lookup(chart, General); !ok || k.Tag(1) != tags[chart] {
			t.Fatalf("%s is another", chart)
		}
	}
	if n != len(tags) {
		t.Fatalf("%d charts, want %d", n, len(tags))
	}
}

func TestErrorsNameNoChart(t *testing.T) {
	v := memVault(t, newMemDisk())
	k := mustKey(t, v, "Patient/jane-doe", Labs)
	_, e1 := k.OpenBlob(nil, []byte("x"))
	_, e2 := v.Key("Patient/jane-doe", Audit)
	_, e3 := v.Key("Patient/jane-doe"+strings.Repeat("x", MaxChart), Labs)
	if err := v.EraseChart("Patient/jane-doe"); err != nil {
		t.Fatal(err)
	}
	_, e4 := k.SealBlob(nil, nil)
	for _, err := range []error{e1, e2, e3, e4} {
		if err == nil || strings.Contains(err.Error(), "jane") {
			t.Errorf("error text: %v", err)
		}
	}
}
