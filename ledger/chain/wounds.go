package chain

import (
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/sijil-health/sijil/ledger"
)

// CometBFT panics when its files cannot be read or written. Consensus, the connections to peers and this package recover from that; in the
// goroutines of block sync and of gossip nobody does, and the panic would end the process, record and all, with a trace that no operator can
// use. There the goroutine ends instead: the engine stands still and says why, and work goes on.

// wounds are what was found wrong with the files of an engine that runs. A nil *wounds notes nothing, and lets every error through.
type wounds struct {
	log   *slog.Logger
	first atomic.Pointer[ledger.Damage]
	ended atomic.Pointer[ledger.Damage] // why a goroutine was ended that consensus needs
}

// met notes what a read or a write met.
func (w *wounds) met(d *ledger.Damage) {
	if w != nil && w.first.CompareAndSwap(nil, d) {
		w.log.Error("a file of the ledger's engine is damaged, or cannot be read or written", "file", d.File, "err", d.Detail)
	}
}

// survive notes what a read or a write met that CometBFT is going to panic on, and returns where somebody recovers from that. Elsewhere it
// ends the goroutine. The locks that CometBFT holds then are let go by defer.
func (w *wounds) survive(d *ledger.Damage) {
	if w == nil {
		return
	}
	w.met(d)
	if !in(recovering...) {
		w.ended.CompareAndSwap(nil, d)
		runtime.Goexit()
	}
}

// recovering are the functions below which a panic is recovered; gossiping are those that go on with what they do not find.
var (
	recovering = []string{
		"consensus.(*State).receiveRoutine", "conn.(*MConnection).recvRoutine",
		"chain.loading", "chain.(*engine).openNode", "chain.(*engine).startNode", "chain.(*follower).openStores", "chain.(*follower).write",
	}
	gossiping = []string{"consensus.(*Reactor).gossip", "consensus.(*Reactor).queryMaj23Routine"}
)

// in tells whether one of these functions is among the callers.
func in(functions ...string) bool {
	var pcs [128]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		for _, name := range functions {
			if strings.Contains(f.Function, "/"+name) {
				return true
			}
		}
		if !more {
			return false
		}
	}
}
