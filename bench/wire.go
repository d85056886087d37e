package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// wires are the open connections to one node. A request takes one that is free, or opens another; each carries one request at a time, in the
// goroutine that asks. net/http's client hands every request through two goroutines more, which on the two cores that load and nodes share
// took as much as the node did.
type wires struct {
	address, prefix string
	mu              sync.Mutex
	free            []*wire
}

// wire is one connection.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

// asked within which a request is answered or the connection given up.
const answered = time.Minute

func newWires(base string) *wires {
	address, path, _ := strings.Cut(strings.TrimPrefix(base, "http://"), "/")
	return &wires{address: address, prefix: "/" + path}
}

// do sends a request and reads the whole answer. A connection that the node closed while it was idle is replaced once.
func (w *wires) do(ctx context.Context, method, path, token string, body []byte, headers ...string) (int, []byte, http.Header, error) {
	for {
		c, fresh, err := w.take(ctx)
		if err != nil {
			return 0, nil, nil, err
		}
		resp, answer, err := c.exchange(method, w.address, w.prefix+path, token, body, headers)
		if err == nil && !resp.Close {
			w.give(c)
			return resp.StatusCode, answer, resp.Header, nil
		}
		_ = c.conn.Close()
		if err == nil {
			return resp.StatusCode, answer, resp.Header, nil
		}
		if fresh || !errors.Is(err, io.EOF) {
			return 0, nil, nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
}

func (w *wires) take(ctx context.Context) (c *wire, fresh bool, err error) {
	w.mu.Lock()
	if n := len(w.free); n > 0 {
		c, w.free = w.free[n-1], w.free[:n-1]
	}
	w.mu.Unlock()
	if c != nil {
		return c, false, nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, false, err
	}
	return &wire{conn: conn, in: bufio.NewReader(conn)}, true, nil
}

func (w *wires) give(c *wire) {
	w.mu.Lock()
	w.free = append(w.free, c)
	w.mu.Unlock()
}

// close ends the connections that are not in use.
func (w *wires) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.free {
		_ = c.conn.Close()
	}
	w.free = nil
}

// exchange writes a request at once and reads the answer. io.EOF means that the node had closed the connection.
func (c *wire) exchange(method, host, target, token string, body []byte, headers []string) (*http.Response, []byte, error) {
	c.out.Reset()
	fmt.Fprintf(&c.out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, host)
	if token != "" {
		fmt.Fprintf(&c.out, "Authorization: Bearer %s\r\n", token)
	}
	for _, h := range headers {
		c.out.WriteString(h + "\r\n")
	}
	if body != nil {
		fmt.Fprintf(&c.out, "Content-Type: application/fhir+json\r\nContent-Length: %d\r\n", len(body))
	}
	c.out.WriteString("\r\n")
	c.out.Write(body)
	if err := c.conn.SetDeadline(time.Now().Add(answered)); err != nil {
		return nil, nil, err
	}
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return nil, nil, io.EOF
	}
	if _, err := c.in.Peek(1); err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return resp, answer, err
}
