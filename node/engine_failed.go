package node

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sijil-health/sijil/ledger/chain"
)

// engineFailed adds to the reason why the engine does not open where its files are, and what can be done when nothing else helps: the chain
// is the one thing of a node that all other members have too.
func engineFailed(l Layout, err error) error {
	if !errors.Is(err, chain.ErrWedged) {
		return fmt.Errorf("%w (files of the ledger: %s)", err, l.Chain())
	}
	return fmt.Errorf("%w\nIf the doctor knows of nothing, files below %s or %s are damaged. A member among others stops the node, moves these two "+
		"directories away and starts it again: it fetches blocks and state from the others. Leave the keys and what they signed (the file "+
		"\"signed\") where they are. A lone node restores its backup", err, filepath.Join(l.Chain(), "data"), filepath.Join(l.Chain(), "state"))
}
