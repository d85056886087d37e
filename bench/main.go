package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bench runs everything and collects figures.
type bench struct {
	sijil   string // the program to measure
	self    string // this program
	dir     string
	profile string        // directory for processor profiles of the ledger alone; "" takes none
	slow    time.Duration // what a slow disk's fsync takes longer
	load    load
	steps   []string
	figures []figure
	asJSON  bool
	out     io.Writer
	base    base
	url     string             // of a FHIR server that somebody else runs; "" for nodes of our own
	token   string             // for it
	pid     int                // its process, if that runs here; 0 if not
	classes string             // only the classes of searches whose names hold this
	peer    map[string]float64 // figures of another run by their names, to stand beside
	held    string             // file that remembers what the server at url was given; "" brings everything in each run
	plot    string             // where the growth is drawn; "" draws none
}

// load is how much of everything.
type load struct {
	seconds   float64       // of each measured load
	resources int           // written before memory is looked at
	day       time.Duration // observed for what a day leaves on disk; 0 leaves it out
	idle      time.Duration // observed for the traffic of an idle clinic, which says something every 15 s; 0 leaves it out
	busy      time.Duration // and of one whose neighbours work
	blobs     int           // large documents for the audit
	searched  int           // resources of made-up people among which is searched, which are exported, and with which a node is started again
	sizes     []int         // how many there are at each look at growth; none leaves it out
}

var (
	full = load{seconds: 10, resources: 100_000, day: 3 * time.Minute, idle: time.Minute, busy: time.Minute, blobs: 200,
		searched: 92_000, sizes: []int{10_000, 30_000, 100_000}}
	small = load{seconds: 1.5, resources: 2000, busy: 4 * time.Second, blobs: 60, searched: 1500}
)

// base is what the machine does by itself, measured in this run; 0 where it was not.
type base struct {
	fsync     float64 // ms, p50
	disk      float64 // MB/s, written in pieces of 1 MiB and fsynced
	aes       float64 // MB/s
	sha       float64 // MB/s
	comet     float64 // ms, p50 of a lone transaction of bare CometBFT with as many validators as are measured now
	cometP99  float64 // ms
	cometIdle float64 // % of a core
	cometMiB  float64
	cometRate float64 // transactions a second of 64 clients
}

// step is a part of the table. Those with fresh bring up what they need themselves; the others share one running arrangement.
type step struct {
	name  string
	on    func(context.Context, *cluster) error
	fresh func(context.Context, int) error
	lone  bool   // of one node alone
	apart string // those with one word share a node that no others see
	any   bool   // of any FHIR server
}

func (b *bench) table() []step {
	return []step{
		{name: "comet", fresh: b.comet},
		{name: "fhir", on: b.fhir, lone: true, any: true, apart: "fhir"}, {name: "search", on: b.search, lone: true, any: true, apart: "people"},
		{name: "export", on: b.export, lone: true, apart: "people"}, {name: "restart", on: b.startAgain, lone: true, apart: "people"}, {name: "growth", fresh: b.growth, lone: true},
		{name: "idle", on: b.idle}, {name: "write", on: b.loneWrite}, {name: "creates", on: b.creates},
		{name: "transactions", on: b.transactions}, {name: "reads", on: b.reads}, {name: "audit", on: b.audit}, {name: "weight", on: b.weight},
		{name: "ledger", fresh: b.ledger}, {name: "day", fresh: b.day}, {name: "slow", fresh: b.slowDisk}, {name: "follower", fresh: b.follower},
	}
}

