package index

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
)

// maxNames bounds the names that numbers stand for; what comes later is written out. maxName is the longest. A type cannot be written out, for its number
// stands in keys: the last typeNames numbers are for types alone, so that no number of units, which anybody may think up, keeps a type from having its own.
const (
	maxNames  = 1 << 14
	maxName   = 128
	typeNames = 1 << 10
)

// names are texts that documents hold again and again, with the numbers that stand for them: types, parameters, systems, units. Type numbers
// stand in keys. 0 is no name.
type names struct {
	mu     sync.RWMutex
	list   []string // by number - 1
	number map[string]uint32
}

// find gives the number of a name; 0 if it has none.
func (n *names) find(name string) uint32 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.number[name]
}

// name gives the name of a number.
func (n *names) name(number uint64) (string, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if number == 0 || number > uint64(len(n.list)) {
		return "", false
	}
	return n.list[number-1], true
}

// set makes a number stand for a name. Numbers come in their order.
func (n *names) set(number uint32, name string) bool {
	if int(number) != len(n.list)+1 {
		return false
	}
	if n.number == nil {
		n.number = make(map[string]uint32)
	}
	n.list = append(n.list, name)
	n.number[name] = number
	return true
}

// publish makes names known whose rows apply writes. No reader gets between the two, who might meet a number that it does not know.
func (n *names) publish(fresh map[string]uint32, apply func() error) error {
	if len(fresh) == 0 {
		return apply()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := apply(); err != nil {
		return err
	}
	for _, name := range slices.SortedFunc(maps.Keys(fresh), func(a, b string) int { return cmp.Compare(fresh[a], fresh[b]) }) {
		n.set(fresh[name], name)
	}
	return nil
}

// A text that may be a name is its number doubled, or its length doubled and one more, and the text.

func (w *writer) appendName(b []byte, s string) []byte {
	if s == "" {
		return append(b, 1)
	}
	if n := w.name(s); n > 0 {
		return binary.AppendUvarint(b, uint64(n)<<1)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))<<1|1), s...)
}

func (n *names) take(b []byte) (s string, rest []byte, ok bool) {
	head, w := binary.Uvarint(b)
	if w <= 0 {
		return "", nil, false
	}
	b = b[w:]
	if head&1 == 0 {
		s, ok = n.name(head >> 1)
		return s, b, ok
	}
	if head>>1 > uint64(len(b)) {
		return "", nil, false
	}
	return string(b[:head>>1]), b[head>>1:], true
}
