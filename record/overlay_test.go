package record

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sijil-health/sijil/index/term"
)

// TestOverlayIsBounded: versions on their way into the index take a bounded number of bytes, not only a number of places, and none are taken that
// will never arrive.
func TestOverlayIsBounded(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel() // whoever would have to wait is told so
	for name, each := range map[string]*written{
		"large ciphertexts": {blob: make([]byte, 64<<10)},
		"many terms":        {terms: make([]term.Term, 1000)},
		"small ones":        {blob: make([]byte, 100)},
	} {
		o := newOverlay()
		n := uint64(0)
		for ; o.room(gone) == nil; n++ {
			if n > maxOverlay {
				t.Fatalf("%s: there is always room", name)
			}
			w := *each
			w.typ, w.id = "Observation", fmt.Sprint(n)
			o.add(n, []*written{&w})
		}
		if held := int(n) * each.size(); held > maxOverlayBytes+each.size() {
			t.Errorf("%s: %d bytes are held", name, held)
		}
		o.stall(errors.New("damage"))
		if err := o.room(t.Context()); err == nil || err.Error() != "damage" {
			t.Errorf("%s: full, and the index stands still: %v", name, err)
		}
		o.applied(n / 2)
		if err := o.room(gone); err != nil {
			t.Errorf("%s: half of it has arrived: %v", name, err)
		}
		o.applied(n)
		if o.bytes != 0 || len(o.entries) != 0 || len(o.writes) != 0 {
			t.Errorf("%s: %d bytes, %d entries are left", name, o.bytes, len(o.entries))
		}
		o.fail(errors.New("over"))
		if err := o.room(t.Context()); err == nil || err.Error() != "over" {
			t.Errorf("%s: the index never goes on: %v", name, err)
		}
	}
}
