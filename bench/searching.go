package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// search measures searches among made-up people: a mixture, chains over several resources, and each class by itself.
func (b *bench) search(ctx context.Context, c *cluster) error {
	if err := b.holdAndTell(ctx, c, b.load.searched); err != nil {
		return err
	}
	list, err := b.answered(ctx, c)
	if err != nil {
		return err
	}
	var mixed, deep []class
	for _, k := range list {
		if k.deep {
			deep = append(deep, k)
		} else {
			mixed = append(mixed, k)
		}
	}
	rate, took, err := b.asking(ctx, c, 8, mixed, b.load.seconds)
	if err != nil {
		return err
	}
	if len(took) == 0 {
		return b.each(ctx, c, list)
	}
	b.add(figure{Name: "search, mixed, 8 clients", Nodes: c.nodes, Value: rate, Unit: "/s", Note: spread(took)}.least(600))
	b.add(figure{Name: "search, mixed, 8 clients: p95", Nodes: c.nodes, Value: percentile(took, 95), Unit: "ms"}.most(50))
	if c.members[0].pid != 0 {
		b.add(figure{Name: "search: memory", Nodes: c.nodes, Value: rss(c.members[0].pid), Unit: "MiB"}.most(250))
	}
	if rate, took, err = b.asking(ctx, c, 8, deep, b.load.seconds); err != nil {
		return err
	}
	if len(took) > 0 {
		b.add(figure{Name: "search, deep chains, 8 clients: p95", Nodes: c.nodes, Value: percentile(took, 95), Unit: "ms",
			Note: fmt.Sprintf("p50 %s ms, %s/s", number(middle(took)), number(rate))}.most(150))
	}
	return b.each(ctx, c, list)
}

// each measures each class by itself.
func (b *bench) each(ctx context.Context, c *cluster, list []class) error {
	for _, k := range list {
		if err := b.alone(ctx, c, k); err != nil {
			return err
		}
	}
	return nil
}

// searches are the classes that are asked for.
func (b *bench) searches() (list []class) {
	for _, k := range classesOfSearch {
		if strings.Contains(k.name, b.classes) {
			list = append(list, k)
		}
	}
	return list
}

// holdAndTell brings made-up people, and says how fast and what they take.
func (b *bench) holdAndTell(ctx context.Context, c *cluster, resources int) error {
	before := c.bytes()
	came, took, err := c.hold(ctx, resources)
	if err != nil || came == 0 {
		return err
	}
	b.add(figure{Name: "made-up people, import, 4 clients, resources", Nodes: c.nodes, Value: float64(came) / took.Seconds(), Unit: "/s",
		Note: fmt.Sprintf("now %d of %.0f bytes of JSON", c.held.resources(), float64(c.held.Bytes)/float64(c.held.resources()))})
	if c.foreign() {
		return nil
	}
	b.add(figure{Name: "made-up people: memory", Nodes: c.nodes, Value: rss(c.members[0].pid), Unit: "MiB"}.most(250))
	time.Sleep(2 * time.Second)
	if came >= 50_000 { // the logs that rotate would count for more than the resources
		b.add(figure{Name: "made-up people: on disk, a resource, all included", Nodes: c.nodes, Value: float64(c.bytes()-before) / float64(came), Unit: "B"}.most(6000))
	}
	return nil
}

// answered gives the classes that the server answers. Ours answers all; what another one does not is said.
func (b *bench) answered(ctx context.Context, c *cluster) (list []class, err error) {
	for _, k := range b.searches() {
		if err := c.find(ctx, k.ask(rand.New(rand.NewPCG(3, 0)), &c.held)); err != nil {
			if !c.foreign() || !errors.Is(err, errNotAnswered) {
				return nil, fmt.Errorf("%s: %w", k.name, err)
			}
			b.add(figure{Name: "search, class " + k.name + ": not answered", Nodes: c.nodes, Note: err.Error()})
			continue
		}
		list = append(list, k)
	}
	return list, nil
}

// find asks a search and looks whether it is answered.
func (c *cluster) find(ctx context.Context, query string) error {
	status, answer, _, err := c.do(ctx, http.MethodGet, "/"+query, nil)
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("%w within %s: %s", errNotAnswered, answered, query)
	}
	if err == nil && (status != http.StatusOK || !bytes.Contains(answer, []byte(`"Bundle"`))) {
		err = fmt.Errorf("%w: %s: %d: %.300s", errNotAnswered, query, status, answer)
	}
	return err
}

// errNotAnswered is what a server does to a search that it does not know.
var errNotAnswered = errors.New("the search is not answered with a Bundle")

// asking asks searches of some classes from several clients.
func (b *bench) asking(ctx context.Context, c *cluster, clients int, list []class, seconds float64) (float64, []time.Duration, error) {
	if len(list) == 0 {
		return 0, nil, nil
	}
	rngs := make([]*rand.Rand, clients)
	for i := range rngs {
		rngs[i] = rand.New(rand.NewPCG(4, uint64(i)))
	}
	return b.driveFor(seconds, clients, func(client, _ int) error {
		r := rngs[client]
		err := c.find(ctx, list[r.IntN(len(list))].ask(r, &c.held))
		if c.foreign() && errors.Is(err, errNotAnswered) { // it took its time nevertheless
			return nil
		}
		return err
	})
}

// alone measures one class with one client.
func (b *bench) alone(ctx context.Context, c *cluster, k class) error {
	matches, err := c.matches(ctx, k)
	if err != nil {
		return err
	}
	before, _ := cpu(c.members[0].pid)
	rate, took, err := b.asking(ctx, c, 1, []class{k}, b.load.seconds/8)
	if err != nil {
		return err
	}
	note := fmt.Sprintf("p50 %s ms, %s/s, matches %s", number(middle(took)), number(rate), counted(matches))
	if after, err := cpu(c.members[0].pid); err == nil {
		note += fmt.Sprintf(", processor %s ms", number(ms((after-before)/time.Duration(len(took)))))
	}
	b.add(figure{Name: "search, class " + k.name + ", 1 client: p95", Nodes: c.nodes, Value: percentile(took, 95), Unit: "ms", Note: note})
	return nil
}

// matches tells how many resources a class finds, the mean of some searches; less than 0 where the server does not say.
func (c *cluster) matches(ctx context.Context, k class) (float64, error) {
	const times = 5
	r, sum := rand.New(rand.NewPCG(5, 0)), 0
	for range times {
		status, answer, _, err := c.do(ctx, http.MethodGet, "/"+k.ask(r, &c.held)+"&_total=accurate", nil)
		if late := net.Error(nil); c.foreign() && errors.As(err, &late) && late.Timeout() {
			return -1, nil
		}
		if err != nil {
			return 0, err
		}
		var found struct{ Total *int }
		if status != http.StatusOK || json.Unmarshal(answer, &found) != nil || found.Total == nil {
			return -1, nil
		}
		sum += *found.Total
	}
	return float64(sum) / times, nil
}

func counted(matches float64) string {
	if matches < 0 {
		return "not told"
	}
	return fmt.Sprintf("%.0f", matches)
}
