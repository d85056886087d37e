package index

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// filter is a bloom filter over the keys that are asked for one by one and may not be there: a create asks first whether its new id is taken, and
// is answered without reading a block of data. Of the others, which are ten times as many, it says that they may be there.
type filter struct{ bloom.FilterPolicy }

// Name implements pebble.FilterPolicy.
func (filter) Name() string { return "sijil.index.1" }

// MayContain implements pebble.FilterPolicy.
func (f filter) MayContain(kind pebble.FilterType, block, key []byte) bool {
	return !filtered(key) || f.FilterPolicy.MayContain(kind, block, key)
}

// NewWriter implements pebble.FilterPolicy.
func (f filter) NewWriter(kind pebble.FilterType) pebble.FilterWriter {
	return filterWriter{f.FilterPolicy.NewWriter(kind)}
}

type filterWriter struct{ pebble.FilterWriter }

// AddKey implements pebble.FilterWriter.
func (w filterWriter) AddKey(key []byte) {
	if filtered(key) {
		w.FilterWriter.AddKey(key)
	}
}

func filtered(key []byte) bool {
	return len(key) > 0 && (key[0] == famCurrent || key[0] == famChart)
}
