package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// Giving is how much of a change somebody is told.
type Giving uint8

// What is given: that there was something, which resource it was, the resource.
const (
	GiveNothing Giving = iota
	GiveNames
	GiveContent
)

// Notify releases changes to an access that has asked to be told of them, as its Detail says, and leaves the entries that say so, durable, before it
// returns. It gives those that the access may see now; what was erased since, or may not be seen, is left out. Of a deletion, and of what is damaged, there
// is no content. It ends after maxPage bytes, and done says how many of the changes it went through. Nothing may be sent if it fails. Errors: ErrUnavailable.
func (s *Store) Notify(ctx context.Context, a Access, g Giving, changes []Changed) (out []Version, done int, err error) {
	var found []match
	var at []int // of each found, among the changes
	for i := range changes {
		c := &changes[i]
		v, err := s.versionAt(ctx, c.Type, c.ID, c.Version)
		if errors.Is(err, index.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if permit(&a, policy.Read, v.Chart, c.Type) == nil && !s.erased(&v) {
			found, at = append(found, match{typ: c.Type, id: c.ID, version: v}), append(at, i)
		}
	}
	switch {
	case g == GiveContent && len(found) > 0:
		all := len(found)
		if out, done, err = s.release(ctx, a, verify.KindExport, false, nil, found); err == nil && done < all {
			return out, at[done], nil
		}
	case g == GiveNames && len(found) > 0:
		for i := range found {
			out = append(out, *outline(found[i].typ, found[i].id, &found[i].version))
		}
		err = s.leave(ctx, a, verify.KindExport, false, found)
	default:
		err = s.record(ctx, a, toldOf(found)...)
	}
	if err != nil {
		return nil, 0, err
	}
	return out, len(changes), nil
}

// toldOf makes the entries of a notification that gives nothing: one in each chart that something of was concerned, or in the organisation's own stream.
func toldOf(found []match) []line {
	const why = "told that something matched, and not what"
	var charts []string
	for i := range found {
		if chart := found[i].version.Chart; !slices.Contains(charts, chart) {
			charts = append(charts, chart)
		}
	}
	if charts == nil {
		charts = []string{""}
	}
	lines := make([]line, len(charts))
	for i, chart := range charts {
		lines[i] = line{kind: verify.KindExport, chart: chart, why: why, outcome: http.StatusOK}
	}
	return lines
}
