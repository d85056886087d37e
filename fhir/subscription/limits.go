package subscription

import "time"

// Limits bound what Subscriptions may take. Zero fields are replaced by those of DefaultLimits.
type Limits struct {
	Node, Actor int // Subscriptions of the node, of one actor
	Events      int // that are kept of one Subscription, told or not
	Batch       int // most events of one notification, whatever the Subscription asks for

	Sending, ActorSending int // notifications that are being sent at once, for one actor

	Sockets, ActorSockets int // websocket connections of the node, of one actor
	Unbound               int // of them, those that have bound nothing yet

	Timeout   time.Duration // of one attempt, unless the Subscription says
	Heartbeat time.Duration // shortest period
	Rest      time.Duration // after the first failure; doubled after each
	LongRest  time.Duration // the longest
	Fresh     time.Duration // how long what was released may be sent again without being released anew
	Patience  time.Duration // after which a receiver that takes nothing is given up
	Binding   time.Duration // how long a token binds, and what was bound stays so
}

// DefaultLimits are those of a node.
var DefaultLimits = Limits{
	Node: 256, Actor: 32, Events: 5_000, Batch: 100, Sending: 16, ActorSending: 4,
	Sockets: 256, ActorSockets: 16, Unbound: 32,
	Timeout: 10 * time.Second, Heartbeat: 10 * time.Second, Rest: time.Second, LongRest: 2 * time.Minute, Fresh: time.Minute, Patience: time.Hour, Binding: time.Hour,
}

const (
	maxEndpoint = 1_000 // bytes of a URL
	maxHeaders  = 16
	maxHeader   = 2_000 // bytes of one
	maxFilters  = 16
	maxTimeout  = time.Minute
	maxPeriod   = 7 * 24 * time.Hour
	maxMessage  = 4 << 10 // bytes of what a websocket client may send
	maxAnswer   = 4 << 10 // bytes of what a receiver answers that are read, and thrown away
)

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	for _, f := range []struct{ own, other *int }{
		{&l.Node, &d.Node}, {&l.Actor, &d.Actor}, {&l.Events, &d.Events}, {&l.Batch, &d.Batch}, {&l.Sending, &d.Sending}, {&l.ActorSending, &d.ActorSending},
		{&l.Sockets, &d.Sockets}, {&l.ActorSockets, &d.ActorSockets}, {&l.Unbound, &d.Unbound},
	} {
		if *f.own == 0 {
			*f.own = *f.other
		}
	}
	for _, f := range []struct{ own, other *time.Duration }{
		{&l.Timeout, &d.Timeout}, {&l.Heartbeat, &d.Heartbeat}, {&l.Rest, &d.Rest}, {&l.LongRest, &d.LongRest}, {&l.Fresh, &d.Fresh}, {&l.Patience, &d.Patience}, {&l.Binding, &d.Binding},
	} {
		if *f.own == 0 {
			*f.own = *f.other
		}
	}
	return l
}
