package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// importClient sends for as long as it takes; the answer must come soon after. It follows nobody elsewhere.
var importClient = &http.Client{
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: exportPatience, ExpectContinueTimeout: 5 * time.Second, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

var importAddress = regexp.MustCompile(`/\$import/([0-9A-Za-z-]{1,64})/status$`)

// send sends all lines as one body.
func (x *importing) send(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, x.fhir+"/$import", x.lines)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer " + x.token, "Content-Type": "application/fhir+ndjson", "Prefer": "respond-async", "Expect": "100-continue", // who is refused sends nothing
	} {
		r.Header.Set(name, value)
	}
	type answered struct {
		resp *http.Response
		err  error
	}
	done := make(chan answered, 1)
	go func() {
		resp, err := importClient.Do(r)
		done <- answered{resp, err}
	}()
	clock := time.NewTicker(200 * time.Millisecond)
	defer clock.Stop()
	defer x.a.progressEnd()
	for {
		select {
		case <-clock.C:
			x.draw("import.sending", x.lines.sent(), x.lines.size)
		case a := <-done:
			if a.err != nil {
				return a.err
			}
			defer a.resp.Body.Close()
			b, err := io.ReadAll(io.LimitReader(a.resp.Body, 1<<20))
			if err != nil {
				return err
			}
			id := importAddress.FindStringSubmatch(a.resp.Header.Get("Content-Location"))
			if a.resp.StatusCode != http.StatusAccepted || id == nil {
				return refused(http.MethodPost, x.fhir+"/$import", a.resp, b)
			}
			x.id = id[1]
			return nil
		}
	}
}

// ask sends a request without a body. wait is how long the gate wants to be left alone.
func (x *importing) ask(ctx context.Context, method, address string) (b []byte, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, exportPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+x.token)
	resp, err := importClient.Do(r)
	if err != nil {
		return nil, 0, errors.Join(errAway, err)
	}
	defer resp.Body.Close()
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	wait = time.Duration(seconds) * time.Second
	if b, err = io.ReadAll(io.LimitReader(resp.Body, maxExported)); err != nil {
		return nil, wait, errors.Join(errAway, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return b, 0, nil
	case http.StatusAccepted:
		return b, max(wait, time.Nanosecond), nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return nil, wait, errors.Join(errAway, refused(method, address, resp, b))
	}
	return nil, 0, refused(method, address, resp, b)
}

// errAway says that the gate could not answer at the moment.
var errAway = errors.New("the gate does not answer")

// wait asks for the status until the import is done. names are the files that say what was refused.
func (x *importing) wait(ctx context.Context) (result *imported, names []string, err error) {
	since, pause := time.Now(), 100*time.Millisecond
	for {
		b, wait, err := x.ask(ctx, http.MethodGet, x.at())
		switch {
		case err == nil && wait == 0:
			return importResult(b)
		case err == nil:
			since = time.Now()
			var status struct{ Read, Size int64 }
			if json.Unmarshal(b, &status) == nil && status.Size > 0 {
				x.draw("import.storing", status.Read, status.Size)
			}
		case !errors.Is(err, errAway) || ctx.Err() != nil || time.Since(since) > outageBorne:
			return nil, nil, err
		}
		pause = min(pause*3/2, slowestStatus)
		select {
		case <-time.After(max(pause, min(wait, slowestStatus))):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}
