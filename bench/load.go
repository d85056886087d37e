package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// observation is of the usual size of a laboratory result, 1.15 kB.
const observation = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin A1c/Hemoglobin.total in Blood"}],"text":"Hemoglobin A1c/Hemoglobin.total in Blood"},"subject":{"reference":"Patient/%s"},"encounter":{"reference":"Encounter/%s"},"effectiveDateTime":"2026-03-0%dT08:12:44+03:00","issued":"2026-03-05T08:12:44.123+03:00","valueQuantity":{"value":6.%02d,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"},"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"Normal"}]}],"referenceRange":[{"low":{"value":4.0,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"},"high":{"value":6.5,"unit":"%%","system":"http://unitsofmeasure.org","code":"%%"},"text":"4.0 - 6.5 %%"}],"note":[{"text":"Sample taken fasting. Method: HPLC, IFCC aligned; repeat in three months if clinically indicated, see guideline."}]}`

// fillIn gives an Observation of a patient, the i-th.
func fillIn(patient string, i int) []byte {
	return fmt.Appendf(nil, observation, patient, patient, 1+i%9, i%100)
}

// do asks the first node.
func (c *cluster) do(ctx context.Context, method, path string, body []byte, headers ...string) (int, []byte, http.Header, error) {
	return c.ask(ctx, c.members[0], method, path, body, headers...)
}

func (c *cluster) ask(ctx context.Context, m *member, method, path string, body []byte, headers ...string) (int, []byte, http.Header, error) {
	return m.wires.do(ctx, method, path, m.token, body, headers...)
}

// create makes a resource at a node and gives its id.
func (c *cluster) create(ctx context.Context, m *member, kind string, body []byte) (string, error) {
	status, answer, _, err := c.ask(ctx, m, http.MethodPost, "/"+kind, body)
	if err != nil {
		return "", err
	}
	var r struct{ ID string }
	if status != http.StatusCreated {
		return "", fmt.Errorf("create %s: %d: %.200s", kind, status, answer)
	}
	return r.ID, json.Unmarshal(answer, &r)
}

// charts makes patients to write for, and gives their ids.
func (c *cluster) charts(ctx context.Context, n int) ([]string, error) {
	return c.chartsAt(ctx, c.members[0], n)
}

// chartsAt makes them at one node, 16 at a time.
func (c *cluster) chartsAt(ctx context.Context, m *member, n int) ([]string, error) {
	ids, errs := make([]string, n), make([]error, 16)
	var all sync.WaitGroup
	for client := range errs {
		all.Go(func() {
			for i := client; i < n && errs[client] == nil; i += len(errs) {
				body := fmt.Appendf(nil, `{"resourceType":"Patient","name":[{"family":"Bench%d"}]}`, i)
				ids[i], errs[client] = c.create(ctx, m, "Patient", body)
			}
		})
	}
	all.Wait()
	return ids, errors.Join(errs...)
}

// drive runs do in many clients at once for the bench's time and gives the rate and the latencies in ascending order.
func (b *bench) drive(clients int, do func(client, i int) error) (rate float64, took []time.Duration, err error) {
	return b.driveFor(b.load.seconds, clients, do)
}

func (b *bench) driveFor(seconds float64, clients int, do func(client, i int) error) (rate float64, took []time.Duration, err error) {
	var all sync.WaitGroup
	var count atomic.Int64
	var mu sync.Mutex
	begin := time.Now()
	end := begin.Add(time.Duration(seconds * float64(time.Second)))
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

// creator gives what creates one Observation after the other, anchored.
func (b *bench) creator(ctx context.Context, c *cluster, ids []string) func(client, i int) error {
	return func(client, i int) error {
		status, answer, header, err := c.do(ctx, http.MethodPost, "/Observation", fillIn(ids[(client+i*7)%len(ids)], i))
		if err != nil {
			return err
		}
		if status != http.StatusCreated || header.Get("Sijil-Ack") != "anchored" && !c.foreign() {
			return fmt.Errorf("create: %d, Sijil-Ack %q: %.200s", status, header.Get("Sijil-Ack"), answer)
		}
		return nil
	}
}

// reader gives what reads one of the Observations after the other.
func (c *cluster) reader(ctx context.Context, ids []string) func(client, i int) error {
	return func(client, i int) error {
		status, answer, _, err := c.do(ctx, http.MethodGet, "/Observation/"+ids[(client*31+i)%len(ids)], nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("read: %d: %.200s", status, answer)
		}
		return err
	}
}

// bulk writes resources in transactions of 200 Observations from four clients.
func (c *cluster) bulk(ctx context.Context, ids []string, resources int) error {
	const each = 200
	var all sync.WaitGroup
	var done atomic.Int64
	errs := make(chan error, 4)
	for client := range 4 {
		all.Go(func() {
			for i := client; int(done.Add(each)) <= resources; i += 4 {
				status, answer, _, err := c.do(ctx, http.MethodPost, "", bundle(ids[i%len(ids)], each))
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("transaction: %d: %.200s", status, answer)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs // nil when there was none
}

func bundle(patient string, n int) []byte {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"resource":%s,"request":{"method":"POST","url":"Observation"}}`, fillIn(patient, i))
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}
