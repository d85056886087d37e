package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/demo/patients"
)

// observation is of the usual size of a laboratory result, 1.3 kB.
const observation = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin A1c/Hemoglobin.total in Blood"}],"text":"Hemoglobin A1c/Hemoglobin.total in Blood"},"subject":{"reference":"Patient/%s"},"encounter":{"reference":"Encounter/%s"},"effectiveDateTime":"2026-03-0%dT08:12:44+03:00","issued":"2026-03-05T08:12:44.123+03:00","valueQuantity":{"value":6.%02d,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"},"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"Normal"}]}],"referenceRange":[{"low":{"value":4.0,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"},"high":{"value":6.5,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"},"text":"4.0 - 6.5 %%"}],"note":[{"text":"Sample taken fasting. Method: HPLC, IFCC aligned; repeat in three months if clinically indicated, see guideline."}]}`

func (c *cluster) do(ctx context.Context, method, path string, body []byte) (int, []byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.fhir+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/fhir+json")
	resp, err := c.client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, resp.Header, err
}

// patients makes charts to write into, and gives their ids.
func (c *cluster) charts(ctx context.Context, n int) ([]string, error) {
	ids := make([]string, n)
	for i := range ids {
		status, answer, _, err := c.do(ctx, http.MethodPost, "/Patient", fmt.Appendf(nil, `{"resourceType":"Patient","name":[{"family":"Bench%d"}]}`, i))
		if err != nil || status != http.StatusCreated {
			return nil, fmt.Errorf("create a patient: %d %s: %w", status, answer, err)
		}
		var p struct{ ID string }
		if err := json.Unmarshal(answer, &p); err != nil {
			return nil, err
		}
		ids[i] = p.ID
	}
	return ids, nil
}

// load runs do in many clients at once for the bench's time and gives the rate and the latencies in ascending order.
func (b *bench) load(clients int, do func(client, i int) error) (rate float64, took []time.Duration, err error) {
	var all sync.WaitGroup
	var count atomic.Int64
	var mu sync.Mutex
	begin := time.Now()
	end := begin.Add(time.Duration(b.seconds * float64(time.Second)))
	for client := range clients {
		all.Go(func() {
			var mine []time.Duration
			for i := 0; time.Now().Before(end); i++ {
				at := time.Now()
				if e := do(client, i); e != nil {
					mu.Lock()
					err = e
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(at))
				count.Add(1)
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	slices.Sort(took)
	return float64(count.Load()) / time.Since(begin).Seconds(), took, err
}

func (b *bench) creator(ctx context.Context, c *cluster, ids []string) func(client, i int) error {
	return func(client, i int) error {
		id := ids[(client+i*7)%len(ids)]
		status, answer, header, err := c.do(ctx, http.MethodPost, "/Observation", fmt.Appendf(nil, observation, id, id, 1+i%9, i%100))
		if err != nil {
			return err
		}
		if status != http.StatusCreated || header.Get("Sijil-Ack") != "anchored" {
			return fmt.Errorf("create: %d, Sijil-Ack %q: %.200s", status, header.Get("Sijil-Ack"), answer)
		}
		return nil
	}
}

func (b *bench) loneWrite(ctx context.Context, c *cluster) error {
	ids, err := c.charts(ctx, 4)
	if err != nil {
		return err
	}
	_, took, err := b.load(1, b.creator(ctx, c, ids))
	if err != nil {
		return err
	}
	p50, p99 := 8.0, 30.0
	if c.nodes == 4 {
		p50, p99 = 38, 120
	}
	b.add(figure{Name: "lone write, anchored, p50", Nodes: c.nodes, Value: ms(took[len(took)/2]), Unit: "ms", Goal: p50, Less: true})
	b.add(figure{Name: "lone write, anchored, p99", Nodes: c.nodes, Value: ms(took[len(took)*99/100]), Unit: "ms", Goal: p99, Less: true})
	return nil
}

func (b *bench) creates(ctx context.Context, c *cluster) error {
	ids, err := c.charts(ctx, 64)
	if err != nil {
		return err
	}
	rate, _, err := b.load(64, b.creator(ctx, c, ids))
	if err != nil {
		return err
	}
	goal := 2500.0
	if c.nodes == 4 {
		goal = 1000
	}
	b.add(figure{Name: "FHIR creates, 64 clients, anchored", Nodes: c.nodes, Value: rate, Unit: "/s", Goal: goal})
	return nil
}

func (b *bench) transactions(ctx context.Context, c *cluster) error {
	var bundles [][]byte
	var sizes []int
	for name, bundle := range patients.All() {
		if !patients.IsPatient(name) {
			continue
		}
		var x struct{ Entry []json.RawMessage }
		if err := json.Unmarshal(bundle, &x); err != nil {
			return err
		}
		bundles, sizes = append(bundles, bundle), append(sizes, len(x.Entry))
	}
	var resources atomic.Int64
	begin := time.Now()
	_, _, err := b.load(4, func(client, i int) error {
		k := (client + 4*i) % len(bundles)
		status, answer, _, err := c.do(ctx, http.MethodPost, "", bundles[k])
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("transaction: %d: %.200s", status, answer)
		}
		resources.Add(int64(sizes[k]))
		return err
	})
	if err != nil {
		return err
	}
	goal := 3000.0
	if c.nodes == 4 {
		goal = 1000
	}
	b.add(figure{Name: "transaction Bundles, resources", Nodes: c.nodes, Value: float64(resources.Load()) / time.Since(begin).Seconds(), Unit: "/s", Goal: goal})
	return nil
}

func (b *bench) reads(ctx context.Context, c *cluster) error {
	_, answer, _, err := c.do(ctx, http.MethodGet, "/Observation?_count=500", nil)
	if err != nil {
		return err
	}
	var page struct {
		Entry []struct{ Resource struct{ ID string } }
	}
	if err := json.Unmarshal(answer, &page); err != nil || len(page.Entry) == 0 {
		return fmt.Errorf("find observations: %.200s: %w", answer, err)
	}
	rate, took, err := b.load(64, func(client, i int) error {
		id := page.Entry[(client*31+i)%len(page.Entry)].Resource.ID
		status, answer, _, err := c.do(ctx, http.MethodGet, "/Observation/"+id, nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("read: %d: %.200s", status, answer)
		}
		return err
	})
	if err != nil {
		return err
	}
	goal := 5000.0
	if c.nodes == 4 {
		goal = 2600
	}
	b.add(figure{Name: "verified, logged reads, 64 clients", Nodes: c.nodes, Value: rate, Unit: "/s", Goal: goal})
	b.add(figure{Name: "verified, logged reads, 64 clients, p99", Nodes: c.nodes, Value: ms(took[len(took)*99/100]), Unit: "ms"})
	return nil
}

// idle measures a node that nobody uses.
func (b *bench) idle(_ context.Context, c *cluster) error {
	time.Sleep(3 * time.Second)
	before, err := cpu(c.pids[0])
	if err != nil {
		return err
	}
	begin := time.Now()
	time.Sleep(time.Duration(b.seconds) * time.Second)
	after, err := cpu(c.pids[0])
	if err != nil {
		return err
	}
	ram, busy := 80.0, 1.0
	if c.nodes == 4 {
		ram, busy = 100, 4.5
	}
	b.add(figure{Name: "idle: memory", Nodes: c.nodes, Value: rss(c.pids[0]), Unit: "MiB", Goal: ram, Less: true})
	b.add(figure{Name: "idle: processor", Nodes: c.nodes, Value: 100 * (after - before).Seconds() / time.Since(begin).Seconds(), Unit: "%", Goal: busy, Less: true})
	return nil
}

// weight measures what all the load has left behind.
func (b *bench) weight(_ context.Context, c *cluster) error {
	b.add(figure{Name: "after the load: memory", Nodes: c.nodes, Value: rss(c.pids[0]), Unit: "MiB"})
	b.add(figure{Name: "after the load: on disk", Nodes: c.nodes, Value: float64(size(c.data[0])) / 1e6, Unit: "MB"})
	return nil
}

func (b *bench) audit(ctx context.Context, c *cluster) error {
	begin := time.Now()
	out, err := exec.CommandContext(ctx, b.sijil, "audit", "--json", c.data[0]).Output()
	if err != nil {
		return fmt.Errorf("audit: %w: %.300s", err, out)
	}
	took := time.Since(begin).Seconds()
	var r struct{ Entries, Bytes uint64 }
	if err := json.NewDecoder(strings.NewReader(string(out))).Decode(&r); err != nil {
		return err
	}
	b.add(figure{Name: "audit: entries, whole command", Nodes: c.nodes, Value: float64(r.Entries) / took, Unit: "/s"})
	b.add(figure{Name: "audit: bytes, whole command", Nodes: c.nodes, Value: float64(r.Bytes) / took / 1e6, Unit: "MB/s"})
	return nil
}
