package record

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sijil-health/sijil/index"
)

// What is told anew at once: resources, and about how many bytes of them are held meanwhile.
const (
	retoldAtOnce = 64
	retoldBytes  = 4 << 20
)

// Retelling says how far the resources of a type are told anew to the index, because what they are found by has changed.
type Retelling struct {
	Type        string
	Done, Total uint64 // numbers of versions gone through, of how many
}

// Retelling lists the types that are being told anew.
func (s *Store) Retelling() []Retelling {
	if list := s.far.Load(); list != nil {
		return *list
	}
	return nil
}

// publish says how far the telling is. The caller holds ruling whole.
func (s *Store) publish() {
	var list []Retelling
	for _, typ := range slices.Sorted(maps.Keys(s.tellings)) {
		if t := s.tellings[typ]; t.Now {
			list = append(list, Retelling{typ, min(t.Next, t.End), t.End})
		}
	}
	s.far.Store(&list)
}

// reteller tells resources anew, until the store is closed. It reads them for this node itself, as the index does that is made anew: nothing is
// released, and nothing of it is an access.
func (s *Store) reteller(ctx context.Context) {
	for ctx.Err() == nil {
		var again <-chan time.Time
		if list := s.Retelling(); len(list) > 0 {
			begin := time.Now()
			err := s.retell(ctx, list[0].Type)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				s.Log.Error("resources cannot be told anew to the index for now; what needs it cannot be searched by", "type", list[0].Type, "error", err)
				again = time.After(5 * time.Second)
			case s.Lag() > 0: // others are writing
				again = time.After(time.Since(begin))
			default:
				continue
			}
		}
		select {
		case <-again:
		case <-s.retellC:
		case <-ctx.Done():
		}
	}
}

// retell goes on with a type by some resources.
func (s *Store) retell(ctx context.Context, typ string) error {
	s.ruling.RLock()
	t := s.tellings[typ]
	s.ruling.RUnlock()
	if t == nil || !t.Now {
		return nil
	}
	if t.Next >= t.End {
		return s.told(ctx, typ, t)
	}
	list, next, err := s.Index.Numbered(ctx, typ, t.Next, t.End, retoldAtOnce)
	if err != nil {
		return err
	}
	var found []*Version
	for i, size := 0, 0; i < len(list); i++ {
		if size > retoldBytes {
			next, list = uint64(list[i].Version.Doc), list[:i]
			break
		}
		v, err := s.open(ctx, typ, list[i].ID, &list[i].Version)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, ErrUnavailable) {
			return err
		}
		switch {
		case errors.Is(err, ErrGone):
			v = nil
		case err != nil:
			v = outline(typ, list[i].ID, &list[i].Version)
			v.Damaged = true
		default:
			size += len(v.Body)
		}
		found = append(found, v)
	}
	if err := s.retold(typ, t, list, found, next); err != nil {
		return err
	}
	s.ruling.Lock()
	defer s.ruling.Unlock()
	if s.tellings[typ] == t {
		t.Next = next
		s.publish()
	}
	return nil
}

// retold gives the index what resources are found by now, and how far that is, unless the rules are others by then.
func (s *Store) retold(typ string, t *telling, list []index.Numbered, found []*Version, next uint64) (err error) {
	s.ruling.RLock()
	defer s.ruling.RUnlock()
	if s.tellings[typ] != t {
		return nil
	}
	var retold []index.Retold
	for i, v := range found {
		if v == nil {
			continue
		}
		r := index.Retold{Type: typ, ID: v.ID, Number: v.Version, Unread: v.Damaged}
		if !r.Unread {
			u := index.Update{Type: typ, ID: v.ID, Version: list[i].Version}
			if u.Terms, err = s.Extract(typ, v.Body); err == nil {
				file(&u)
			}
			r.Terms, r.Unread = u.Terms, err != nil
		}
		if retold = append(retold, r); r.Unread {
			s.reread()
		}
	}
	far := *t
	far.Next = next
	note := far.note(typ)
	return s.Index.Retell(retold, &note)
}

// told ends the telling of a type.
func (s *Store) told(ctx context.Context, typ string, t *telling) error {
	s.ruling.Lock()
	defer s.ruling.Unlock()
	if s.tellings[typ] != t {
		return nil
	}
	done := &telling{Told: t.By}
	if err := s.lasting(ctx, func() error { return s.Index.Note([]index.Telling{done.note(typ)}) }); err != nil {
		return err
	}
	if s.tellings[typ] = done; len(done.Told) == 0 {
		delete(s.tellings, typ)
	}
	s.Rules.Settle(typ, t.By)
	s.publish()
	s.Log.Info("all resources of a type can be found by what was changed", "type", typ)
	return nil
}
