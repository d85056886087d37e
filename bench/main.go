package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// figure is one line of the table.
type figure struct {
	Name  string  `json:"name"`
	Nodes int     `json:"nodes"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  float64 `json:"goal,omitempty"`
	Less  bool    `json:"less_is_better,omitempty"`
}

func (f figure) met() string {
	switch {
	case f.Goal == 0:
		return ""
	case f.Less == (f.Value <= f.Goal):
		return "met"
	}
	return "NOT met"
}

// bench runs everything and collects figures.
type bench struct {
	sijil   string
	dir     string
	seconds float64 // of each measured load
	steps   []string
	figures []figure
	asJSON  bool
}

func (b *bench) add(f figure) {
	b.figures = append(b.figures, f)
	if !b.asJSON {
		goal := ""
		if f.Goal > 0 {
			sign := "≥"
			if f.Less {
				sign = "≤"
			}
			goal = fmt.Sprintf("%s %.0f", sign, f.Goal)
		}
		fmt.Printf("%d node(s)  %-46s %12.2f %-8s %-10s %s\n", f.Nodes, f.Name, f.Value, f.Unit, goal, f.met())
	}
}

func main() {
	smoke := flag.Bool("smoke", false, "less load, less than two minutes")
	asJSON := flag.Bool("json", false, "print JSON")
	sijil := flag.String("sijil", "bin/sijil", "the program to measure")
	only := flag.Int("nodes", 0, "measure only a lone node (1) or four (4)")
	steps := flag.String("steps", "", "only these, separated by commas: idle, write, creates, transactions, reads, audit, weight")
	dir := flag.String("dir", "", "where to put the nodes' data (default: beside the program, so on a real disk)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *sijil, *dir, *steps, *smoke, *asJSON, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sijil, dir, steps string, smoke, asJSON bool, only int) (err error) {
	b := &bench{seconds: 10, asJSON: asJSON}
	if smoke {
		b.seconds = 3
	}
	if steps != "" {
		b.steps = strings.Split(steps, ",")
	}
	if b.sijil, err = filepath.Abs(sijil); err != nil {
		return err
	}
	if _, err := exec.LookPath(b.sijil); err != nil {
		return fmt.Errorf("%w; build it with `make build`", err)
	}
	if dir == "" {
		dir = filepath.Dir(b.sijil)
	}
	if b.dir, err = os.MkdirTemp(dir, "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.machine(); err != nil {
		return err
	}
	for _, nodes := range []int{1, 4} {
		if only != 0 && only != nodes {
			continue
		}
		if err := b.nodes(ctx, nodes); err != nil {
			return fmt.Errorf("%d nodes: %w", nodes, err)
		}
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(b.figures)
	}
	return nil
}

// nodes measures one arrangement.
func (b *bench) nodes(ctx context.Context, n int) error {
	c, err := b.start(ctx, n)
	if err != nil {
		return err
	}
	defer c.stop()
	for _, step := range []struct {
		name string
		run  func(context.Context, *cluster) error
	}{
		{"idle", b.idle}, {"write", b.loneWrite}, {"creates", b.creates}, {"transactions", b.transactions},
		{"reads", b.reads}, {"audit", b.audit}, {"weight", b.weight},
	} {
		if len(b.steps) > 0 && !slices.Contains(b.steps, step.name) {
			continue
		}
		if err := step.run(ctx, c); err != nil {
			return err
		}
		time.Sleep(time.Second) // let the backlog drain
	}
	return nil
}
