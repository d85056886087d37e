package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/record"
)

// may tells whether a file may be fetched from an address: over HTTPS, and below one of those that the operator named.
func (x *Imports) may(address string) bool {
	u, ok := plainURL(address)
	return ok && slices.ContainsFunc(x.opt.Sources, func(source string) bool {
		s, ok := plainURL(source)
		return ok && u.Host == s.Host && (u.Path == s.Path || strings.HasPrefix(u.Path, strings.TrimSuffix(s.Path, "/")+"/"))
	})
}

// plainURL reads an HTTPS address that means what it says: without a user, a fragment, an escaped slash or steps upwards.
func plainURL(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, false
	}
	clean := path.Clean("/" + u.Path)
	plain := clean == u.Path || clean+"/" == u.Path || u.Path == ""
	return u, plain && !strings.Contains(strings.ToLower(u.RawPath), "%2f") && !strings.Contains(u.Path, `\`)
}

// IsSource tells whether an operator may name what addresses begin with so.
func IsSource(address string) bool {
	u, ok := plainURL(address)
	return ok && u.RawQuery == ""
}

// careful is a client that goes nowhere else than it was sent.
func careful(l Limits) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.ResponseHeaderTimeout = nil, l.Patience
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fetches is how often it is tried to fetch a file.
const fetches = 4

// fetch brings all inputs onto the disk that are not there. One that cannot be had is refused, and keeps the others not back.
func (w *work) fetch(ctx context.Context) error {
	for i := range w.state.Inputs {
		in := &w.state.Inputs[i]
		if in.Ready || in.Absent {
			continue
		}
		err := w.tryFetch(ctx, i)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, record.ErrUnavailable) {
			return err
		}
		if err != nil {
			w.opt.Log.Warn("a file of an import could not be fetched", "job", w.id, "input", i, "err", err)
			w.mu.Lock()
			in.Absent = true
			w.refuse(i, []byte(`{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found","diagnostics":"this file could not be fetched whole, or is larger than one may be"}]}`))
			err := w.saveSegment()
			w.mu.Unlock()
			if err != nil {
				return err
			}
		}
		if err := w.save(); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) tryFetch(ctx context.Context, input int) (err error) {
	for n := range fetches {
		if n > 0 {
			select {
			case <-time.After(time.Duration(n) * time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err = w.spool(input, func(to io.Writer) error { return w.download(ctx, w.state.Inputs[input].URL, to) })
		if err == nil || errors.Is(err, ErrLarge) || errors.Is(err, ErrFull) || errors.Is(err, errStatus) || errors.Is(err, record.ErrUnavailable) {
			return err
		}
	}
	return err
}

var errStatus = errors.New("the answer is no file")

// download copies one file. Compression by gzip is the transport's affair.
func (w *work) download(ctx context.Context, address string, to io.Writer) error {
	if !w.may(address) { // the operator may have changed the list
		return errStatus
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(w.opt.Limits.Patience, cancel) // who sends nothing any more is given up
	defer silence.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errStatus
	}
	r.Header.Set("Accept", "application/fhir+ndjson")
	a, err := w.opt.Client.Do(r)
	if err != nil {
		if named := (*url.Error)(nil); errors.As(err, &named) {
			err = named.Err // without the address, which may hold a secret
		}
		return err
	}
	defer a.Body.Close()
	if a.StatusCode >= 500 {
		return fmt.Errorf("status %d", a.StatusCode)
	}
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: status %d", errStatus, a.StatusCode)
	}
	_, err = io.Copy(to, heard{a.Body, silence, w.opt.Limits.Patience})
	return err
}

// heard says that something came.
type heard struct {
	io.Reader
	silence *time.Timer
	most    time.Duration
}

func (h heard) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	h.silence.Reset(h.most)
	return n, err
}
