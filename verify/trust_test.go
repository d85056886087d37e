package verify

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrustFilesAreReadAsWritten(t *testing.T) {
	s, _, _ := successor(t)
	tr := s.trust()
	tr.Epochs, tr.Checkpoints, tr.Policy.Keys = s.epochs, []string{s.receipt.Log.Checkpoint}, 3
	b, err := tr.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseTrust(b)
	if diff := cmp.Diff(tr, again); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

func TestTrustFilesThatAreRefused(t *testing.T) {
	s := tell(t)
	good, err := s.trust().Encode()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) []byte {
		out := bytes.Replace(good, []byte(old), []byte(new), 1)
		if bytes.Equal(out, good) {
			t.Fatalf("%q is not in the file", old)
		}
		return out
	}
	for name, b := range map[string][]byte{
		"unknown name":    replace(`"format"`, `"extra": 1, "format"`),
		"name twice":      replace(`"format"`, `"format": "sijil-trust/1", "format"`),
		"capital letter":  replace(`"format"`, `"Format"`),
		"another format":  replace("sijil-trust/1", "sijil-trust/2"),
		"trailing bytes":  append(bytes.Clone(good), '{'),
		"broken UTF-8":    replace("Rural", "R\xffral"),
		"loose base64":    replace(`"nonce": "A`, `"nonce": "\nA`),
		"member's key":    replace(`"key": "`, `"key": "AAAA`),
		"too deep":        []byte(strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)),
		"nothing":         nil,
		"an open bracket": []byte("["),
	} {
		if _, err := ParseTrust(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	member := must(WitnessSigner("hospital.example", s.hospital.key)).Key()
	for name, alter := range map[string]func(tr *Trust){
		"witness twice":        func(tr *Trust) { tr.Witnesses = append(tr.Witnesses, tr.Witnesses[0]) },
		"a member as witness":  func(tr *Trust) { tr.Witnesses[0].VKey = member.String() },
		"a witness's key type": func(tr *Trust) { tr.Witnesses[0].VKey = c2spVKey },
		"no verifier key":      func(tr *Trust) { tr.Witnesses[0].VKey = "ministry" },
		"negative policy":      func(tr *Trust) { tr.Policy.Keys = -1 },
		"impossible policy":    func(tr *Trust) { tr.Policy.Keys = 1000 },
		"unsigned checkpoint": func(tr *Trust) {
			tr.Checkpoints = []string{s.note(s.world.checkpoint(), newOrg("Stranger", 1)).Encode()}
		},
		"no checkpoint":   func(tr *Trust) { tr.Checkpoints = []string{c2spCosigned} },
		"no note":         func(tr *Trust) { tr.Checkpoints = []string{"note"} },
		"no epoch":        func(tr *Trust) { tr.Epochs = []Epoch{{Checkpoint: s.receipt.Log.Checkpoint}} },
		"no members":      func(tr *Trust) { tr.Genesis.Members = nil },
		"a short lattice": func(tr *Trust) { tr.Genesis.Members[0].MLDSA = []byte{1} },
	} {
		tr, err := ParseTrust(good)
		if err != nil {
			t.Fatal(err)
		}
		alter(tr)
		if err := tr.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestGenesisThatIsRefused(t *testing.T) {
	s := tell(t)
	for name, alter := range map[string]func(g *Genesis){
		"order":                    func(g *Genesis) { g.Members[0], g.Members[1] = g.Members[1], g.Members[0] },
		"identifier":               func(g *Genesis) { g.Members[0].Org = OrgID{} },
		"power alone":              func(g *Genesis) { g.Members[0].Validator = PublicKey{} },
		"validator alone":          func(g *Genesis) { g.Members[0].Power = 0 },
		"negative power":           func(g *Genesis) { g.Members[0].Power = -1 },
		"too much power":           func(g *Genesis) { g.Members[0].Power = MaxPower },
		"one validator key twice":  func(g *Genesis) { g.Members[0].Validator = g.Members[1].Validator },
		"signing key as validator": func(g *Genesis) { g.Members[0].Validator = g.Members[0].Key },
		"control in a name":        func(g *Genesis) { g.Members[0].Name = "a\x1b[2J" },
		"newline in a name":        func(g *Genesis) { g.Members[0].Name = "a\nb" },
		"long name":                func(g *Genesis) { g.Members[0].Name = strings.Repeat("x", MaxName+1) },
		"nobody votes": func(g *Genesis) {
			for i := range g.Members {
				g.Members[i].Power, g.Members[i].Validator = 0, PublicKey{}
			}
		},
	} {
		g := s.genesis
		g.Members = append([]Member(nil), s.genesis.Members...)
		if err := g.Check(); err != nil {
			t.Fatal(err)
		}
		alter(&g)
		if err := g.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
