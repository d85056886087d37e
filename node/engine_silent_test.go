package node

import (
	"context"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/ledger"
)

// stuck is an engine that takes questions and answers none, however long whoever asks is willing to wait.
type stuck struct {
	ledger.Engine
	end chan struct{}
}

func (s *stuck) Status(context.Context) (*ledger.Status, error) {
	<-s.end
	return nil, ledger.ErrClosed
}

// TestStatusTellsThatTheEngineIsSilent: whoever asks for the status learns that the engine is stuck, instead of waiting with it.
func TestStatusTellsThatTheEngineIsSilent(t *testing.T) {
	n, _ := lone(t)
	s := &stuck{n.engine, make(chan struct{})}
	t.Cleanup(func() { close(s.end) })
	n.engine = s
	st, err := n.status(t.Context())
	if err != nil || st.Quorum || !slices.ContainsFunc(st.Warnings, func(w Warning) bool { return w.Code == "engine-silent" }) {
		t.Errorf("%+v, %v", st, err)
	}
}
