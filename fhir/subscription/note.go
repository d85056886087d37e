package subscription

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// The node notes a Subscription's status in the resource, as a version of its own: whoever reads it sees how it stands, and its entry says since when.

// note has the status of a Subscription written, until it is there or its owner has written another version. why stands in its element error.
func (x *Subscriptions) note(ctx context.Context, w *watch, status, why string) {
	w.set(status, why)
	for pause := x.opt.Limits.Rest; ctx.Err() == nil; pause = min(2*pause, x.opt.Limits.LongRest) {
		err := x.tryNote(ctx, w, status, why)
		if err == nil || errors.Is(err, errOvertaken) || errors.Is(err, record.ErrNotFound) || errors.Is(err, record.ErrGone) {
			return
		}
		x.opt.Log.Warn("the status of a subscription could not be noted yet", "subscription", w.id(), "status", status, "error", err)
		if rest(ctx, pause) != nil {
			return
		}
	}
}

var errOvertaken = errors.New("its owner has written another version")

func (x *Subscriptions) tryNote(ctx context.Context, w *watch, status, why string) error {
	kept, err := x.opt.Record.Subscription(ctx, w.id())
	if err != nil {
		return err
	}
	if kept.Since != w.since {
		return errOvertaken
	}
	if statusOf(kept.Body) == status {
		return nil
	}
	change, err := x.changed(kept, status, why)
	if err != nil {
		return err
	}
	a := record.NodeAccess("Subscription/" + w.id() + ": status " + status)
	_, err = x.opt.Record.Write(ctx, a, []record.Change{change})
	return err
}

// changed makes the next version of a Subscription, of another status.
func (x *Subscriptions) changed(kept *record.Subscription, status, why string) (record.Change, error) {
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(kept.Body, limits); err != nil {
		return record.Change{}, err
	}
	source, err := record.Spliced(kept.Body, statusEdits(t.Root(), status, why))
	if err != nil {
		return record.Change{}, err
	}
	of := tape.Get()
	defer of.Release()
	if err := of.Parse(source, limits); err != nil {
		return record.Change{}, err
	}
	meta := of.Root().Get("meta")
	number, updated := meta.Get("versionId"), meta.Get("lastUpdated")
	places := [2][2]int{{number.Start(), number.End()}, {updated.Start(), updated.End()}}
	return record.Change{
		Op: record.OpUpdate, Type: "Subscription", ID: kept.ID, Source: source, Compartment: record.General, IfVersion: kept.Version.Version,
		Terms: x.opt.Parameters.Of("Subscription").Terms(nil, of.Root(), nil),
		Edits: func(version uint64, at time.Time) []record.Edit {
			list := []record.Edit{
				{Offset: places[0][0], Delete: places[0][1] - places[0][0], Insert: tape.AppendQuoted(nil, decimal(version))},
				{Offset: places[1][0], Delete: places[1][1] - places[1][0], Insert: tape.AppendQuoted(nil, instant(at))},
			}
			slices.SortFunc(list, func(a, b record.Edit) int { return cmp.Compare(a.Offset, b.Offset) })
			return list
		},
	}, nil
}

// limits are those of what was stored before.
var limits = tape.Limits{Bytes: record.MaxSource + 1<<20, Nodes: 1 << 20}

// statusEdits puts a status in the place of the one that is there, and what went wrong beside it, or nothing.
func statusEdits(root tape.Value, status, why string) (list []record.Edit) {
	old, word := root.Get("status"), root.Get("error")
	list = append(list, record.Edit{Offset: old.Start(), Delete: old.End() - old.Start(), Insert: tape.AppendQuoted(nil, status)})
	switch {
	case why == "" && word.Exists():
		list = append(list, without(root, "error"))
	case why != "" && word.Exists():
		list = append(list, record.Edit{Offset: word.Start(), Delete: word.End() - word.Start(), Insert: tape.AppendQuoted(nil, why)})
	case why != "":
		list[0].Insert = tape.AppendQuoted(append(list[0].Insert, `,"error":`...), why)
	}
	slices.SortFunc(list, func(a, b record.Edit) int { return cmp.Compare(a.Offset, b.Offset) })
	return list
}

// without removes a member that is not the only one, with the comma before or behind it.
func without(root tape.Value, name string) record.Edit {
	var before tape.Value
	for m := root.First(); m.Exists(); m = m.Next() {
		if m.Named(name) {
			if next := m.Next(); next.Exists() {
				return record.Edit{Offset: m.NameStart(), Delete: next.NameStart() - m.NameStart()}
			}
			return record.Edit{Offset: before.End(), Delete: m.End() - before.End()}
		}
		before = m
	}
	return record.Edit{}
}

// parse reads a Subscription that is stored.
func (x *Subscriptions) parse(body []byte) (*asked, error) {
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(body, limits); err != nil {
		return nil, err
	}
	a, err := x.reader.read(t.Root())
	if e := (*Error)(nil); errors.As(err, &e) {
		e.At = tape.Value{} // it is on the tape
	}
	return a, err
}

func statusOf(body []byte) string {
	t := tape.Get()
	defer t.Release()
	if t.Parse(body, limits) != nil {
		return off
	}
	return t.Root().Get("status").Text()
}
