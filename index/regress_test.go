package index

import "testing"

func TestOlderVersionDoesNotBecomeTheCurrentOne(t *testing.T) {
	x := open(t, t.TempDir())
	defer x.Close()
	update := func(number uint64, code string) *Batch {
		return &Batch{Updates: []Update{{Type: "Observation", ID: "a", Version: Version{Number: number, Created: number == 1},
			Terms: []Term{{Param: "code", Kind: Token, Value: "s|" + code}}}}}
	}
	apply(t, x, update(1, "one"))
	apply(t, x, update(2, "two"))
	apply(t, x, update(1, "one"))
	if v, err := x.Current("Observation", "a"); err != nil || v.Number != 2 {
		t.Errorf("version %d is the current one: %v", v.Number, err)
	}
	if ids := search(t, x, "Observation", "", Filter{Param: "code", Kind: Token, Any: []Test{{Value: "s|one"}}}); len(ids) != 0 {
		t.Errorf("found by what it no longer says: %v", ids)
	}
}
