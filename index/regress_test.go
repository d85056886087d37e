package index

import (
	"testing"

	"github.com/sijil-health/sijil/journal"
)

// TestAppliedAgain applies records that are in already: neither the current version, nor its terms, nor the position change.
func TestAppliedAgain(t *testing.T) {
	x := open(t, t.TempDir())
	defer x.Close()
	update := func(number uint64, code string) *Batch {
		return &Batch{
			Records: []journal.Cursor{{Entry: number - 1}}, Position: journal.Cursor{Entry: number},
			Updates: []Update{{Type: "Observation", ID: "a", Version: Version{Number: number, Created: number == 1, Entry: number - 1},
				Terms: []Term{{Param: "code", Kind: Token, Value: "s|" + code}}}},
		}
	}
	apply(t, x, update(1, "one"))
	apply(t, x, update(2, "two"))
	apply(t, x, update(1, "one"))
	if v, err := x.Current("Observation", "a"); err != nil || v.Number != 2 {
		t.Errorf("version %d is the current one: %v", v.Number, err)
	}
	if at, err := x.Position(); err != nil || at.Entry != 2 {
		t.Errorf("it goes on from %d: %v", at.Entry, err)
	}
	if ids := search(t, x, "Observation", 0, Filter{Param: "code", Kind: Token, Any: []Test{{Value: "s|one"}}}); len(ids) != 0 {
		t.Errorf("found by what it no longer says: %v", ids)
	}
}
