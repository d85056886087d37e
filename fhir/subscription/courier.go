package subscription

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/sijil-health/sijil/record"
)

// courier tells the events of a Subscription, one notification after the other, until ctx ends or the receiver is given up.
func (x *Subscriptions) courier(ctx context.Context, w *watch) {
	if w.status() == requested && !x.activate(ctx, w) {
		return
	}
	beat := newBeat(w.heartbeat)
	defer beat.stop()
	for ctx.Err() == nil {
		from, to, dropped, more := w.line.waiting()
		switch {
		case !w.end.IsZero() && !time.Now().Before(w.end):
			x.note(ctx, w, off, "")
			return
		case dropped && w.channel == restHook:
			x.note(ctx, w, failed, "the receiver does not keep up: events were forgotten before they could be sent; $events has the latest")
			return
		case from <= to && x.listened(w):
			if !x.tell(ctx, w, from, to) {
				return
			}
			beat.again()
			continue
		}
		select {
		case <-more:
		case <-beat.C():
			if x.listened(w) && x.deliver(ctx, w, &message{notification: notification{kind: heartbeat}}) == givenUp {
				return
			}
			beat.again()
		case <-untilEnd(w.end):
		case <-ctx.Done():
		}
	}
}

// untilEnd wakes when a Subscription ends, an hour off at most.
func untilEnd(end time.Time) <-chan time.Time {
	if end.IsZero() {
		return nil
	}
	return time.After(min(max(time.Until(end), time.Millisecond), time.Hour))
}

// activate shakes hands with the receiver of a Subscription by topic, and says in the Subscription that it is in force. An error at this ends it (backport,
// "REST-Hook"). One by criteria knows no handshake.
func (x *Subscriptions) activate(ctx context.Context, w *watch) bool {
	if w.channel == restHook && w.topic != "" {
		err := x.send(ctx, w, &message{notification: notification{kind: handshake, status: requested}})
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			x.note(ctx, w, failed, "the handshake failed: "+reason(err))
			return false
		}
	}
	x.note(ctx, w, active, "")
	return true
}

// message is a notification on its way.
type message struct {
	notification
	last     uint64    // event that it ends with; 0 for none
	released time.Time // when what it holds was; zero for not yet
}

// tell sends the next events, as many as go into one notification. It tells whether to go on.
func (x *Subscriptions) tell(ctx context.Context, w *watch, from, to uint64) bool {
	list, err := x.book.events(w.id(), from, min(w.batch, int(to-from)+1))
	if err != nil || len(list) == 0 {
		if err == nil {
			err = errors.New("events that were noted are not there")
		}
		x.opt.Log.Error("the events of a subscription cannot be read", "subscription", w.id(), "error", err)
		x.note(ctx, w, failed, "the node lost events of this subscription")
		return false
	}
	m := &message{notification: notification{kind: events, giving: w.content}, last: list[len(list)-1].number}
	for _, e := range list {
		m.told = append(m.told, telling{event: e})
	}
	if how := x.deliver(ctx, w, m); how != delivered {
		return how == unheard
	}
	if err := w.line.passed(x.book, m.last); err != nil {
		x.opt.Log.Error("what was told of a subscription cannot be noted", "subscription", w.id(), "error", err)
	}
	return true
}

// outcome of a delivery.
type outcome uint8

const (
	delivered outcome = iota
	unheard           // nobody listens any more
	givenUp           // the Subscription is in error, or its courier is to end
)

// deliver sends a message, again and again until the receiver has it, is given up, or ctx ends.
func (x *Subscriptions) deliver(ctx context.Context, w *watch, m *message) outcome {
	begun := time.Now()
	for pause := x.opt.Limits.Rest; ; pause = min(2*pause, x.opt.Limits.LongRest) {
		err := x.send(ctx, w, m)
		switch {
		case err == nil:
			return delivered
		case ctx.Err() != nil:
			return givenUp
		case errors.Is(err, errNobody):
			return unheard
		case errors.Is(err, record.ErrUnavailable):
			begun = time.Now() // it is this node that cannot
		case errors.Is(err, errForGood) || time.Since(begun) > x.opt.Limits.Patience:
			x.opt.Log.Warn("the receiver of a subscription is given up", "subscription", w.id(), "reason", reason(err))
			x.note(ctx, w, failed, "the receiver took no notification: "+reason(err))
			return givenUp
		}
		if rest(ctx, pause) != nil {
			return givenUp
		}
	}
}

// send makes one attempt. What a message holds is released before the first, and again where that is a while ago: its chart may have been erased since, or
// its owner not see it any more.
func (x *Subscriptions) send(ctx context.Context, w *watch, m *message) error {
	if err := x.sending.take(ctx, w.by.Actor); err != nil {
		return err
	}
	defer x.sending.give(w.by.Actor)
	if time.Since(m.released) > x.opt.Limits.Fresh {
		if m.status == "" {
			m.status = active
		}
		if m.kind == events {
			for i := range m.told {
				m.told[i].version = nil
			}
			a := w.by
			_, _ = rand.Read(a.Request[:]) // never fails, see crypto/rand
			if err := x.fill(ctx, w, m, a, x.where(w)); err != nil {
				return err
			}
		}
		if m.count == 0 {
			m.count = w.line.counted().Count
		}
		m.released = time.Now()
	}
	if w.channel == websocket {
		return x.sendSockets(w, m)
	}
	return x.post(ctx, w, m)
}

// where says, for the entries, where notifications go.
func (x *Subscriptions) where(w *watch) string {
	if w.channel == websocket {
		return "over a websocket"
	}
	return "to " + withoutQuery(w.endpoint)
}

// fill releases what the events of a message are to tell. It may be for fewer events than there are in it: what goes beyond a notification stays for the next.
func (x *Subscriptions) fill(ctx context.Context, w *watch, m *message, a record.Access, where string) error {
	changes, of := make([]record.Changed, 0, len(m.told)), make([]int, 0, len(m.told))
	for i := range m.told {
		c, err := x.opt.Record.ChangeAt(ctx, m.told[i].entry)
		if errors.Is(err, record.ErrUnavailable) || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if err == nil { // else it was erased, or is damaged: its number alone is told
			changes, of = append(changes, c), append(of, i)
		}
	}
	first, last := m.told[0].number, m.told[len(m.told)-1].number
	a.Detail = "Subscription/" + w.id() + ": event " + decimal(first)
	if last > first {
		a.Detail += "–" + decimal(last)
	}
	a.Detail += " " + where
	out, done, err := x.opt.Record.Notify(ctx, a, m.giving, changes)
	if err != nil {
		return err
	}
	if done < len(changes) {
		m.told = m.told[:of[done]]
		m.last = m.told[len(m.told)-1].number
	}
	next := 0
	for i := range out { // in the order of the changes, with some left out
		for ; next < len(changes); next++ {
			if c := &changes[next]; c.Type == out[i].Type && c.ID == out[i].ID && c.Version == out[i].Version {
				m.told[of[next]].version = &out[i]
				next++
				break
			}
		}
	}
	return nil
}

// beat tells when a heartbeat is due.
type beat struct {
	period time.Duration
	timer  *time.Timer
}

func newBeat(period time.Duration) *beat {
	b := &beat{period: period}
	if period > 0 {
		b.timer = time.NewTimer(period)
	}
	return b
}

// C is nil, which never tells, where there is no heartbeat.
func (b *beat) C() <-chan time.Time {
	if b.timer == nil {
		return nil
	}
	return b.timer.C
}

func (b *beat) again() {
	if b.timer != nil {
		b.timer.Reset(b.period)
	}
}

func (b *beat) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}
