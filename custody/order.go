package custody

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/sijil-health/sijil/verify"
)

// rank puts the members other than the owner in the order in which they are asked to hold something: by rendezvous
// hashing, highest SHA-256(owner ‖ what ‖ member) first. Everyone computes the same order from the ledger alone, and a
// member that joins or leaves moves only its own share. Members without a vote come after all others: a clinic that follows the ledger over a
// thin line is not to carry other members' copies while there is anybody else. Members without an address for other nodes hold nothing.
func rank(owner verify.OrgID, what []byte, members []verify.Member) []verify.OrgID {
	type weighed struct {
		org    verify.OrgID
		votes  bool
		weight verify.Hash
	}
	list := make([]weighed, 0, len(members))
	seed := append(append(make([]byte, 0, len(owner)+len(what)+len(owner)), owner[:]...), what...)
	for i := range members {
		m := &members[i]
		if m.Org == owner || m.Peer == "" {
			continue
		}
		list = append(list, weighed{m.Org, m.Power > 0, sha256.Sum256(append(seed, m.Org[:]...))})
	}
	slices.SortFunc(list, func(a, b weighed) int {
		switch {
		case a.votes == b.votes:
			return bytes.Compare(b.weight[:], a.weight[:])
		case a.votes:
			return -1
		}
		return 1
	})
	order := make([]verify.OrgID, len(list))
	for i := range list {
		order[i] = list[i].org
	}
	return order
}

// Custodians is the order in which members are asked to hold a segment of an owner's journal: the first R−1 that answer do.
func Custodians(owner verify.OrgID, segment uint32, members []verify.Member) []verify.OrgID {
	return rank(owner, binary.BigEndian.AppendUint32(nil, segment), members)
}

// blobCustodians is the same for a blob, by its hash.
func blobCustodians(owner verify.OrgID, hash verify.Hash, members []verify.Member) []verify.OrgID {
	return rank(owner, hash[:], members)
}

// pageCustodians is the same for the key store, whose pages stay together.
func pageCustodians(owner verify.OrgID, members []verify.Member) []verify.OrgID {
	return rank(owner, []byte("pages"), members)
}
