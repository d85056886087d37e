package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sijil-health/sijil/index"
)

// Rules decide what resources are found by (see Options.Extract), and follow themselves from resources of the node: they change as these are written.
type Rules interface {
	// Governs tells whether something follows from resources of a type; read, whether from what they say.
	Governs(typ string) (governs, read bool)
	// Read lists the types of which all resources are given to Change when the record is opened.
	Read() []string
	// Number is another one after each change.
	Number() uint64
	// Change says which resources were written.
	Change(list []Rule)
	// Types are those of which some are found by rules that follow from resources.
	Types() []string
	// Settle is told by which rules all resources of a type are in the index, as it gave or By gave them before, and gives what of it is still so. Unless
	// that is complete, nobody searches by what is missing.
	Settle(typ string, told map[string]string) (still map[string]string, complete bool)
	// By gives the rules of now.
	By(typ string) map[string]string
}

// Rule is a resource that rules follow from. Served is nil for one that is deleted, or cannot be read, or need not be.
type Rule struct {
	Type, ID string
	Served   []byte
}

// telling says by which rules a type's resources are in the index, and how far they are told anew.
type telling struct {
	Told map[string]string `json:"told,omitempty"`
	By   map[string]string `json:"by"` // by which they are told anew
	Next uint64            `json:"next"`
	End  uint64            `json:"end"` // of the numbers that documents had when that began; 0 for nothing to do
	Now  bool              `json:"now"` // they are being told anew
}

func (t *telling) note(typ string) index.Telling {
	out := index.Telling{Type: typ}
	if t.Now || len(t.Told) > 0 {
		out.Note, _ = json.Marshal(t) // of strings and numbers
	}
	return out
}

// loadRules reads the resources that rules follow from, as the index has them, and what it was told by.
func (s *Store) loadRules(ctx context.Context) error {
	s.tellings = map[string]*telling{}
	notes, err := s.Index.Tellings()
	if err != nil {
		return err
	}
	for _, n := range notes {
		t := new(telling)
		if json.Unmarshal(n.Note, t) != nil {
			return fmt.Errorf("%w: a note of what is told anew", index.ErrDamaged)
		}
		s.tellings[n.Type] = t
	}
	var refs []index.Ref
	for _, typ := range s.Rules.Read() {
		end := s.Index.Documents(typ)
		for next := uint64(0); next < end; {
			var list []index.Numbered
			if list, next, err = s.Index.Numbered(ctx, typ, next, end, retoldAtOnce); err != nil {
				return err
			}
			for i := range list {
				refs = append(refs, index.Ref{Type: typ, ID: list[i].ID})
			}
		}
	}
	return s.govern(ctx, refs)
}

// governed gives those of the updates that rules follow from.
func (s *Store) governed(updates []index.Update) (refs []index.Ref) {
	if s.Rules == nil {
		return nil
	}
	for i := range updates {
		if governs, _ := s.Rules.Governs(updates[i].Type); governs {
			refs = append(refs, index.Ref{Type: updates[i].Type, ID: updates[i].ID})
		}
	}
	return refs
}

// govern changes the rules after resources that they follow from were written. Nothing comes into the index meanwhile: what has a number by then was
// made by the rules of before, and what comes after by those of now.
func (s *Store) govern(ctx context.Context, refs []index.Ref) error {
	s.governing.Lock()
	defer s.governing.Unlock()
	var list []Rule
	for i, r := range refs {
		if slices.Contains(refs[:i], r) {
			continue
		}
		var rule Rule
		if err := s.lasting(ctx, func() (err error) { rule, err = s.rule(ctx, r); return err }); err != nil {
			return err
		}
		list = append(list, rule)
	}
	s.ruling.Lock()
	defer s.ruling.Unlock()
	s.Rules.Change(list)
	var notes []index.Telling
	for _, typ := range slices.Sorted(maps.Keys(s.touched())) {
		if s.settleType(typ) {
			notes = append(notes, s.tellings[typ].note(typ))
		}
		if t := s.tellings[typ]; !t.Now && len(t.Told) == 0 {
			delete(s.tellings, typ)
		}
	}
	s.publish()
	if len(notes) == 0 {
		return nil
	}
	select {
	case s.retellC <- struct{}{}:
	default:
	}
	return s.lasting(ctx, func() error { return s.Index.Note(notes) })
}

// rule reads a resource that rules follow from. One that does not open is as if it were not there.
func (s *Store) rule(ctx context.Context, r index.Ref) (Rule, error) {
	out := Rule{Type: r.Type, ID: r.ID}
	if _, read := s.Rules.Governs(r.Type); !read {
		return out, nil
	}
	now, err := s.Index.Current(r.Type, r.ID)
	if errors.Is(err, index.ErrNotFound) || err == nil && now.Deleted {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	v, err := s.open(ctx, r.Type, r.ID, &now)
	switch {
	case ctx.Err() != nil:
		return out, context.Cause(ctx)
	case err == nil:
		out.Served = v.Body
	case !errors.Is(err, ErrGone):
		s.Log.Error("a definition cannot be read, and is not used", "type", r.Type, "entry", now.Entry, "error", err)
	}
	return out, nil
}

// touched are the types whose rules may have changed. The caller holds ruling.
func (s *Store) touched() map[string]bool {
	types := map[string]bool{}
	for _, typ := range s.Rules.Types() {
		types[typ] = true
	}
	for typ := range s.tellings {
		types[typ] = true
	}
	return types
}

// settleType decides what is to be told anew of a type, and tells whether that is something else than before. The caller holds ruling.
func (s *Store) settleType(typ string) (changed bool) {
	t := s.tellings[typ]
	if t == nil {
		t = &telling{}
	}
	still, complete := s.Rules.Settle(typ, t.Told)
	by := s.Rules.By(typ)
	is := &telling{Told: still}
	switch end := s.Index.Documents(typ); {
	case complete:
	case end == 0: // there is nothing to tell
		is.Told, _ = s.Rules.Settle(typ, by)
	case t.Now && maps.Equal(t.By, by):
		is.By, is.Next, is.End, is.Now = t.By, t.Next, t.End, true
	default:
		is.By, is.End, is.Now = by, end, true
	}
	s.tellings[typ] = is
	return is.Now != t.Now || is.Next != t.Next || is.End != t.End || !maps.Equal(is.Told, t.Told) || !maps.Equal(is.By, t.By)
}
