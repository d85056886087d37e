package chain

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/cometbft/cometbft/p2p"
)

// Dialling. CometBFT gives up on a lost peer after a while, and waits up to three seconds before it dials a first time;
// this node dials the missing members itself, for as long as it runs.
const (
	dialEvery = 500 * time.Millisecond // look for missing peers
	dialFirst = time.Second            // pause after a first failure; doubles
	dialMost  = 15 * time.Second       // up to here
)

// splitPeer cuts node@host:port.
func splitPeer(peer string) (p2p.ID, string) {
	id, addr, _ := strings.Cut(peer, "@")
	return p2p.ID(id), addr
}

// attempt is what is known of dialling one peer.
type attempt struct {
	busy  bool
	after time.Time     // not before
	pause time.Duration // after the next failure
}

type dialler struct {
	e  *engine
	mu sync.Mutex
	// tries is by identity; it has at most as many rows as there were members and configured peers.
	tries map[p2p.ID]*attempt
}

// keepPeers dials members that are not connected and drops nodes that are no longer admitted.
func (e *engine) keepPeers(ctx context.Context) {
	d := &dialler{e: e, tries: map[p2p.ID]*attempt{}}
	tick := time.NewTicker(dialEvery)
	defer tick.Stop()
	var dialling sync.WaitGroup
	defer dialling.Wait()
	for {
		for id, addr := range e.addresses() {
			if d.due(id) {
				dialling.Add(1)
				go func() {
					defer dialling.Done()
					d.dial(id, addr)
				}()
			}
		}
		e.dropStrangers()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// addresses gives where to find every other voting member's node, as the operator says or else as the ledger says. A member without a vote
// is not dialled: it is fed, or dials by itself.
func (e *engine) addresses() map[p2p.ID]string {
	m := map[p2p.ID]string{}
	members := e.app.current.Load().roster.Members
	for i := range members {
		if members[i].P2P != "" && members[i].Power > 0 {
			m[p2p.ID(members[i].NodeID)] = members[i].P2P
		}
	}
	for _, peer := range e.cfg.Peers {
		id, addr := splitPeer(peer)
		m[id] = addr
	}
	delete(m, e.self)
	return m
}

// due tells whether to dial now. Of two nodes the one with the lower identity dials first: were both to dial at once, each
// might drop the other's connection as a duplicate.
func (d *dialler) due(id p2p.ID) bool {
	if d.e.node.Switch().Peers().Has(id) {
		d.mu.Lock()
		delete(d.tries, id)
		d.mu.Unlock()
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, now := d.tries[id], time.Now()
	if t == nil {
		t = &attempt{pause: dialFirst}
		if d.e.self > id {
			t.after = now.Add(dialFirst)
		}
		d.tries[id] = t
	}
	if t.busy || now.Before(t.after) {
		return false
	}
	t.busy = true
	return true
}

func (d *dialler) dial(id p2p.ID, addr string) {
	na, err := p2p.NewNetAddressString(p2p.IDAddressString(id, addr)) // resolves a name anew each time
	if err == nil {
		err = d.e.node.Switch().DialPeerWithAddress(na)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tries[id]
	if t == nil {
		return
	}
	t.busy, t.after = false, time.Now().Add(t.pause)
	if err != nil {
		t.pause = min(2*t.pause, dialMost)
		d.e.log.Debug("dialling a member failed", "node", id, "address", addr, "err", err)
	}
}

// dropStrangers ends the connections of nodes whose organisation left.
func (e *engine) dropStrangers() {
	sw := e.node.Switch()
	for _, p := range sw.Peers().Copy() {
		if !e.app.admits(string(p.ID())) {
			sw.StopPeerGracefully(p)
		}
	}
}
