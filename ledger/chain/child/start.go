package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
)

const (
	firstPause = 100 * time.Millisecond // before a first restart; doubles
	mostPause  = 30 * time.Second       // up to here
	steady     = time.Minute            // after running this long, a child's end counts as the first again
	closeGrace = 20 * time.Second       // for a child to close its files before it is killed
)

// Options are what Start needs.
type Options struct {
	// Argv is the command that calls Serve on Conn(), e.g. {"/usr/bin/sijil", "engine", DIR}.
	Argv []string
	// Source answers the child's questions to other members, for a start from a snapshot and to be fed; nil when there is none to ask.
	Source chain.Feed
	// Log gets a line for each child that ends; nil discards them. The child's standard error goes to this process's.
	Log *slog.Logger
}

// Start starts an engine in a child process and waits until it is open. It returns the child's error when that fails.
// From then on a child that ends is started again, with a growing pause, until Close or the end of the context.
func Start(ctx context.Context, opt Options) (ledger.Engine, error) {
	if len(opt.Argv) == 0 {
		return nil, errors.New("child: no command")
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	e := &engine{opt: opt, moved: make(chan struct{})}
	e.ctx, e.cancel = context.WithCancel(ctx)
	p, err := e.spawn()
	if err != nil {
		e.cancel()
		return nil, err
	}
	e.tasks.Add(1)
	go func() {
		defer e.tasks.Done()
		e.supervise(p)
	}()
	return e, nil
}

// engine is the parent's side.
type engine struct {
	opt    Options
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu       sync.Mutex
	link     *link         // nil while no child is open
	moved    chan struct{} // closed and replaced whenever link is
	why      error         // the last child did not open; nil when it did
	restarts int
	closing  bool
}

// process is a running child.
type process struct {
	cmd  *exec.Cmd
	link *link
	ran  chan error // gets why the link ended
	born time.Time
}

// spawn starts a child and waits until its engine is open.
func (e *engine) spawn() (*process, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(e.opt.Argv[0], e.opt.Argv[1:]...) //nolint:gosec // the operator's own binary
	cmd.Stderr, cmd.ExtraFiles = os.Stderr, []*os.File{theirs}
	// A process group of its own: Ctrl-C reaches the parent alone, which closes the child in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("child: start %s: %w", e.opt.Argv[0], err), ours.Close())
	}
	p := &process{cmd: cmd, link: newLink(e.ctx, ours, e.serve), ran: make(chan error, 1), born: time.Now()}
	go func() { p.ran <- p.link.run() }()
	if _, err := ask[struct{}](e.ctx, p.link, callOpen, &args{}); err != nil {
		return nil, errors.Join(err, p.end())
	}
	e.swap(p.link)
	return p, nil
}

// end takes the connection from a child, which ends by that, and waits for it.
func (p *process) end() error {
	p.link.cancel()
	kill := time.AfterFunc(closeGrace, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil // it told why before, or crashed, which its standard error shows
	}
	return err
}

// socketPair gives the two ends of a connection, ours as a connection, the child's as a file.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("child: socket pair: %w", err)
	}
	mine, theirs := os.NewFile(uintptr(fds[0]), "child"), os.NewFile(uintptr(fds[1]), "parent")
	defer mine.Close()
	conn, err := net.FileConn(mine)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("child: socket pair: %w", err), theirs.Close())
	}
	return conn, theirs, nil
}

// supervise starts the next child whenever one ends.
func (e *engine) supervise(p *process) {
	pause := firstPause
	for {
		err := <-p.ran
		e.swap(nil)
		lived := time.Since(p.born)
		endErr := p.end()
		if e.done() {
			return
		}
		e.opt.Log.Warn("the ledger engine's process ended and is started again", "err", errors.Join(err, endErr), "after", lived)
		if lived > steady {
			pause = firstPause
		}
		for {
			select {
			case <-e.ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, mostPause)
			e.mu.Lock()
			e.restarts++
			e.mu.Unlock()
			if p, err = e.spawn(); err == nil {
				break
			}
			if e.done() {
				return
			}
			e.opt.Log.Warn("the ledger engine's process does not open", "err", err)
			e.mu.Lock()
			e.why = err
			e.mu.Unlock()
		}
	}
}

func (e *engine) done() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closing || e.ctx.Err() != nil
}

// swap makes a link the current one and wakes whoever waits for one.
func (e *engine) swap(l *link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link = l; l != nil {
		e.why = nil
	}
	close(e.moved)
	e.moved = make(chan struct{})
}
