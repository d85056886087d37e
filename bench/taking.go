package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// export measures $export of everything the node holds, made-up people for the most part: from asking until the list of files is there, and fetching them.
func (b *bench) export(ctx context.Context, c *cluster) (err error) {
	if err := b.holdAndTell(ctx, c, b.load.searched); err != nil {
		return err
	}
	clinician := c.members[0].token
	defer func() { c.members[0].token = clinician }()
	if c.members[0].token, err = c.members[0].mint(ctx, "system"); err != nil {
		return err
	}
	before, err := cpu(c.members[0].pid)
	if err != nil {
		return err
	}
	begin := time.Now()
	status, answer, header, err := c.do(ctx, http.MethodGet, "/$export", nil, "Prefer: respond-async")
	if err == nil && status != http.StatusAccepted {
		err = fmt.Errorf("$export: %d: %.300s", status, answer)
	}
	if err != nil {
		return err
	}
	made, err := c.made(ctx, header.Get("Content-Location"))
	if err != nil {
		return err
	}
	seconds := time.Since(begin).Seconds()
	after, err := cpu(c.members[0].pid)
	if err != nil {
		return err
	}
	n := 0
	for _, f := range made.Output {
		n += f.Count
	}
	b.add(figure{Name: "$export with receipts, sealed: resources", Nodes: c.nodes, Value: float64(n) / seconds, Unit: "/s",
		Note: fmt.Sprintf("%d resources; processor %s µs each", n, number((after-before).Seconds()*1e6/float64(n)))}.least(30_000))
	begin, size := time.Now(), 0
	for _, f := range made.Output {
		status, answer, _, err := c.do(ctx, http.MethodGet, c.below(f.URL), nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s: %d: %.300s", f.URL, status, answer)
		}
		if err != nil {
			return err
		}
		size += len(answer)
	}
	b.add(figure{Name: "$export: fetching the files", Nodes: c.nodes, Value: float64(size) / time.Since(begin).Seconds() / 1e6, Unit: "MB/s"})
	return nil
}

// manifest is what a complete export answers (Bulk Data Access 2.0.0, section 2.6).
type manifest struct {
	Output []struct {
		URL   string
		Count int
	}
}

// made waits for an export.
func (c *cluster) made(ctx context.Context, at string) (m manifest, err error) {
	for {
		status, answer, _, err := c.do(ctx, http.MethodGet, c.below(at), nil)
		if err != nil {
			return m, err
		}
		switch status {
		case http.StatusOK:
			return m, json.Unmarshal(answer, &m)
		case http.StatusAccepted:
			time.Sleep(20 * time.Millisecond)
		default:
			return m, fmt.Errorf("the export's status: %d: %.300s", status, answer)
		}
	}
}

// below is the path of an address below the base.
func (c *cluster) below(url string) string {
	if path, ok := strings.CutPrefix(url, c.members[0].fhir); ok {
		return path
	}
	return "/" + strings.TrimPrefix(url, "/")
}

// startAgain measures how long a node with many resources takes from being started until it gives one of them.
func (b *bench) startAgain(ctx context.Context, c *cluster) error {
	if err := b.holdAndTell(ctx, c, b.load.searched); err != nil {
		return err
	}
	m, most := c.members[0], 0.0
	for range 3 {
		c.stop()
		begin := time.Now()
		if err := b.serve(c, m, 0); err != nil {
			return err
		}
		for ; ; time.Sleep(2 * time.Millisecond) {
			status, _, _, err := m.wires.do(ctx, http.MethodGet, "/Patient/"+c.held.Patients[0], m.token, nil)
			if err == nil && status == http.StatusOK {
				break
			}
			if time.Since(begin) > startWithin {
				return fmt.Errorf("the node does not answer after it was started again: %d, %v", status, err)
			}
		}
		most = max(most, time.Since(begin).Seconds())
	}
	b.add(figure{Name: "start, until a resource is read, the slowest of three", Nodes: c.nodes, Value: most, Unit: "s",
		Note: fmt.Sprintf("%d resources", c.held.resources())}.most(1))
	return nil
}
