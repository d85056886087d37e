package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

const (
	// sealEvery is after how many anchors the application hash moves. Each move makes CometBFT add an empty block that
	// carries it; between moves a lone anchor costs one block, and an idle chain none.
	sealEvery = 64
	maxSeals  = 2
	// keptEvidence is how many of the latest evidences Status names; the rest is counted and stays in the records.
	keptEvidence = 16
)

// state is where the ledger stands after a block. It is never written to once it is the current one: readers take the
// pointer and need no lock.
type state struct {
	core
	time     int64 // of the last header, Unix milliseconds; the genesis' before the first
	roster   *roster
	heads    map[verify.OrgID]ledger.Head
	log      frontier
	tail     tail           // of the log, that the next rows rest on
	epoch    uint64         // of the last record
	epochs   []ledger.Epoch // all of them, from 0 on
	evidence []ledger.Evidence
	offences uint64
}

// epochAt gives the epoch whose validators sign a height.
func (s *state) epochAt(height int64) *ledger.Epoch {
	for i := len(s.epochs) - 1; i > 0; i-- {
		if s.epochs[i].Since <= height {
			return &s.epochs[i]
		}
	}
	return &s.epochs[0]
}

// head is what the organisation's sequence has reached in a state.
func (s *state) head(org verify.OrgID) (ledger.Head, bool) {
	h, ok := s.heads[org]
	return h, ok
}

// owner finds whose validator key has an address; zero when no member has it any more.
func (s *state) owner(addr verify.Address) verify.OrgID {
	for i := range s.roster.Members {
		m := &s.roster.Members[i]
		if v := (verify.Validator{Key: m.Validator}); m.Power > 0 && v.Address() == addr {
			return m.Org
		}
	}
	return verify.OrgID{}
}

// genesisRecord is the record of height 0.
func genesisRecord(g *verify.Genesis) *record {
	members := &ledger.Membership{Members: g.Members}
	return &record{
		Time:     g.Time,
		Sealed:   true,
		Members:  members,
		NewEpoch: &ledger.Epoch{Since: 1, Validators: verify.NewValidatorSet(g.Members)},
	}
}

// genesisState is the state before the first block; nothing of it is stored yet.
func genesisState(g *verify.Genesis) (*state, *record) {
	rec := genesisRecord(g)
	s := &state{
		time:   g.Time,
		roster: &roster{*rec.Members},
		heads:  map[verify.OrgID]ledger.Head{},
		epochs: []ledger.Epoch{*rec.NewEpoch},
	}
	s.Digest = fold(sha256.Sum256([]byte("sijil/chain/1\x00"+g.Chain())), 0, marshal(rec), nil)
	s.AppHash = appHash(s.log, s.Digest)
	s.Chunks = 1
	return s, rec
}

// load reads the state that was committed last; ledger.ErrNotFound in an empty store.
func (st *store) load() (*state, error) {
	c, err := getAs[core](st, []byte{rowCore})
	if err != nil {
		return nil, err
	}
	rec, err := st.record(c.Height)
	if err != nil {
		return nil, fmt.Errorf("chain: the state names block %d and has no record of it: %w", c.Height, err)
	}
	s := &state{core: *c, time: rec.Time, epoch: rec.Epoch, heads: map[verify.OrgID]ledger.Head{}}
	if s.log, err = st.frontierAt(rec.LogSize); err != nil {
		return nil, err
	}
	if s.tail, err = st.tailAt(rec.LogSize); err != nil {
		return nil, err
	}
	if err := st.loadHeads(s); err != nil {
		return nil, err
	}
	return s, st.loadMembers(s)
}

func (st *store) loadHeads(s *state) error {
	return st.each([]byte{rowHead}, []byte{rowHead + 1}, func(k, v []byte) error {
		head, err := unmarshal[ledger.Head](v)
		if err != nil || len(k) != 9 {
			return errors.Join(errors.New("chain: an organisation's head is damaged in the state"), err)
		}
		s.heads[verify.OrgID(k[1:])] = *head
		return nil
	})
}

func (st *store) loadMembers(s *state) error {
	return st.each([]byte{rowMember}, []byte{rowMember + 1}, func(k, _ []byte) error {
		rec, err := st.record(heightOf(k))
		if err != nil {
			return err
		}
		s.remember(rec)
		return nil
	})
}

// remember takes over what a record says of members, epochs and evidence.
func (s *state) remember(rec *record) {
	if rec.Members != nil {
		s.roster = &roster{*rec.Members}
	}
	if rec.NewEpoch != nil {
		s.epochs = append(s.epochs[:len(s.epochs):len(s.epochs)], *rec.NewEpoch)
	}
	if n := len(rec.Evidence); n > 0 {
		s.offences += uint64(n)
		all := append(s.evidence[:len(s.evidence):len(s.evidence)], rec.Evidence...)
		s.evidence = all[max(0, len(all)-keptEvidence):]
	}
}

// next is the state after one more block: it takes in a record and the block's anchors, and moves the digest. It is used
// alike by a validator that made the record and by a node that restores it, so that both end with the same hash.
func (s *state) next(rec *record, anchors []*ledger.Anchored, store func(uint8, uint64, verify.Hash)) (*state, error) {
	if s.Height == math.MaxInt64 || s.log.size+uint64(len(anchors)) > maxLog {
		return nil, errors.New("chain: the chain is at its end")
	}
	n := *s
	n.Height++
	n.time, n.epoch = rec.Time, rec.Epoch
	n.remember(rec)
	if len(anchors) > 0 {
		n.heads = maps.Clone(s.heads)
	}
	for _, a := range anchors {
		an, err := verify.DecodeAnchor(a.Bytes)
		if err != nil {
			return nil, err
		}
		a.Index, a.Height = n.log.size, n.Height
		n.heads[an.Org] = ledger.Head{Seq: an.Seq, ID: a.ID, Index: a.Index, Control: an.Control}
		n.log = n.log.add(a.ID, store)
	}
	if n.log.size != rec.LogSize {
		return nil, fmt.Errorf("chain: block %d leaves %d anchors, its record says %d", n.Height, n.log.size, rec.LogSize)
	}
	n.Digest = fold(s.Digest, n.Height, marshal(rec), anchors)
	if rec.Sealed {
		n.AppHash, n.Sealed = appHash(n.log, n.Digest), n.log.size
		seals := append(s.Seals[:len(s.Seals):len(s.Seals)], n.Height)
		n.Seals = seals[max(0, len(seals)-maxSeals):]
	}
	return &n, nil
}
