package vault

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const childEnv = "SIJIL_VAULT_CHILD"

// TestKilledChild is the process that TestKill kills. It says what it is about to do, does it, and says that it is done.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		t.Skip("runs only as the child of TestKill")
	}
	v, err := Open(dir, testRoot, Options{logTurn: 64 << 10})
	if errors.Is(err, ErrNoVault) {
		v, err = Create(dir, testRoot, Options{logTurn: 64 << 10})
	}
	if err != nil {
		t.Fatal(err)
	}
	var charts []string
	for i := 0; ; i++ {
		if i%3 == 2 {
			chart := charts[rand.IntN(len(charts))]
			fmt.Println("?erase", chart)
			err = v.EraseChart(chart)
			fmt.Println("!erase", chart)
		} else {
			chart := fmt.Sprintf("Patient/%d-%d", os.Getpid(), i)
			charts = append(charts, chart)
			fmt.Println("?key", chart)
			_, err = v.Keys([]Want{{chart, Log}, {chart, Labs}})
			fmt.Println("!key", chart)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestKill kills a process that writes a key store, over and over, and looks whether everything acknowledged is there.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	alive, doubt := map[string]bool{}, ""
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for range rounds {
		lines := killOne(t, dir)
		for _, line := range lines {
			what, chart, ok := strings.Cut(line, " ")
			if !ok {
				continue
			}
			switch what {
			case "?key", "?erase":
				doubt = chart
			case "!key":
				alive[chart], doubt = true, ""
			case "!erase":
				delete(alive, chart)
				doubt = ""
			}
		}
		v, err := Open(dir, testRoot, Options{})
		if errors.Is(err, ErrNoVault) && len(lines) == 0 {
			continue // killed within Create
		}
		if err != nil {
			t.Fatal(err)
		}
		for chart := range alive {
			_, log := v.Lookup(chart, Log)
			_, labs := v.Lookup(chart, Labs)
			if chart != doubt && !(log && labs) || log != labs {
				t.Fatalf("%s: keys are lost", chart)
			}
		}
		for chart := range v.Charts() {
			if !alive[chart] && chart != doubt {
				t.Fatalf("%s is there and should not be", chart)
			}
		}
		if _, there := v.Lookup(doubt, Log); doubt != "" {
			delete(alive, doubt)
			if there {
				alive[doubt] = true
			}
			doubt = ""
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killOne runs a child for a moment and gives the lines it wrote before SIGKILL.
func killOne(t *testing.T, dir string) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Killed after so many words, and a moment into what follows them; now and then within Create or Open.
	words := rand.IntN(120)
	kill := func(within time.Duration) {
		time.Sleep(rand.N(within))
		cmd.Process.Kill()
	}
	if words == 0 {
		go kill(50 * time.Millisecond)
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if err != io.EOF {
				t.Log(err)
			}
			break // a line cut by the kill was not said
		}
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "?") || strings.HasPrefix(line, "!") {
			if lines = append(lines, line); len(lines) == words {
				go kill(2 * time.Millisecond)
			}
		} else if strings.Contains(line, "FAIL") {
			t.Fatalf("the child failed: %s", line)
		}
	}
	cmd.Wait() // killed: its error says so
	return lines
}
