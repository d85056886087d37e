package verify

import (
	"errors"
	"fmt"
)

// Epoch is a period in which the members, their keys and their powers stayed the same. Epoch 0 is the genesis. Each later
// one begins by a checkpoint that names it: its tree holds everything up to the last block of the period before, it carries
// the new validators and members, and more than two thirds of the old voting members signed it.
type Epoch struct {
	Checkpoint string   `json:"checkpoint" cbor:"1,keyasint"` // signed note
	Members    []Member `json:"members" cbor:"2,keyasint"`    // in ascending order of Org; addresses and escrow keys may be left out
}

// period is an epoch that was checked.
type period struct {
	start      Checkpoint // of epoch 0: size 0 at height 0
	members    []Member
	validators ValidatorSet
	owners     []int         // per validator: its place in members
	voting     []expandedKey // per validator
	signing    []expandedKey // per member
	keys       []NoteKey     // what members sign checkpoints with
	keyOwners  []int         // per key: its place in members

	// vouched says who the verifier must believe to believe in this period: nil for what its own trust file lists,
	// else the smallest set of members that vouched for a step from there to here.
	vouched []party
}

// newPeriod derives everything from the members, so that a period cannot name one set and use another.
func newPeriod(chain string, start Checkpoint, members []Member) (*period, error) {
	if err := CheckMembers(members); err != nil {
		return nil, err
	}
	p := &period{start: start, members: members, validators: NewValidatorSet(members)}
	p.start.Validators, p.start.Members = p.validators.Hash(), MembersHash(members)
	byKey := make(map[PublicKey]int, len(members))
	for i := range members {
		m := &members[i]
		if m.Power > 0 {
			byKey[m.Validator] = i
		}
		if err := p.addKeys(chain, i); err != nil {
			return nil, err
		}
	}
	for i := range p.validators {
		p.owners = append(p.owners, byKey[p.validators[i].Key])
		p.voting = append(p.voting, expandedKey{key: p.validators[i].Key})
	}
	return p, nil
}

// expand prepares the keys of a period that many receipts will be checked against.
func (p *period) expand() {
	for i := range p.voting {
		p.voting[i] = expand(p.voting[i].key)
	}
	for i := range p.signing {
		p.signing[i] = expand(p.signing[i].key)
	}
	for i := range p.keys {
		if p.keys[i].curve != nil {
			p.keys[i].curve = &p.signing[p.keyOwners[i]]
		}
	}
}

func (p *period) addKeys(chain string, i int) error {
	m := &p.members[i]
	name := MemberKeyName(chain, m.Org)
	key, err := NewNoteKey(name, AlgEd25519, m.Key[:])
	if err != nil {
		return err
	}
	p.signing = append(p.signing, expandedKey{key: m.Key})
	p.keys, p.keyOwners = append(p.keys, key), append(p.keyOwners, i)
	if len(m.MLDSA) == 0 {
		return nil
	}
	if key, err = NewNoteKey(name, AlgMLDSA65, m.MLDSA); err != nil {
		return err
	}
	p.keys, p.keyOwners = append(p.keys, key), append(p.keyOwners, i)
	return nil
}

// genesisPeriod is epoch 0.
func genesisPeriod(g *Genesis) (*period, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	chain := g.Chain()
	return newPeriod(chain, Checkpoint{Origin: OriginOf(chain), Root: sum256(nil)}, g.Members)
}

// next checks the step from p to the following epoch.
func (p *period) next(chain string, e *Epoch) (*period, error) {
	note, start, err := openCheckpoint(e.Checkpoint)
	if err != nil {
		return nil, err
	}
	fail := func(format string, args ...any) (*period, error) {
		return nil, fmt.Errorf("epoch %d: %w", start.Epoch, fmt.Errorf(format, args...))
	}
	switch {
	case start.Origin != p.start.Origin:
		return fail("its checkpoint is of the log %s", start.Origin)
	case start.Epoch != p.start.Epoch+1:
		return fail("it does not follow epoch %d", p.start.Epoch)
	case start.Height <= p.start.Height || start.Size < p.start.Size: // every epoch governs a block at least
		return fail("it begins before epoch %d", p.start.Epoch)
	}
	q, err := newPeriod(chain, *start, e.Members)
	if err != nil {
		return fail("%w", err)
	}
	if q.start != *start {
		return fail("its checkpoint names other validators or members")
	}
	if start.Members == p.start.Members {
		return fail("nothing changed since epoch %d; a beginning cannot be shown twice", p.start.Epoch)
	}
	for i := range e.Members {
		if m := &e.Members[i]; findMember(p.members, m.Org) < 0 && OrgOf(m.Key) != m.Org {
			return fail("the identifier of %s does not belong to its key", m.Name)
		}
	}
	signers, err := p.voters(note)
	if err != nil {
		return fail("%w", err)
	}
	if err := CheckHeads(&p.start, start); err != nil {
		return fail("%w", err)
	}
	q.vouched = signers
	return q, nil
}

// voters gives the voting members of p that signed the note, and fails unless they are more than two thirds by number.
func (p *period) voters(note *Note) ([]party, error) {
	verified, err := note.Verify(p.keys)
	if err != nil {
		return nil, err
	}
	var (
		out  []party
		seen = make(map[int]bool)
	)
	for _, v := range verified {
		if i := p.keyOwners[v.Key]; !seen[i] && p.members[i].Power > 0 && p.keys[v.Key].Algorithm() == AlgEd25519 {
			seen[i] = true
			out = append(out, p.party(i))
		}
	}
	if 3*len(out) <= 2*len(p.validators) {
		return nil, fmt.Errorf("%d of %d voting members signed its beginning, more than two thirds are needed", len(out), len(p.validators))
	}
	return out, nil
}

// party names a member as a holder of a key.
func (p *period) party(i int) party {
	m := &p.members[i]
	return party{id: m.Org.String(), label: fmt.Sprintf("%s (%s)", m.Name, m.Org)}
}

// openCheckpoint reads a note that holds a checkpoint of a Sijil ledger.
func openCheckpoint(text string) (*Note, *Checkpoint, error) {
	note, err := ParseNote(text)
	if err != nil {
		return nil, nil, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(note.Text)
	return note, c, err
}

// checkWithin tells whether a checkpoint can be of period p, given the period after it, if one is known.
func (p *period) checkWithin(c *Checkpoint, following *period) error {
	switch {
	case c.Validators != p.start.Validators || c.Members != p.start.Members:
		return fmt.Errorf("it names other validators or members than epoch %d has", c.Epoch)
	case c.Height < p.start.Height || c.Size < p.start.Size:
		return fmt.Errorf("it is older than epoch %d", c.Epoch)
	case following != nil && (c.Height > following.start.Height || c.Size > following.start.Size):
		return fmt.Errorf("epoch %d had ended by then; its members no longer speak for the ledger", c.Epoch)
	}
	return nil
}

var errNoSigner = errors.New("no member signed it")
