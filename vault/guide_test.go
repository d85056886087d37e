package vault

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/verify"
)

// TestGuide: every pair within the limits comes back, under its own tag alone, and none beyond them is taken.
func TestGuide(t *testing.T) {
	v := memVault(t, newMemDisk())
	rapid.Check(t, func(t *rapid.T) {
		slot, number := rapid.Uint64Max(MaxSlots-1).Draw(t, "slot"), rapid.Uint64Max(MaxNumbers-1).Draw(t, "number")
		tag := verify.Tag(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "tag"))
		guide, err := v.Guide(tag, slot, number)
		if err != nil {
			t.Fatal(err)
		}
		if s, n := v.OpenGuide(tag, guide); s != slot || n != number {
			t.Fatalf("%d, %d became %d, %d", slot, number, s, n)
		}
		other := tag
		other[rapid.IntRange(0, 15).Draw(t, "at")] ^= 1
		if s, n := v.OpenGuide(other, guide); s == slot && n == number {
			t.Fatal("the pad does not depend on all of the tag")
		}
	})
	for _, beyond := range [][2]uint64{{0, MaxNumbers}, {MaxSlots, 0}, {1 << 63, 1 << 63}} {
		if _, err := v.Guide(verify.Tag{}, beyond[0], beyond[1]); !errors.Is(err, ErrLimit) {
			t.Errorf("%d: %v", beyond, err)
		}
	}
}
