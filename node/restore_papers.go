package node

import (
	"context"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/verify"
)

// papers makes the public files of a node that has no backup, from the ledger's record of the organisation and the kit.
func (r *restoring) papers(context.Context) error {
	g := &r.Restoration.Trust.Genesis
	if err := writeJSON(r.Genesis(), g); err != nil {
		return err
	}
	if err := writeTrust(r.Layout, r.Restoration.Trust); err != nil {
		return err
	}
	m, err := recordOf(r.Kit, known(r.Layout, g))
	if err != nil {
		return err
	}
	r.done.Chain = g.Chain()
	if err := writeJSON(r.Layout.Member(), m); err != nil {
		return err
	}
	c := DefaultConfig(m.Name)
	c.Peer, c.P2P = m.Peer, m.P2P
	return writeJSON(r.Config(), c)
}

// recordOf finds the kit's organisation on the ledger.
func recordOf(k *Kit, members []verify.Member) (*verify.Member, error) {
	for i := range members {
		if m := &members[i]; m.Org == k.Org {
			if m.Key != k.public() {
				return nil, lang.NewProblem("kit_key", m.Name)
			}
			return m, nil
		}
	}
	return nil, lang.NewProblem("kit_no_member", k.Name)
}

// addresses enters those of the new machine.
func (r *restoring) addresses() error {
	c, err := ReadConfig(r.Config())
	if err != nil {
		return err
	}
	m, err := ReadMember(r.Layout.Dir)
	if err != nil {
		return err
	}
	for _, set := range []struct{ to, value *string }{
		{&c.FHIR, &r.FHIR}, {&c.Peer, &r.Peer}, {&c.P2P, &r.P2P}, {&m.Peer, &r.Peer}, {&m.P2P, &r.P2P},
	} {
		if *set.value != "" {
			*set.to = *set.value
		}
	}
	if p := c.Check(); p != nil {
		return p
	}
	if err := writeJSON(r.Config(), c); err != nil {
		return err
	}
	return writeJSON(r.Layout.Member(), m)
}
