package node

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/verify"
)

// Found makes a genesis from the descriptions of its founders. Every founder must then be given the same file (Adopt): the chain's
// name is its hash.
func Found(members []verify.Member, at time.Time) (*verify.Genesis, error) {
	g := &verify.Genesis{Time: at.UnixMilli(), Members: slices.Clone(members)}
	if _, err := rand.Read(g.Nonce[:]); err != nil {
		return nil, err
	}
	slices.SortFunc(g.Members, func(a, b verify.Member) int { return bytes.Compare(a.Org[:], b.Org[:]) })
	for i, m := range g.Members {
		if i > 0 && m.Org == g.Members[i-1].Org {
			return nil, lang.NewProblem("founder_twice", m.Name)
		}
	}
	return g, g.Check()
}

// Adopt writes the genesis into a node that has none, and the trust file that others verify its receipts with.
func Adopt(dir string, g *verify.Genesis) error {
	if err := g.Check(); err != nil {
		return err
	}
	l := Layout{dir}
	if _, err := os.Stat(l.Genesis()); err == nil {
		own, err := ReadGenesis(dir)
		if err == nil && own.Chain() != g.Chain() {
			err = lang.NewProblem("other_ledger", own.Chain(), g.Chain()).In(l.Genesis())
		}
		return err // of the same ledger, it asks to join again
	}
	if err := writeJSON(l.Genesis(), g); err != nil {
		return err
	}
	return writeTrust(l, &verify.Trust{Format: verify.TrustFormat, Genesis: *g})
}

func writeTrust(l Layout, t *verify.Trust) error {
	b, err := t.Encode()
	if err != nil {
		return err
	}
	return durable.Write(l.Trust(), b, 0o600)
}

func readTrust(l Layout) (*verify.Trust, error) {
	b, err := os.ReadFile(l.Trust())
	if err != nil {
		return nil, err
	}
	return verify.ParseTrust(b)
}

// ReadGenesis reads the genesis that a node adopted.
func ReadGenesis(dir string) (*verify.Genesis, error) {
	l := Layout{dir}
	b, err := os.ReadFile(l.Genesis())
	if os.IsNotExist(err) {
		return nil, l.noGenesis()
	}
	if err != nil {
		return nil, err
	}
	g, err := verify.ParseGenesis(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Genesis(), err)
	}
	return g, nil
}
