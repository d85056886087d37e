package index_test

import (
	"bytes"
	"testing"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/indextest"
)

// TestEmbedded holds the index in Pebble to what is right.
func TestEmbedded(t *testing.T) {
	x, err := index.Open(t.TempDir(), bytes.Repeat([]byte{7}, index.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	indextest.Run(t, x)
}

// TestLate does the same where conditions on other resources are looked at for each candidate whenever that seems worth it.
func TestLate(t *testing.T) {
	defer index.FewEnds(index.FewEnds(0))
	TestEmbedded(t)
}
