package journal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

const (
	victimDir  = "SIJIL_JOURNAL_VICTIM" // directory in which the test binary, run again, appends until it is killed
	victimFrom = "SIJIL_JOURNAL_FROM"   // its first seed
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// victim appends under load and prints the seed of each record once it is acknowledged.
func victim(dir string) {
	m, err := OpenMirror(dir + "-mirror")
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	j, err := Open(dir, Options{SegmentSize: 20 << 10, Hold: custodians{m}})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	var from uint64
	fmt.Sscan(os.Getenv(victimFrom), &from)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range uint64(8) {
		wg.Go(func() {
			for i := uint64(0); ; i++ {
				seed := from + i*8 + w
				p, err := j.Append(sample(seed, 1+int(seed%4), int(seed%900)+1))
				if err != nil {
					fmt.Println("failed", err)
					return
				}
				ack, err := p.Wait(context.Background())
				if err != nil || ack.Copies != 1 {
					fmt.Println("failed", err, ack.Copies)
					return
				}
				mu.Lock()
				fmt.Println(seed, ack.Cursor)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestKilled kills a real process again and again while it appends: every acknowledged record is found in its place by those who come
// after, in the journal and in the mirror, and no record is there by half.
func TestKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir() + "/journal"
	acked := make(map[uint64]Cursor)
	for round := range rounds {
		for seed, at := range runVictim(t, dir, uint64(round)<<24) {
			acked[seed] = at
		}
		j, err := Open(dir, Options{SegmentSize: 20 << 10})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		m := mustMirror(t, dir+"-mirror")
		found := make(map[uint64]Cursor)
		if err := Scan(dir, Cursor{}, func(l Located) error {
			seed := uint64(l.Record.Time)
			isSample(t, l.Record, seed, 1+int(seed%4), int(seed%900)+1)
			found[seed] = l.At
			return nil
		}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for seed, at := range acked {
			if found[seed] != at {
				t.Fatalf("round %d: record %d was acknowledged at %s and is at %s", round, seed, at, found[seed])
			}
			r, err := m.Read(at)
			if err != nil || uint64(r.Time) != seed {
				t.Fatalf("round %d: the mirror lacks record %d: %v", round, seed, err)
			}
		}
		j.Close()
		m.Close()
	}
	t.Logf("%d records acknowledged in %d lives", len(acked), rounds)
}

// runVictim lets a child append for a moment, kills it, and gives what it printed.
func runVictim(t *testing.T, dir string, from uint64) map[uint64]Cursor {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir, fmt.Sprintf("%s=%d", victimFrom, from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := make(map[uint64]Cursor)
	lines := bufio.NewReader(out)
	var once sync.Once
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a last line without its end is not counted: the child died in printing it
		}
		if err != nil {
			t.Fatal(err)
		}
		var seed uint64
		var at string
		if _, err := fmt.Sscan(line, &seed, &at); err != nil {
			t.Fatalf("the child said %q", line)
		}
		var c Cursor
		if err := c.UnmarshalText([]byte(at)); err != nil {
			t.Fatal(err)
		}
		acked[seed] = c
		once.Do(func() {
			time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		})
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return acked
}
