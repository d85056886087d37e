package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/verify"
)

// withdrawnFile lists what this node withdrew from custodians. It stays until the operator has seen what is missing and deletes it.
func (l Layout) withdrawnFile() string { return filepath.Join(l.Dir, "withdrawn.json") }

func (l Layout) withdrawn() (list []custody.Withdrawn, err error) {
	b, err := os.ReadFile(l.withdrawnFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("what was withdrawn from custodians cannot be read: %s: %w", l.withdrawnFile(), err)
	}
	return list, nil
}

// noteWithdrawn adds to the list.
func (n *Node) noteWithdrawn(w custody.Withdrawn) {
	n.withdrawing.Lock()
	defer n.withdrawing.Unlock()
	list, err := n.withdrawn()
	if err == nil {
		err = writeJSON(n.withdrawnFile(), append(list, w))
	}
	if err != nil {
		n.log.Error("records were withdrawn from a custodian, and that could not be noted", "custodian", w.Custodian, "entries", w.Entries, "err", err)
	}
}

// withdrawnStatus warns of entries that were withdrawn, once for each custodian: some may have been acknowledged.
func (l Layout) withdrawnStatus(s *Status, org verify.OrgID) []custody.Withdrawn {
	list, err := l.withdrawn()
	if err != nil {
		s.warn("custody", err)
	}
	var custodians []verify.OrgID
	entries := make(map[verify.OrgID]uint64)
	for _, w := range list {
		if !slices.Contains(custodians, w.Custodian) {
			custodians = append(custodians, w.Custodian)
		}
		entries[w.Custodian] += w.Entries
	}
	for _, c := range custodians {
		s.warn("withdrawn", entries[c], s.nameOf(c), filepath.Join("held", org.String(), "withdrawn"), l.withdrawnFile())
	}
	return list
}
