package fhir

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/sijil-health/sijil/record"
)

// batchWriters is how many writes of a batch are under way at once: each waits for the disk, and the journal commits those
// together that wait at the same time.
const batchWriters = 32

// batch does what each entry asks for by itself. One that fails leaves an entry of its own and says so in its place; the others
// are done. Verbs go in the order of a transaction.
func (s *Server) batch(q *request, list []entry) (*answer, error) {
	for _, method := range []string{http.MethodDelete, http.MethodPost, http.MethodPut, http.MethodPatch, ""} {
		var wait sync.WaitGroup
		free := make(chan struct{}, batchWriters)
		for i := range list {
			e := &list[i]
			if e.answer != nil || method != "" && e.method != method {
				continue
			}
			free <- struct{}{}
			wait.Go(func() {
				s.perform(e)
				<-free
			})
		}
		wait.Wait()
	}
	a := &answer{status: http.StatusOK}
	var commits []*record.Commit
	for i := range list {
		if c := list[i].answer.commit; c != nil {
			commits = append(commits, c)
		}
	}
	if len(commits) > 0 {
		a.ack = s.await(q, commits...)
	}
	a.body = bundleAnswer("batch-response", q.base, list)
	return a, nil
}

// perform does what an entry asks for. It always leaves an answer.
func (s *Server) perform(e *entry) {
	var err error
	if e.bad != nil {
		err = e.bad
	} else {
		if e.writes() && e.prefer.result == "" {
			e.prefer.result = "minimal"
		}
		e.answer, err = e.do(s, &e.request)
	}
	if err == nil {
		return
	}
	p := problemOf(err)
	if p.issues[0].Path == "" {
		p.at(e.at)
	}
	e.refuse(s, p)
	e.answer = refusal(p)
}

// refusal is the answer of an entry that was refused.
func refusal(p *problem) *answer {
	a := &answer{status: p.status, body: appendOutcome(nil, p.issues...)}
	if gone := (*record.GoneError)(nil); errors.As(p, &gone) {
		a.version, a.updated = gone.Version, gone.Updated
	}
	return a
}

// bundleAnswer writes the answers of a transaction or batch, in the order of the entries.
func bundleAnswer(typ, base string, list []entry) []byte {
	b := newBundle(typ, -1)
	for i := range list {
		a := list[i].answer
		full := ""
		if a.location != "" {
			full = base + "/" + list[i].typ + "/" + idOf(a.location)
		}
		b.entry(full)
		failed := a.status >= http.StatusBadRequest
		outcome := failed || a.status == http.StatusOK && list[i].prefer.result == "OperationOutcome" && a.commit != nil
		if a.body != nil && !outcome {
			b.member("resource", a.body)
		}
		b.member("response", response(a, outcome))
	}
	return b.end()
}

// idOf takes the id out of "Type/id/_history/version".
func idOf(location string) string { return parseReference(location).id }

func response(a *answer, outcome bool) []byte {
	b := append([]byte(nil), `{"status":"`+formatUint(uint64(a.status))+` `+http.StatusText(a.status)+`"`...)
	if a.location != "" {
		b = append(b, `,"location":"`+a.location+`"`...)
	}
	if a.version > 0 {
		b = append(b, `,"etag":"W/\"`+formatUint(a.version)+`\""`...)
	}
	if !a.updated.IsZero() {
		b = append(b, `,"lastModified":"`+a.updated.UTC().Format(instantFormat)+`"`...)
	}
	if outcome {
		b = append(b, `,"outcome":`...)
		b = append(b, a.body...)
	}
	return append(b, '}')
}

// httpDate writes Unix milliseconds as an HTTP date.
func httpDate(ms int64) string { return time.UnixMilli(ms).UTC().Format(http.TimeFormat) }
