package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// elsewhere measures a FHIR server that somebody else runs, with the same load. What only our nodes can be asked for is left out.
func (b *bench) elsewhere(ctx context.Context) error {
	if !strings.HasPrefix(b.url, "http://") {
		return fmt.Errorf("-url must begin with http://, got %q", b.url)
	}
	base := strings.TrimSuffix(b.url, "/")
	m := &member{fhir: base, wires: newWires(base), token: b.token, pid: b.pid}
	defer m.wires.close()
	c := &cluster{nodes: 1, members: []*member{m}}
	if err := c.held.load(b.held); err != nil {
		return err
	}
	if err := b.machine(); err != nil {
		return err
	}
	for _, s := range b.table() {
		switch asked := slices.Contains(b.steps, s.name); {
		case asked && !s.any:
			return fmt.Errorf("the step %s is of our own nodes", s.name)
		case s.any && (asked || len(b.steps) == 0):
			if err := s.on(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return errors.Join(c.held.save(b.held), b.printed())
}

// load reads what a server was given in a run before, and save writes it; "" is no file.
func (h *held) load(file string) error {
	text, err := os.ReadFile(file)
	if file == "" || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, h)
}

func (h *held) save(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// readPeer reads the figures of another run.
func (b *bench) readPeer(file string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var figures []figure
	if err := json.Unmarshal(text, &figures); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	b.peer = make(map[string]float64)
	for _, f := range figures {
		if f.Nodes > 0 {
			b.peer[f.Name] = f.Value
		}
	}
	return nil
}

// parseSizes reads -sizes.
func (b *bench) parseSizes(list string) error {
	if list == "" {
		return nil
	}
	b.load.sizes = nil
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < perPerson || len(b.load.sizes) > 0 && n <= b.load.sizes[len(b.load.sizes)-1] {
			return fmt.Errorf("-sizes must be rising numbers of at least %d, got %q", perPerson, list)
		}
		b.load.sizes = append(b.load.sizes, n)
	}
	return nil
}
