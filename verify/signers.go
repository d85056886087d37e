package verify

import (
	"fmt"
)

// signers verifies the signatures on a checkpoint and gives who made them: members of its epoch, of the epoch before it if it
// is the checkpoint that begins the epoch, and witnesses. At least one member must have signed: the log speaks for itself
// before others speak for it.
func (v *Verifier) signers(periods []*period, note *Note, c *Checkpoint) ([]signer, error) {
	if c.Origin != OriginOf(v.chain) {
		return nil, fmt.Errorf("checkpoint: it is of the log %s, not %s", c.Origin, OriginOf(v.chain))
	}
	if c.Epoch >= uint64(len(periods)) {
		return nil, fmt.Errorf("checkpoint: it is of epoch %d; only epochs up to %d are shown", c.Epoch, len(periods)-1)
	}
	p := periods[c.Epoch]
	var following *period
	if c.Epoch+1 < uint64(len(periods)) {
		following = periods[c.Epoch+1]
	}
	if err := p.checkWithin(c, following); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var out []signer
	groups := []*period{p}
	if c.Epoch > 0 && *c == p.start {
		groups = append(groups, periods[c.Epoch-1])
	}
	for _, g := range groups {
		verified, err := note.Verify(g.keys)
		if err != nil {
			return nil, fmt.Errorf("checkpoint: %w", err)
		}
		for _, s := range verified {
			out = append(out, v.member(g, s))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("checkpoint: %w", errNoSigner)
	}
	verified, err := note.Verify(v.witnesses)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	for _, s := range verified {
		out = append(out, v.witness(s))
	}
	return out, nil
}

func (v *Verifier) member(p *period, s Verified) signer {
	i := p.keyOwners[s.Key]
	return signer{
		party: p.party(i), known: v.knows(p, &p.members[i], false),
		quantum: p.keys[s.Key].Algorithm() == AlgMLDSA65,
	}
}

func (v *Verifier) witness(s Verified) signer {
	k := v.witnesses[s.Key]
	label := k.Name()
	if name := v.names[s.Key]; name != "" {
		label = name + " (" + k.Name() + ")"
	}
	return signer{party: party{id: k.String(), label: label}, known: true, time: s.Time, witness: true}
}

// knows tells whether the trust file vouches for the key that member m of period p signed with: its period is listed, or
// the last listed period has the same organisation with the same key.
func (v *Verifier) knows(p *period, m *Member, validator bool) bool {
	if p.vouched == nil {
		return true
	}
	last := v.periods[len(v.periods)-1]
	i := findMember(last.members, m.Org)
	if i < 0 {
		return false
	}
	if validator {
		return last.members[i].Validator == m.Validator
	}
	return last.members[i].Key == m.Key
}
