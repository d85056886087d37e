package child

import (
	"context"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

var (
	_ chain.Feeder = (*engine)(nil)
	_ chain.Feed   = (*source)(nil)
)

// Answer implements chain.Feeder.
func (e *engine) Answer(ctx context.Context, q *chain.Question) ([]byte, error) {
	return callChild[[]byte](ctx, e, callAnswer, &args{Tx: q.Encode()})
}

// Blocks implements chain.Feeder.
func (e *engine) Blocks(ctx context.Context, after int64, give func([]byte) error) error {
	l, err := e.current()
	if err != nil {
		return err
	}
	return l.messages(ctx, callBlocks, &args{Height: after}, give)
}

// messages makes a call whose results are messages of a feed.
func (l *link) messages(ctx context.Context, m method, a *args, give func([]byte) error) error {
	_, err := l.call(ctx, m, a, func(item cbor.RawMessage) error {
		var message []byte
		if err := decMode.Unmarshal(item, &message); err != nil {
			return fmt.Errorf("child: decode: %w", err)
		}
		if err := give(message); err != nil {
			return &stop{err}
		}
		return nil
	})
	var s *stop
	if errors.As(err, &s) {
		return s.err
	}
	return err
}

// handleFeed answers for members that are fed by this node.
func (s *server) handleFeed(ctx context.Context, m method, a *args, emit func(any) error) (any, error) {
	feeder, ok := s.engine.(chain.Feeder)
	if !ok {
		return nil, fmt.Errorf("%w: this engine feeds nobody", ledger.ErrDown)
	}
	if m == callBlocks {
		return nil, feeder.Blocks(ctx, a.Height, func(b []byte) error { return emit(b) })
	}
	q, err := chain.DecodeQuestion(a.Tx)
	if err != nil {
		return nil, err
	}
	return feeder.Answer(ctx, q)
}

// serve answers the child's questions.
func (e *engine) serve(ctx context.Context, m method, a *args, emit func(any) error) (any, error) {
	switch src := e.opt.Source; {
	case src == nil:
		return nil, fmt.Errorf("%w: there is nobody to ask", ledger.ErrDown)
	case m == callSourceEpoch:
		return src.Epoch(ctx, a.From)
	case m == callSourceLight:
		return src.Light(ctx, a.Height)
	case m == callSourceMembers:
		return src.Members(ctx)
	case m == callSourceAsk:
		q, err := chain.DecodeQuestion(a.Tx)
		if err != nil {
			return nil, err
		}
		return src.Ask(ctx, a.Org, q)
	case m == callSourceBlocks:
		return nil, src.Blocks(ctx, a.Org, a.Height, func(b []byte) error { return emit(b) })
	}
	return nil, fmt.Errorf("child: call %d is unknown", m)
}

// source asks the parent for what comes from other members.
type source struct{ l *link }

func (s *source) Epoch(ctx context.Context, number uint64) (*ledger.Epoch, error) {
	return ask[*ledger.Epoch](ctx, s.l, callSourceEpoch, &args{From: number})
}

func (s *source) Light(ctx context.Context, height int64) ([]byte, error) {
	return ask[[]byte](ctx, s.l, callSourceLight, &args{Height: height})
}

func (s *source) Members(ctx context.Context) ([]verify.OrgID, error) {
	return ask[[]verify.OrgID](ctx, s.l, callSourceMembers, &args{})
}

func (s *source) Ask(ctx context.Context, member verify.OrgID, q *chain.Question) ([]byte, error) {
	return ask[[]byte](ctx, s.l, callSourceAsk, &args{Org: member, Tx: q.Encode()})
}

func (s *source) Blocks(ctx context.Context, member verify.OrgID, after int64, take func([]byte) error) error {
	return s.l.messages(ctx, callSourceBlocks, &args{Org: member, Height: after}, take)
}
