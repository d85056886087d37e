package fhir

import (
	"context"
	"errors"
	"net/http"
)

// receipt gives the proof that a version is in a block of the ledger (GET Type/id/_history/version/$receipt). It waits for the
// block. `sijil verify` checks a receipt without a network.
func (s *Server) receipt(q *request) (*answer, error) {
	return s.prove(q, func(ctx context.Context) ([]byte, error) {
		return s.Store.Receipt(ctx, q.access, q.typ, q.id, q.version)
	})
}

// auditReceipt is receipt for an entry of the access record (GET AuditEvent/id/$receipt).
func (s *Server) auditReceipt(q *request) (*answer, error) {
	return s.prove(q, func(ctx context.Context) ([]byte, error) {
		return s.Store.AuditReceipt(ctx, q.access, q.id)
	})
}

// trust gives the ledger's trust file (GET $trust), to whomever the node gave a token: it names the members and their addresses, and
// nothing of any record.
func (s *Server) trust(q *request) (*answer, error) {
	if s.Trust == nil {
		return unknownPath(s, q)
	}
	return s.prove(q, s.Trust)
}

func (s *Server) prove(q *request, get func(context.Context) ([]byte, error)) (*answer, error) {
	ctx, cancel := context.WithTimeout(q.Context, s.Limits.Receipt)
	defer cancel()
	body, err := get(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		p := fail(http.StatusServiceUnavailable, "timeout", "the entry is durable but in no block yet; ask again when the ledger is reached")
		p.cause = err
		return nil, p
	}
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: body, media: plainJSON}, nil
}
