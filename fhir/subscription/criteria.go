package subscription

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// criteria reads what is asked for: a search (FHIR R4, Subscription.criteria), or the canonical URL of a topic with filters (backport).
func (r *reader) criteria(root tape.Value, a *asked) *Error {
	at := root.Get("criteria")
	text := at.Text()
	if typ, ok := topicOf(text); ok {
		a.topic, a.query.Type, a.ops = text, typ, []record.Op{record.OpCreate, record.OpUpdate, record.OpDelete}
		return r.filters(root, a)
	}
	if filter := extension(root.Get("_criteria"), extFilter); filter.Exists() {
		return refuse(at, "not-supported", "criteria is no topic that is known here; the CapabilityStatement lists them, GET Subscription/$topics describes them")
	}
	typ, query, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, r.options.Base), "/"), "?")
	if strings.Contains(typ, ":") {
		return refuse(at, "not-supported", "criteria is neither a search of a type nor a topic that is known here; GET Subscription/$topics lists them")
	}
	if !told(typ) {
		return refuse(at, "not-supported", "criteria begins with a type of resource that can be subscribed to, such as Observation?code=…")
	}
	a.query.Type, a.ops = typ, []record.Op{record.OpCreate, record.OpUpdate} // not deletions: they are applied to the new value
	pairs, err := search.Pairs(query)
	if err != nil {
		return r.searchError(at, err)
	}
	return r.clauses(at, a, pairs)
}

// filters reads those of a topic. All must hold.
func (r *reader) filters(root tape.Value, a *asked) *Error {
	n := 0
	for e := root.Get("_criteria").Get("extension").First(); e.Exists(); e = e.Next() {
		if !e.Get("url").Is(extFilter) {
			continue
		}
		if n++; n > maxFilters {
			return refuse(e, "too-costly", "there are at most %d filters", maxFilters)
		}
		if e := r.filter(e, a); e != nil {
			return e
		}
	}
	return nil
}

// filter reads one: parameter=value or Type.parameter=value; or, as the guide's examples have it, Type?parameter=value&….
func (r *reader) filter(at tape.Value, a *asked) *Error {
	text := value(at).Text()
	if typ, rest, ok := strings.Cut(text, "?"); ok && !strings.Contains(typ, "=") {
		if typ != a.query.Type {
			return refuse(at, "not-supported", "the topic is of another type than the filter")
		}
		text = rest
	}
	pairs, err := search.Pairs(text)
	if err != nil {
		return r.searchError(at, err)
	}
	if len(pairs) == 0 {
		return refuse(at, "value", "a filter is parameter=value")
	}
	var rest []search.Pair
	for _, p := range pairs {
		p.Name = strings.TrimPrefix(p.Name, a.query.Type+".")
		if p.Name != byInteraction {
			rest = append(rest, p)
			continue
		}
		var ops []record.Op
		for name := range strings.SplitSeq(p.Value, ",") {
			op, ok := interactions[name]
			if !ok {
				return refuse(at, "value", "an interaction is create, update or delete")
			}
			ops = append(ops, op)
		}
		a.ops = slices.DeleteFunc(a.ops, func(op record.Op) bool { return !slices.Contains(ops, op) })
	}
	return r.clauses(at, a, rest)
}

// clauses adds what parameters ask for to a query.
func (r *reader) clauses(at tape.Value, a *asked, pairs []search.Pair) *Error {
	if len(pairs) == 0 {
		return nil
	}
	o := r.options
	o.Now = time.Now()
	read, err := r.parameters.Parse([]string{a.query.Type}, pairs, o)
	if err != nil {
		return r.searchError(at, err)
	}
	if read.Shaped {
		return refuse(at, "not-supported", "criteria say what matches, not how an answer is given: no _sort, _count, _include, _summary or the like")
	}
	a.query.All = append(a.query.All, read.Queries[0].All...)
	if len(a.query.All) > search.MaxParams {
		return refuse(at, "too-costly", "there are at most %d parameters", search.MaxParams)
	}
	return nil
}

func (r *reader) searchError(at tape.Value, err error) *Error {
	var e *search.Error
	if errors.As(err, &e) {
		return refuse(at, e.Code, "%s", e.Text)
	}
	return refuse(at, "value", "criteria cannot be read")
}

// wants tells whether what an operation made is told of.
func (a *asked) wants(op record.Op) bool { return slices.Contains(a.ops, op) }

// withoutQuery is an endpoint as it may be told to others: what follows a question mark may be a secret.
func withoutQuery(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil {
		return u.Scheme + "://" + u.Host + u.EscapedPath()
	}
	return ""
}
