package vault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sijil-health/sijil/verify"
	"pgregory.net/rapid"
)

// model is what a key store must hold: everything acknowledged, and of the operation under way all or nothing.
type model struct {
	charts  map[string]map[Compartment]verify.Tag
	secret  string
	created bool
	doubt   string          // chart that an operation under way creates or erases
	doubtIn map[string]bool // what may stand in the secret
}

func newModel() *model {
	return &model{charts: map[string]map[Compartment]verify.Tag{}, doubtIn: map[string]bool{}}
}

func (m *model) keys(v *Vault, chart string) error {
	m.doubt = chart
	wants := []Want{{chart, Log}, {chart, Labs}, {chart, Mental}}
	keys, err := v.Keys(wants)
	if err != nil {
		return err
	}
	m.doubt, m.charts[chart] = "", map[Compartment]verify.Tag{}
	for i, k := range keys {
		m.charts[chart][wants[i].Compartment] = k.Tag(0)
	}
	return nil
}

func (m *model) erase(v *Vault, chart string) error {
	m.doubt = chart
	if err := v.EraseChart(chart); err != nil {
		return err
	}
	m.doubt = ""
	delete(m.charts, chart)
	return nil
}

func (m *model) put(v *Vault, value string) error {
	m.doubtIn = map[string]bool{m.secret: true, value: true}
	if err := v.PutSecret("s", []byte(value)); err != nil {
		return err
	}
	m.secret, m.doubtIn = value, map[string]bool{}
	return nil
}

// check compares a key store with the model and takes over what was in doubt.
func (m *model) check(v *Vault) error {
	if m.doubt != "" {
		found := 0
		for _, c := range []Compartment{Log, Labs, Mental} {
			if _, ok := v.Lookup(m.doubt, c); ok {
				found++
			}
		}
		switch known := m.charts[m.doubt] != nil; {
		case found == 0:
			delete(m.charts, m.doubt)
		case found != 3:
			return fmt.Errorf("%d of 3 keys of a chart", found)
		case !known:
			tags := map[Compartment]verify.Tag{}
			for _, c := range []Compartment{Log, Labs, Mental} {
				k, _ := v.Lookup(m.doubt, c)
				tags[c] = k.Tag(0)
			}
			m.charts[m.doubt] = tags
		}
		m.doubt = ""
	}
	for chart, tags := range m.charts {
		for c, tag := range tags {
			k, ok := v.Lookup(chart, c)
			if !ok || k.Tag(0) != tag {
				return fmt.Errorf("%s of %s is lost or another key", c, chart)
			}
		}
	}
	for chart := range v.Charts() {
		if m.charts[chart] == nil {
			return fmt.Errorf("%s is there and should not be", chart)
		}
	}
	s, err := v.Secret("s")
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	if string(s) != m.secret && !m.doubtIn[string(s)] {
		return fmt.Errorf("secret %q, want %q", s, m.secret)
	}
	m.secret, m.doubtIn = string(s), map[string]bool{}
	return err
}

// crashOptions make the log turn often, so that crashes fall into that too.
func crashOptions(d *memDisk) Options { return Options{disk: d, logTurn: 40 << 10} }

// live does a little of everything until the disk fails.
func live(d *memDisk, m *model) error {
	v, err := Create("/data/keys", testRoot, crashOptions(d))
	if err != nil {
		return err
	}
	m.created = true
	for i := range 3 {
		for j := range 4 {
			if err := m.keys(v, fmt.Sprintf("Patient/%d-%d", i, j)); err != nil {
				return err
			}
		}
		if err := m.put(v, fmt.Sprint(i)); err != nil {
			return err
		}
		for j := range 2 {
			if err := m.erase(v, fmt.Sprintf("Patient/%d-%d", i, j)); err != nil {
				return err
			}
		}
	}
	return v.Close()
}

// openTops counts the readable top secrets that lie on the disk.
func openTops(d *memDisk) int {
	found := map[string]bool{}
	for path, f := range d.now.files {
		if f.name != topName {
			continue
		}
		for at := 0; at+topBlock <= len(f.data); at += topBlock {
			if r, ok := parseTop(f.data[at : at+topBlock]); ok {
				found[fmt.Sprint(path, r.edition)] = true
			}
		}
	}
	return len(found)
}

