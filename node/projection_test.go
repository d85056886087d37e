package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
)

// TestIndexOfOtherRulesIsMadeAnew: what an older version stored is found by what a newer one looks for.
func TestIndexOfOtherRulesIsMadeAnew(t *testing.T) {
	n := &Node{Layout: Layout{t.TempDir()}, config: &Config{}, log: slog.New(slog.DiscardHandler),
		parameters: search.New(definition.Base())}
	key := bytes.Repeat([]byte{1}, index.KeySize)
	x, err := index.Open(n.Index(), key)
	if err != nil {
		t.Fatal(err)
	}
	b := &index.Batch{Records: []journal.Cursor{{}}, Position: journal.Cursor{Entry: 1}}
	if err := errors.Join(x.Agree([]byte("the rules of before")), x.Apply(context.Background(), b), x.Close()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []uint64{0, 1} { // made anew, and then kept
		if err := n.openIndex(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if at, err := n.index.Position(); err != nil || at.Entry != want {
			t.Errorf("the index holds %d entries, want %d: %v", at.Entry, want, err)
		}
		if err := errors.Join(n.index.Apply(context.Background(), b), n.index.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
