package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// WitnessExchange is a request to a witness reached by file, and its answer.
type WitnessExchange struct {
	Name    string `json:"name"` // of the witness, as in config.json
	Request []byte `json:"request,omitempty"`
	Answer  []byte `json:"answer,omitempty"`
	// Late says that the witness answered with what it had cosigned before, Covered anchors of the ledger's Anchors.
	Late    bool   `json:"late,omitempty"`
	Covered uint64 `json:"covered,omitempty"`
	Anchors uint64 `json:"anchors,omitempty"`
}

func (n *Node) adminWitness(w http.ResponseWriter, r *http.Request) {
	var x WitnessExchange
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&x); err != nil {
		reply(w, nil, err)
		return
	}
	key, err := n.witnessNamed(x.Name)
	switch {
	case err != nil:
	case x.Request == nil:
		x.Request, err = n.notary.Load().WitnessRequest(r.Context(), key)
	case len(x.Answer) == 0:
		err = lang.NewProblem("empty_answer")
	default:
		err = n.acceptCosignature(r.Context(), &x, key)
	}
	reply(w, x, err)
}

func (n *Node) acceptCosignature(ctx context.Context, x *WitnessExchange, key verify.NoteKey) error {
	late, err := n.notary.Load().AcceptCosignature(ctx, x.Request, x.Answer, key)
	switch longer := (*ledger.LongerError)(nil); {
	case errors.As(err, &longer) && n.peers == nil: // a lone node has lost what was cosigned, or cut it off
		return fmt.Errorf("%w: %w", ledger.ErrOtherHistory, err)
	case errors.As(err, &longer):
		return lang.NewProblem("witness_ahead", longer.Cosigned, longer.Here)
	case err != nil:
		return err
	}
	if late != nil {
		x.Late, x.Covered = true, late.Size
		if _, head, err := n.checkpoints.Latest(); err == nil && head != nil {
			x.Anchors = head.Size
		}
	}
	return n.renewTrust(ctx)
}

func (n *Node) witnessNamed(name string) (verify.NoteKey, error) {
	for i, w := range n.config.Witnesses {
		if w.Name == name {
			return n.witnesses[i], nil
		}
	}
	var names []string
	for _, w := range n.config.Witnesses {
		names = append(names, w.Name)
	}
	if len(names) == 0 {
		return verify.NoteKey{}, lang.NewProblem("witness_none", name).In(n.Config())
	}
	return verify.NoteKey{}, lang.NewProblem("witness_unknown", name, strings.Join(names, ", ")).In(n.Config())
}
