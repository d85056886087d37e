package subscription

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// Check says what is wrong with a Subscription that somebody is about to store under an id, if anything, and under which status it is to be stored: to say
// that it is in force is the node's, once its receiver has answered. Only its owner may change one that is there. Errors: *Error, record.ErrForbidden.
func (x *Subscriptions) Check(ctx context.Context, a record.Access, root tape.Value, id string) (status string, err error) {
	read, err := x.reader.read(root)
	if err != nil {
		return "", err
	}
	x.mu.Lock()
	_, there := x.watches[id]
	all, mine := len(x.watches), x.ofActor(a.Actor)
	x.mu.Unlock()
	kept, err := x.opt.Record.Subscription(ctx, id)
	if err == nil && kept.By.Actor != a.Actor {
		return "", fmt.Errorf("%w: the subscription is another's", record.ErrForbidden)
	}
	at := root.Get("status")
	switch {
	case read.status == failed:
		return "", refuse(at, "business-rule", "that a subscription is in error is for the node to say; requested has it begin again, off ends it")
	case !there && (all >= x.opt.Limits.Node || mine >= x.opt.Limits.Actor):
		return "", refuse(at, "too-costly", "a node keeps at most %d subscriptions, %d of one actor; delete one", x.opt.Limits.Node, x.opt.Limits.Actor)
	case read.status == off:
		return off, nil
	case read.channel == websocket:
		return active, nil // there is no endpoint to be asked
	}
	return requested, nil
}

// patience bounds how long an operation waits for a Subscription that was written a moment ago to be taken up.
const patience = 5 * time.Second

// known gives a Subscription as it was written last. Errors: ErrUnknown, those of the record.
func (x *Subscriptions) known(ctx context.Context, id string) (*watch, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		kept, err := x.opt.Record.Subscription(ctx, id)
		if err != nil {
			return nil, err
		}
		if w := x.find(id); w != nil && w.since == kept.Since {
			return w, nil
		}
		if rest(ctx, 10*time.Millisecond) != nil {
			return nil, ErrUnknown
		}
	}
}

// owned is known for its owner: the actor who wrote it last, in the role they did it in. An access that is limited to a chart is none of theirs.
func (x *Subscriptions) owned(ctx context.Context, a record.Access, id string) (*watch, error) {
	w, err := x.known(ctx, id)
	if err != nil {
		return nil, err
	}
	if !w.ownedBy(a) {
		return nil, fmt.Errorf("%w: the subscription is another's", record.ErrForbidden)
	}
	return w, nil
}

func (w *watch) ownedBy(a record.Access) bool {
	return a.Actor == w.by.Actor && a.Role == w.by.Role && a.Chart == ""
}

// Mine gives the ids of an access's own Subscriptions.
func (x *Subscriptions) Mine(a record.Access) (ids []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, w := range x.watches {
		if w.ownedBy(a) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Status gives how Subscriptions stand, those in any of some states where such are named, as a Bundle of type searchset (backport, $status). Errors: ErrUnknown.
func (x *Subscriptions) Status(ctx context.Context, ids, states []string) ([]byte, error) {
	entries, n := []byte(nil), 0
	for _, id := range ids {
		w, err := x.known(ctx, id)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		m := &notification{kind: queried, status: w.state, why: w.why, count: w.line.counted().Count}
		w.mu.Unlock()
		if len(states) > 0 && !slices.Contains(states, m.status) {
			continue
		}
		if n++; n > 1 {
			entries = append(entries, ',')
		}
		entries = append(x.statusEntry(entries, w, m), `,"search":{"mode":"match"}}`...)
	}
	b := []byte(`{"resourceType":"Bundle","type":"searchset","total":` + decimal(uint64(n)))
	if n > 0 {
		b = append(append(append(b, `,"entry":[`...), entries...), ']')
	}
	return append(b, '}'), nil
}

// Events gives the owner of a Subscription again what was found for it, from one number to another, 0 for no bound, as far as it is kept: as many as go into
// one notification, and of each at most what the Subscription gives (backport, $events). Errors: ErrUnknown, record.ErrForbidden, record.ErrUnavailable.
func (x *Subscriptions) Events(ctx context.Context, a record.Access, id string, since, until uint64, content string) ([]byte, error) {
	w, err := x.owned(ctx, a, id)
	if err != nil {
		return nil, err
	}
	giving := w.content
	switch content {
	case "empty":
		giving = record.GiveNothing
	case "id-only":
		giving = min(giving, record.GiveNames)
	}
	list, err := x.book.events(id, since, x.opt.Limits.Batch)
	if err != nil {
		return nil, err
	}
	m := &message{notification: notification{kind: recalled, status: w.status(), giving: giving, count: w.line.counted().Count}}
	for _, e := range list {
		if until == 0 || e.number <= until {
			m.told = append(m.told, telling{event: e})
		}
	}
	if len(m.told) > 0 {
		if err := x.fill(ctx, w, m, a, "to its owner, who asked for it"); err != nil {
			return nil, err
		}
	}
	return x.bundle(w, &m.notification), nil
}

// SetSecret gives a Subscription the secret that its notifications are signed with from now on: one that its owner chose, or a new one where that is "". It
// is given this once. Errors: ErrUnknown, ErrChannel, ErrSecret, record.ErrForbidden.
func (x *Subscriptions) SetSecret(ctx context.Context, a record.Access, id, chosen string) (secret string, err error) {
	w, err := x.owned(ctx, a, id)
	switch {
	case err != nil:
		return "", err
	case w.channel != restHook:
		return "", ErrChannel
	case chosen == "":
		chosen = newSecret()
	case len(chosen) < 32 || len(chosen) > 128 || slices.ContainsFunc([]byte(chosen), func(c byte) bool { return c <= ' ' || c > '~' }):
		return "", ErrSecret
	}
	return chosen, x.book.setSecret(id, []byte(chosen))
}
