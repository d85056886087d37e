package fhir

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/sijil-health/sijil/bulk/answers"
	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// async lets an interaction be answered in the background where its client prefers that (FHIR R4, 3.1.6). act is what it takes to ask for it. In
// a Bundle it is done with the Bundle.
func async(act policy.Action, do interaction) interaction {
	return func(s *Server, q *request) (*answer, error) {
		if !s.defers(q) {
			return do(s, q)
		}
		return s.later(q, act, do)
	}
}

// defers tells whether a request is to be answered in the background.
func (s *Server) defers(q *request) bool {
	return q.prefer.async && q.sent != nil && s.Answers != nil && (q.method == http.MethodGet || q.method == http.MethodPost)
}

// later takes a request: its body is kept as it came, and it is done as if it came when its turn is.
func (s *Server) later(q *request, act policy.Action, do interaction) (*answer, error) {
	if err := q.access.May(act); err != nil { // nothing is read from who may not
		return nil, err
	}
	r := q.sent.Clone(context.Background()) // without what belongs to the connection
	r.Body = nil
	for _, name := range []string{"Authorization", "Cookie", "Content-Encoding", "Transfer-Encoding", "Prefer"} {
		r.Header.Del(name) // who asks is known, what was compressed is kept as it is without, and Prefer has been read
	}
	prefer, access := q.prefer, q.access
	prefer.async = false
	id, err := s.Answers.Start(answers.Request{
		Access: access, Act: act,
		Body: func(to io.Writer) error { return q.copy(to, int64(s.Limits.Resource)) },
		Answer: func(ctx context.Context, body *io.SectionReader, to io.Writer) (string, error) {
			r := r.WithContext(ctx)
			r.Body, r.ContentLength = io.NopCloser(body), body.Size()
			return s.answerLater(r, access, prefer, do, to)
		},
	})
	if err != nil {
		return nil, answersProblem(q, err)
	}
	if err := s.Store.Took(q, q.access, act, "a request was taken, to be answered in the background"); err != nil {
		return nil, errors.Join(err, s.Answers.Drop(q.access, id))
	}
	return &answer{status: http.StatusAccepted, content: "$async/" + id + "/status", body: appendOutcome(nil,
		Issue{Severity: "information", Code: "informational", Text: "the request was taken; its status, and then its answer, is at the address in Content-Location"})}, nil
}

// answerLater does what was asked for and writes the answer, in the form that was asked for: a Bundle of type batch-response whose one entry is the
// answer, or of a batch the answers of its entries (FHIR R5, Asynchronous Interaction Request). What is refused stands there with its status, as in a batch.
func (s *Server) answerLater(r *http.Request, access record.Access, prefer preference, do interaction, to io.Writer) (media string, err error) {
	q := s.requestOf(r, http.Header{})
	q.access, q.prefer = access, prefer
	if q.place, err = s.admission.enterLater(r.Context(), access.Actor); err != nil {
		return "", err
	}
	defer q.place.leave()
	b := &body{s: s, r: r}
	defer b.free()
	defer q.release()
	q.reads(b)
	a, err := do(s, q)
	if r.Context().Err() != nil { // dropped, or out of time: there is nobody to answer
		return "", r.Context().Err()
	}
	if err != nil {
		p := problemOf(err)
		s.leaveRefusal(q, p)
		a = refusal(p)
	}
	out := a.body
	if batch := q.method == http.MethodPost && q.path == ""; !batch || a.status != http.StatusOK {
		out = bundleAnswer("batch-response", q.base, []entry{{answer: a}})
	}
	media = fhirJSON
	if xml, _ := wantsXML(r); xml {
		_, out = inXML(r, a.status, out)
		media = fhirXML
	}
	q.place.keep(len(out))
	_, err = to.Write(out)
	return media, err
}

// asyncStatus tells how far a request is that is answered in the background, or gives its answer (GET $async/id/status).
func (s *Server) asyncStatus(q *request) (*answer, error) {
	if s.Answers == nil || q.sent == nil {
		return unknownPath(s, q)
	}
	status, err := s.Answers.Status(q.access, q.job)
	if err != nil {
		return nil, answersProblem(q, err)
	}
	what := "the status of a request was asked for"
	if status.Done && status.Failed == nil {
		what = "the answer of a request was fetched"
	}
	if err := s.Store.Took(q, q.access, status.Act, what); err != nil {
		return nil, err
	}
	switch {
	case errors.Is(status.Failed, answers.ErrFull):
		return nil, answersProblem(q, status.Failed)
	case status.Failed != nil:
		return nil, answersFailed(status.Failed)
	case !status.Done:
		q.header.Set("Retry-After", "1")
		q.header.Set("X-Progress", map[bool]string{false: "waiting", true: "being answered"}[status.Running])
		return &answer{status: http.StatusAccepted}, nil
	}
	content, media, closing, err := s.Answers.Answer(q.access, q.job)
	if err != nil {
		return nil, answersProblem(q, err)
	}
	q.header.Set("Expires", status.Expires.UTC().Format(http.TimeFormat))
	return &answer{status: http.StatusOK, media: media, file: content, closing: closing}, nil
}

// asyncDrop ends a request that is answered in the background, or forgets its answer (DELETE $async/id/status). What a batch has written stays.
func (s *Server) asyncDrop(q *request) (*answer, error) {
	if s.Answers == nil || q.sent == nil {
		return unknownPath(s, q)
	}
	status, err := s.Answers.Status(q.access, q.job)
	if err == nil {
		err = s.Answers.Drop(q.access, q.job)
	}
	if err != nil {
		return nil, answersProblem(q, err)
	}
	if err := s.Store.Took(q, q.access, status.Act, "a request was ended, or its answer forgotten"); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusAccepted, body: appendOutcome(nil, Issue{Severity: "information", Code: "informational", Text: "the request was ended; what it wrote stays"})}, nil
}

func answersProblem(q *request, err error) error {
	switch {
	case errors.Is(err, job.ErrBusy), errors.Is(err, answers.ErrFull):
		q.header.Set("Retry-After", "60")
		return fail(http.StatusTooManyRequests, "throttled", "as many requests and answers as the node keeps are there already; fetch and delete those that are done, ask for less, or wait")
	case errors.Is(err, job.ErrUnknown), errors.Is(err, answers.ErrRunning):
		return fail(http.StatusNotFound, "not-found", "there is no such request here; requests and their answers end with the node's process, and a day after they are done")
	}
	return err
}

// answersFailed is what is told of a request that the node failed to answer.
func answersFailed(cause error) *problem {
	if errors.Is(cause, context.DeadlineExceeded) {
		return fail(http.StatusInternalServerError, "timeout", "the request took longer than any may, and was ended; ask for less. What a batch wrote stays")
	}
	p := fail(http.StatusInternalServerError, "exception", "the request could not be answered; the node's log says why. What a batch wrote stays")
	p.cause = cause
	return p
}
