package chain

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestRotateValidatorLive has the only validator of a ledger, and then one of four, go over to a new key without being stopped.
func TestRotateValidatorLive(t *testing.T) {
	for name, powers := range map[string][]int64{"lone": {10}, "four": {10, 10, 10, 10}} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, powers...)
			a := n.orgs[0]
			n.commit(a, a.e)
			old := a.Validator
			to := a.Member
			var err error
			if to.Validator, err = StageValidator(a.cfg.keys()); err != nil {
				t.Fatal(err)
			}
			if again, err := StageValidator(a.cfg.keys()); err != nil || again != to.Validator {
				t.Fatalf("a second key: %v", err)
			}
			var voters []*org
			if len(n.orgs) == 4 {
				voters = []*org{n.orgs[1], n.orgs[2]}
			}
			n.decide(a, Update, to, nil, voters...)
			for range 5 {
				n.commit(a, n.orgs[len(n.orgs)-1].e)
			}
			signed := func() bool {
				n.commit(a, a.e)
				s := a.e.app.current.Load()
				p, err := a.e.Proof(t.Context(), s.Height)
				if err != nil {
					t.Fatal(err)
				}
				_, err = s.epochAt(s.Height).Validators.VerifyCommit(n.genesis.Chain(), &p.Header, &p.Commit)
				return err == nil && a.e.keys.public() == to.Validator
			}
			eventually(t, "a block signed with the new key", signed)
			if st, err := a.e.Status(t.Context()); err != nil || !st.Voting {
				t.Fatalf("it does not vote: %+v, %v", st, err)
			}
			if _, public, err := PublicKeys(a.cfg.keys()); err != nil || public != to.Validator {
				t.Fatalf("the new key is not in its place while the node runs: %v", err)
			}
			n.stop(a)
			n.start(a)
			n.commit(a, a.e)
			if _, public, err := PublicKeys(a.cfg.keys()); err != nil || public != to.Validator || public == old {
				t.Fatalf("after a restart the key in use is not the new one: %v", err)
			}
			if _, err := os.Stat(filepath.Join(a.cfg.keys(), nextDir)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a key still waits: %v", err)
			}
		})
	}
}

// TestTakeUpCutShort ends the exchange of keys after each of its steps and starts again.
func TestTakeUpCutShort(t *testing.T) {
	for cut := range 4 {
		dir := t.TempDir()
		if _, _, err := GenerateKeys(dir); err != nil {
			t.Fatal(err)
		}
		want, err := StageValidator(dir)
		if err != nil {
			t.Fatal(err)
		}
		next, old := filepath.Join(dir, nextDir), t.TempDir()
		steps := [][2]string{
			{filepath.Join(dir, validatorKeyFile), filepath.Join(old, validatorKeyFile)},
			{filepath.Join(dir, signStateFile), filepath.Join(old, signStateFile)},
			{filepath.Join(next, signStateFile), filepath.Join(dir, signStateFile)},
			{filepath.Join(next, validatorKeyFile), filepath.Join(dir, validatorKeyFile)},
		}
		for _, s := range steps[:cut+1] {
			if err := os.Rename(s[0], s[1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, got, err := PublicKeys(dir); err != nil || got != want {
			t.Errorf("after step %d: %v", cut, err)
		}
		if s, err := readSignState(filepath.Join(dir, signStateFile)); err != nil || s.Height != 0 {
			t.Errorf("after step %d: the record of what was signed: %v", cut, err)
		}
	}
}
