package peer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// attend watches over a request until its answer is read: now and then it asks the other node whether it is still there, and ends the request
// when it is not, or is no member any more. An idle connection is looked at much less often.
func (c *Client) attend(ctx context.Context, l *link) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var look *time.Timer
	begun := make(chan struct{}) // closed when look is set
	look = time.AfterFunc(c.attendEvery, func() {
		<-begun
		if err := c.valid(l); err != nil {
			cancel(err)
			return
		}
		err := l.ping(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			c.renew(l)
			cancel(fmt.Errorf("%w: it no longer answers a ping: %w", ErrUnreachable, err))
		default:
			look.Reset(c.attendEvery)
		}
	})
	close(begun)
	return ctx, func() {
		look.Stop()
		cancel(nil)
	}
}

// ping asks the other node for a sign of life.
func (l *link) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+l.addr+PingPath, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// renew puts a fresh link in the place of one whose connection is dead: the next request dials.
func (c *Client) renew(dead *link) {
	member, ok := c.members.Find(dead.org)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || !ok || c.links[dead.org] != dead {
		return
	}
	dead.http.CloseIdleConnections()
	c.links[dead.org] = c.open(member, dead.health)
}

// attended is an answer's body; closing it ends the watch over the request.
type attended struct {
	io.ReadCloser
	done func()
}

// Close implements io.Closer.
func (a *attended) Close() error {
	defer a.done()
	return a.ReadCloser.Close()
}