func main() {
	if len(os.Args) > 1 {
		if work, ok := workers[os.Args[1]]; ok {
			if err := work(os.Args[2:]); err != nil {
				fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
				os.Exit(1)
			}
			return
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	b := &bench{load: full, out: os.Stdout}
	smoke := flag.Bool("smoke", false, "less load, less than two minutes")
	flag.BoolVar(&b.asJSON, "json", false, "print JSON")
	sijil := flag.String("sijil", "bin/sijil", "the program to measure")
	only := flag.Int("nodes", 0, "measure only a lone node (1) or four (4)")
	var names []string
	for _, s := range b.table() {
		names = append(names, s.name)
	}
	steps := flag.String("steps", "", "only these, separated by commas: "+strings.Join(names, ", "))
	dir := flag.String("dir", "", "where to put the nodes' data (default: beside the program, so on a real disk)")
	flag.StringVar(&b.profile, "profile", "", "directory for processor profiles of the ledger alone")
	flag.DurationVar(&b.slow, "fsync", 5*time.Millisecond, "what an fsync of the slow disk takes")
	day := flag.Duration("day", full.day, "how long the growth of a day is observed; -smoke leaves it out")
	flag.StringVar(&b.url, "url", "", "measure the steps fhir and search at this FHIR base, http://HOST/PATH, of a server that somebody else runs")
	flag.StringVar(&b.token, "token", "", "bearer token for -url")
	flag.StringVar(&b.held, "held", "", "file that remembers what the server at -url was given of made-up people, so that the next run need not bring them again")
	flag.IntVar(&b.pid, "pid", 0, "process of the server at -url, whose memory and processor time are told")
	flag.StringVar(&b.classes, "classes", "", "only the classes of searches whose names hold this")
	beside := flag.String("beside", "", "file that a run with -json printed, of another server: its figures stand beside those of this run")
	sizes := flag.String("sizes", "", "how many resources there are at each look of the step growth, separated by commas (10000,30000,100000)")
	flag.StringVar(&b.plot, "plot", "", "file to draw the growth into, as SVG")
	resources := flag.Int("resources", 0, "how many resources the steps search, export and restart need (92000)")
	flag.Parse()
	b.load.day = *day
	if *smoke {
		b.load = small
	}
	if *resources > 0 {
		b.load.searched = *resources
	}
	if err := b.parseSizes(*sizes); err != nil {
		return err
	}
	if err := b.readPeer(*beside); err != nil {
		return err
	}
	if *steps != "" {
		b.steps = strings.Split(*steps, ",")
		for _, s := range b.steps {
			if !slices.Contains(names, s) {
				return fmt.Errorf("there is no step %q; there are %s", s, strings.Join(names, ", "))
			}
		}
	}
	if b.sijil, err = filepath.Abs(*sijil); err != nil {
		return err
	}
	if _, err := exec.LookPath(b.sijil); err != nil {
		return fmt.Errorf("%w; build it with `make build`", err)
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if *dir == "" {
		*dir = filepath.Dir(b.sijil)
	}
	if b.dir, err = os.MkdirTemp(*dir, "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.url != "" {
		return b.elsewhere(ctx)
	}
	return b.all(ctx, *only)
}

// all measures the machine, then a lone node, then four.
func (b *bench) all(ctx context.Context, only int) error {
	if err := b.machine(); err != nil {
		return err
	}
	if info, err := os.Stat(b.sijil); err == nil {
		b.add(figure{Name: "program", Value: float64(info.Size()) / 1e6, Unit: "MB"}.most(70))
	}
	for _, nodes := range []int{1, 4} {
		if only != 0 && only != nodes {
			continue
		}
		if err := b.nodes(ctx, nodes); err != nil {
			return fmt.Errorf("%d nodes: %w", nodes, err)
		}
	}
	return b.printed()
}

func (b *bench) printed() error {
	if b.asJSON {
		return json.NewEncoder(b.out).Encode(b.figures)
	}
	return nil
}

// nodes measures one arrangement.
func (b *bench) nodes(ctx context.Context, n int) error {
	b.base.comet, b.base.cometP99, b.base.cometIdle, b.base.cometMiB = 0, 0, 0, 0
	var c *cluster
	apart := ""
	stop := func() {
		if c != nil {
			c.stop()
			c = nil
		}
	}
	defer func() { stop() }()
	for _, s := range b.table() {
		if len(b.steps) > 0 && !slices.Contains(b.steps, s.name) || s.lone && n > 1 {
			continue
		}
		var err error
		if s.on == nil {
			stop()
			err = s.fresh(ctx, n)
		} else {
			if s.apart != apart {
				stop()
				apart = s.apart
			}
			if c == nil {
				if c, err = b.start(ctx, arrangement{voters: n}); err != nil {
					return err
				}
			}
			err = s.on(ctx, c)
			time.Sleep(time.Duration(b.load.seconds / 4 * float64(time.Second))) // let the backlog drain
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
