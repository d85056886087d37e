package verify

import (
	"errors"
	"testing"
)

// further is the honest receipt with a second checkpoint, which another witness cosigned when the log had grown.
func further(t testing.TB) (*story, *Receipt, *NoteSigner) {
	s := tell(t)
	r := copyOf(t, s.receipt)
	r.Block = nil
	s.block(s.orgs, s.anchor(s.lab, s.pad(nil)))
	university := witness(t, "university.example/witness")
	later := copyOf(t, r)
	s.prove(later, s.cosign(s.note(s.world.checkpoint(), s.clinic), university))
	r.Further = []LogProof{*later.Log}
	return s, r, university
}

func (s *story) trustBoth(university *NoteSigner) *Trust {
	tr := s.trust()
	tr.Witnesses = append(tr.Witnesses, Witness{Name: "University", VKey: university.Key().String()})
	return tr
}

func TestWitnessesOfTwoCheckpointsBothCount(t *testing.T) {
	s, r, university := further(t)
	both := s.trustBoth(university)
	res, err := Verify(r, both, Options{Keys: 6})
	if err != nil || len(res.Cosigned) != 2 || res.LogSize != 11 {
		t.Fatal(res, err)
	}
	res, err = Verify(r, s.trust(), Options{Keys: 6})
	if !errors.Is(err, ErrNotWitnessed) || len(res.Keys) != 5 {
		t.Fatal(res, err)
	}
	// The same one twice adds nobody.
	r.Further = []LogProof{*r.Log}
	if res, err = Verify(r, both, Options{}); err != nil || len(res.Keys) != 5 || len(res.Cosigned) != 1 || len(res.PostQuantum) != 1 {
		t.Fatal(res, err)
	}
}

func TestAFurtherCheckpointIsCheckedLikeTheFirst(t *testing.T) {
	for _, a := range alteredFurther() {
		t.Run(a.name, func(t *testing.T) {
			s, r, university := further(t)
			a.spoil(s, r)
			_, err := Verify(r, s.trustBoth(university), Options{})
			wantStep(t, err, a.step)
		})
	}
}

func alteredFurther() []attack {
	return []attack{
		{"none before it", func(_ *story, r *Receipt) { r.Log = nil }, StepReceipt},
		{"another index", func(_ *story, r *Receipt) { r.Further[0].Index++ }, StepReceipt},
		{"too many", func(_ *story, r *Receipt) { r.Further = make([]LogProof, maxFurther+1) }, StepReceipt},
		{"a long path", func(_ *story, r *Receipt) { r.Further[0].Path = make([]Hash, maxPath+1) }, StepReceipt},
		{"the path of the first", func(_ *story, r *Receipt) { r.Further[0].Path = r.Log.Path }, StepLog},
		{"signed by a stranger", func(s *story, r *Receipt) {
			r.Further[0].Checkpoint = s.note(s.world.checkpoint(), newOrg("Stranger", 1)).Encode()
		}, StepCheckpoint},
		{"no note", func(_ *story, r *Receipt) { r.Further[0].Checkpoint = "x" }, StepCheckpoint},
		{"another tree of the first's size", func(s *story, r *Receipt) {
			_, c, _ := openCheckpoint(r.Log.Checkpoint)
			c.Root[0] ^= 1
			r.Further[0].Checkpoint = s.note(c, s.clinic).Encode()
		}, StepCheckpoint},
	}
}
