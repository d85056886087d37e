package vault

import (
	"bytes"
	"errors"
	"testing"
)

func TestRepeatableSealIsTheSameAndOpensOnlyWhole(t *testing.T) {
	v := memVault(t, newMemDisk())
	k, other := mustKey(t, v, "", Audit), mustKey(t, v, "", Index)
	plain := []byte("batch 7 has 12 entries")
	one, err := k.SealRepeatable("manifest", plain)
	if err != nil {
		t.Fatal(err)
	}
	two, _ := k.SealRepeatable("manifest", plain)
	if !bytes.Equal(one, two) || bytes.Contains(one, plain) {
		t.Fatal("it is not repeatable, or not sealed")
	}
	if got, err := k.OpenRepeatable("manifest", one); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q, %v", got, err)
	}
	for i := range one {
		bad := bytes.Clone(one)
		bad[i] ^= 1
		if _, err := k.OpenRepeatable("manifest", bad); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
	for what, err := range map[string]error{
		"another label": second(k.OpenRepeatable("seed", one)),
		"another key":   second(other.OpenRepeatable("manifest", one)),
		"cut short":     second(k.OpenRepeatable("manifest", one[:10])),
	} {
		if !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := k.SealRepeatable("manifest", make([]byte, MaxRepeatable+1)); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

func second(_ []byte, err error) error { return err }
