package verify

import (
	"errors"
	"testing"
)

func TestDroppedEntriesShow(t *testing.T) {
	o := newOrg("Teaching Hospital", 1)
	whole := chart(o, 6)
	if err := VerifyChain(whole); err != nil {
		t.Fatal(err)
	}
	remade := chart(o, 4) // entry 3 dropped before it was anchored, and its number given to what came next
	e, _ := DecodeEntry(remade[3].Body)
	e.Actor = "Practitioner/other"
	remade[3].Body = e.Encode()
	spliced := append(append([]OpenedEntry(nil), remade...), whole[4:]...)
	reused := append([]OpenedEntry(nil), whole...)
	reused[5].Tag = reused[2].Tag
	foreign := append([]OpenedEntry(nil), whole...)
	foreign[2] = chart(newOrg("Laboratory", 1), 3)[2]
	for name, c := range map[string]struct {
		entries []OpenedEntry
		number  uint64
	}{
		"left out":          {append(append([]OpenedEntry(nil), whole[:3]...), whole[4:]...), 3},
		"the first missing": {whole[1:], 0},
		"replaced":          {spliced, 4},
		"a tag reused":      {reused, 5},
		"of another chart":  {foreign, 2},
		"twice":             {append(append([]OpenedEntry(nil), whole[:3]...), whole[2:]...), 3},
		"no entry":          {[]OpenedEntry{{}}, 0},
	} {
		var ce *ChartError
		if err := VerifyChain(c.entries); !errors.As(err, &ce) || ce.Number != c.number {
			t.Errorf("%s: got %v, want entry %d named", name, err, c.number)
		}
	}
}

func TestAnchorsOfOneOrganisation(t *testing.T) {
	o := newOrg("Teaching Hospital", 1)
	w := newWorld(t, o)
	entries := chart(o, 6)
	tags := func(e []OpenedEntry) (out []Tag) {
		for i := range e {
			out = append(out, e[i].Tag)
		}
		return out
	}
	first, second := w.pad(entries[:3]), w.pad(entries[3:])
	a, b := w.anchor(o, first), w.anchor(o, second)
	key := publicOf(o.key)
	walk := func(anchors []*Anchor, batches ...Batch) error {
		walk := AnchorWalk{Chain: w.chain, Org: o.id}
		for i := range anchors {
			var batch Batch
			if i < len(batches) {
				batch = batches[i]
			}
			if err := walk.Add(anchors[i], key, batch); err != nil {
				return err
			}
		}
		return nil
	}
	one, two := Batch{tags(entries[:3]), first}, Batch{tags(entries[3:]), second}
	if err := walk([]*Anchor{a, b}, one, two); err != nil {
		t.Fatal(err)
	}
	if err := walk([]*Anchor{a, b}); err != nil {
		t.Fatal(err)
	}

	// The administrator drops entry 2 once a custodian holds it, and uses its number again in the next batch.
	again := Batch{Tags: append([]Tag{entries[2].Tag}, two.Tags...)}
	if err := walk([]*Anchor{a, b}, one, again); !errors.Is(err, ErrTagReused) {
		t.Fatalf("got %v, want a reused tag", err)
	}
	if err := walk([]*Anchor{a}, Batch{Tags: []Tag{{1}, {1}}}); !errors.Is(err, ErrTagReused) {
		t.Fatalf("got %v, want a reused tag", err)
	}
	brokenAnchors(t, w, o, walk, a, b, one, two)
}

// brokenAnchors are walks that must end in an AnchorError.
func brokenAnchors(t *testing.T, w *world, o *org, walk func([]*Anchor, ...Batch) error, a, b *Anchor, one, two Batch) {
	first := one.Leaves
	unsigned, fork := *b, *b
	high, falls := *a, *b
	high.Control = 7
	high.Signature = sign(o.key, high.SigningBytes(w.chain))
	falls.Prev, falls.Control = high.ID(), 6
	falls.Signature = sign(o.key, falls.SigningBytes(w.chain))
	unsigned.Time++
	fork.Prev[0] ^= 1
	fork.Signature = sign(o.key, fork.SigningBytes(w.chain))
	other := w.anchor(newOrg("Laboratory", 1), first)
	for name, err := range map[string]error{
		"left out":      walk([]*Anchor{b}),
		"twice":         walk([]*Anchor{a, a}),
		"unsigned":      walk([]*Anchor{a, &unsigned}),
		"predecessor":   walk([]*Anchor{a, &fork}),
		"control falls": walk([]*Anchor{&high, &falls}),
		"other owner":   walk([]*Anchor{other}),
		"other leaves":  walk([]*Anchor{a, b}, one, Batch{two.Tags, first}),
		"too many tags": walk([]*Anchor{a}, Batch{Tags: make([]Tag, 16)}),
	} {
		var ae *AnchorError
		if !errors.As(err, &ae) {
			t.Errorf("%s: got %v, want an AnchorError", name, err)
		}
	}
}
