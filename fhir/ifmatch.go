package fhir

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// tags are the versions that If-Match names: one of them must be the current one. record.AnyVersion stands for "*", which asks only that there is
// one (RFC 9110, section 13.1.1). Of no tags nothing is asked.
type tags []uint64

// readTags reads If-Match.
func readTags(header string, at tape.Value) (list tags, err error) {
	header = strings.TrimSpace(header)
	switch header {
	case "":
		return nil, nil
	case "*":
		return tags{record.AnyVersion}, nil
	}
	for item := range strings.SplitSeq(header, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue // a list may have such elements (RFC 9110, section 5.6.1.2)
		}
		tag, quoted := strings.CutPrefix(strings.TrimPrefix(item, "W/"), `"`)
		tag, closed := strings.CutSuffix(tag, `"`)
		if n, err := strconv.ParseUint(tag, 10, 64); err == nil && n > 0 && n < record.AnyVersion && quoted == closed {
			list = append(list, n)
		} else if !quoted || !closed {
			return nil, badTags(at)
		} // else it is the tag of something else, which matches nothing
	}
	if list == nil {
		return nil, badTags(at)
	}
	return list, nil
}

func badTags(at tape.Value) *problem {
	return fail(http.StatusPreconditionFailed, "value", `If-Match must be the ETag of a version, such as W/"3", several of them, or *`).at(at)
}

// hold tells whether what is asked holds where a version is the current one; 0 stands for none.
func (t tags) hold(version uint64) bool {
	return len(t) == 0 || version > 0 && (t[0] == record.AnyVersion || slices.Contains(t, version))
}

// ifVersion reads If-Match, of a request for the resource of an id, as what record.Change asks. Of several versions it is looked up which is the
// current one.
func (s *Server) ifVersion(q *request, header string, at tape.Value) (uint64, error) {
	list, err := readTags(header, at)
	switch {
	case err != nil || len(list) == 0:
		return 0, err
	case len(list) == 1:
		return list[0], nil
	}
	head, err := s.Store.Peek(q, q.access, policy.Write, q.typ, q.id)
	switch {
	case errors.Is(err, record.ErrNotFound):
		return 0, record.ErrConflict
	case err != nil:
		return 0, err
	case !list.hold(head.Version):
		return 0, record.ErrConflict
	}
	return head.Version, nil
}

// pinned tells whether If-Match asks for versions: what was overtaken is not what was meant any more.
func pinned(ifMatch string) bool { return ifMatch != "" && strings.TrimSpace(ifMatch) != "*" }
