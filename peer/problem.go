package peer

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// maxProblem bounds the body of a refusal that is read, in bytes.
const maxProblem = 16 << 10

// Problem is a refusal by another node: RFC 9457's shape, with a code that a program can act on. It is an error, so that
// a caller finds it with errors.As.
type Problem struct {
	Status int    `json:"status"` // HTTP status
	Code   string `json:"code"`   // short and stable, e.g. "conflict"; the packages above define theirs
	Detail string `json:"detail"` // one sentence for a person: what happened, why, what to do
	// Position is a number that goes with some codes, e.g. where the custodian's copy ends.
	Position uint64 `json:"position,omitempty"`
}

// Error gives the sentence and the code.
func (p *Problem) Error() string { return fmt.Sprintf("%s (%s, HTTP %d)", p.Detail, p.Code, p.Status) }

// Refuse answers a request with a problem.
func Refuse(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	// The status is on its way; an error here means that the caller is gone.
	_ = json.NewEncoder(w).Encode(p)
}

// readProblem turns an answer other than 2xx into an error.
func readProblem(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	return decodeProblem(resp.StatusCode, body, err)
}

// decodeProblem never trusts the body further than its shape: what it cannot read becomes a problem of the status alone.
func decodeProblem(status int, body []byte, readErr error) error {
	p := new(Problem)
	if readErr != nil || json.Unmarshal(body, p) != nil || p.Code == "" {
		p = &Problem{Code: "unexpected", Detail: "the other node answered with " + http.StatusText(status)}
	}
	p.Status = status
	p.Code, p.Detail = clip(p.Code, 64), clip(p.Detail, 1024)
	return p
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