func TestPowerLossAtEveryStep(t *testing.T) {
	for step := 1; ; step++ {
		for seed := range uint64(6) {
			d, m := newMemDisk(), newModel()
			d.dieAt = step
			if err := live(d, m); err == nil {
				if step < 100 {
					t.Fatalf("the life took only %d steps", step)
				}
				return
			} else if !errors.Is(err, errPower) {
				t.Fatalf("step %d: %v", step, err)
			}
			if err := reviveAndCheck(d.afterPower(rand.New(rand.NewPCG(seed, 0))), m, seed); err != nil {
				t.Fatalf("step %d, seed %d: %v", step, seed, err)
			}
		}
	}
}

// reviveAndCheck opens the key store, with a second power loss on the way, and goes on using it.
func reviveAndCheck(d *memDisk, m *model, seed uint64) error {
	if seed%2 == 1 {
		d.dieAt = int(seed)
		if v, err := Open("/data/keys", testRoot, crashOptions(d)); err == nil {
			v.Close()
		}
		d = d.afterPower(rand.New(rand.NewPCG(seed, 1)))
	}
	v, err := Open("/data/keys", testRoot, crashOptions(d))
	if errors.Is(err, ErrNoVault) && !m.created {
		v, err = Create("/data/keys", testRoot, crashOptions(d))
	}
	if err != nil {
		return err
	}
	if n := openTops(d); n != 1 {
		return fmt.Errorf("%d top secrets are readable after opening", n)
	}
	if err := m.check(v); err != nil {
		return err
	}
	if err := errors.Join(m.keys(v, "Patient/new"), m.erase(v, "Patient/2-3"), m.put(v, "new"), m.check(v), v.Close()); err != nil {
		return err
	}
	v, err = Open("/data/keys", testRoot, crashOptions(d))
	if err != nil {
		return err
	}
	return m.check(v)
}

func TestDiskErrorAtEveryStep(t *testing.T) {
	for step := 1; ; step++ {
		d, m := newMemDisk(), newModel()
		d.failAt = step
		err := live(d, m)
		if err == nil && d.ops >= step {
			continue // an error that Close or a turn of the log absorbed
		}
		if err == nil {
			return
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("step %d: %v", step, err)
		}
		clear(d.locked) // the process ends
		if err := reviveAndCheck(d, m, 0); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

func TestReadOnlyAfterDiskError(t *testing.T) {
	d := newMemDisk()
	v := memVault(t, d)
	k := mustKey(t, v, "Patient/a", Log)
	d.failAt = d.ops + 2 // the sync of the log
	if _, err := v.Key("Patient/b", Log); !errors.Is(err, ErrReadOnly) || !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	if _, err := v.Key("Patient/c", Log); !errors.Is(err, ErrReadOnly) || !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	if _, ok := v.Lookup("Patient/b", Log); ok {
		t.Fatal("a key shows that is not durable")
	}
	if err := v.EraseChart("Patient/a"); !errors.Is(err, ErrReadOnly) {
		t.Fatal(err)
	}
	if err := v.PutSecret("a", nil); !errors.Is(err, ErrReadOnly) {
		t.Fatal(err)
	}
	if _, _, err := k.SealEntry(0, nil); err != nil {
		t.Fatal(err)
	}
}

// TestStates drives a key store through random lives, power losses included, beside the model.
func TestStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, m := newMemDisk(), newModel()
		v, err := Create("/data/keys", testRoot, crashOptions(d))
		if err != nil {
			t.Fatal(err)
		}
		chart := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("Patient/%d", rapid.IntRange(0, 40).Draw(t, "n")) })
		reopen := func(t *rapid.T) {
			if v, err = Open("/data/keys", testRoot, crashOptions(d)); err != nil {
				t.Fatal(err)
			}
		}
		or := func(t *rapid.T, err error) {
			if errors.Is(err, errPower) {
				d = d.afterPower(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "chance"), 0)))
				reopen(t)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":       func(t *rapid.T) { or(t, m.check(v)) },
			"keys":   func(t *rapid.T) { or(t, m.keys(v, chart.Draw(t, "chart"))) },
			"erase":  func(t *rapid.T) { or(t, m.erase(v, chart.Draw(t, "chart"))) },
			"secret": func(t *rapid.T) { or(t, m.put(v, rapid.StringN(0, 20, 20).Draw(t, "value"))) },
			"power":  func(t *rapid.T) { d.dieAt = d.ops + rapid.IntRange(1, 12).Draw(t, "in") },
			"reopen": func(t *rapid.T) {
				if err := v.Close(); err != nil {
					or(t, err)
					return
				}
				if d.dead {
					or(t, errPower)
					return
				}
				if v, err = Open("/data/keys", testRoot, crashOptions(d)); err != nil {
					or(t, err)
				}
			},
		})
	})
}
