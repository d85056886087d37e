package definition

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A pack is definitions as they are kept: FHIR's own JSON, reduced to what is used, in compressed blocks of which each holds some
// resources of one kind, and an index of them.
//
//	pack    = magic, block of the index, blocks
//	block   = length compressed, length, zstd frame
//	index   = number of resources, then for each: kind, number of the block, length, url, version, name
//
// Numbers are unsigned varints, texts have their length before them. Resources stand in a block one after the other, in the order of
// the index, which is that of kind and URL.
type pack struct {
	blocks []block
	items  []item
}

type block struct {
	data []byte // compressed
	size int
}

// item is a resource in a pack.
type item struct {
	kind               kind
	url, version, name string
	block, at, length  int
}

// kind is what an item is.
type kind uint8

// The kinds. The numbers are stored.
const (
	ofType    kind = iota // StructureDefinition of a type
	ofProfile             // StructureDefinition of a profile or an extension
	ofSearchParameter
	ofCompartment
	ofCodeSystem
	ofValueSet
	ofConceptMap
	ofPackage // package.json
	kinds
)

const magic = "sijil/definitions/1\n"

// maxBlock bounds what a block is said to hold: the largest that is written is a single large code system.
const maxBlock = 64 << 20

var errPack = errors.New("the definitions are damaged")

// open reads the index of a pack. The pack goes on to use b.
func open(b []byte) (*pack, error) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return nil, errPack
	}
	r := reader{b: b[len(magic):]}
	index := r.block()
	if r.bad {
		return nil, errPack
	}
	p := &pack{}
	for len(r.b) > 0 && !r.bad {
		p.blocks = append(p.blocks, r.block())
	}
	raw, err := index.open()
	if r.bad || err != nil {
		return nil, errPack
	}
	r = reader{b: raw, text: string(raw)}
	n := r.number(len(raw))
	p.items = make([]item, 0, n)
	last, at := 0, 0
	for range n {
		it := item{kind: kind(r.number(int(kinds) - 1)), block: r.number(len(p.blocks) - 1), length: r.number(maxBlock)}
		it.url, it.version, it.name = r.string(), r.string(), r.string()
		if it.block != last {
			last, at = it.block, 0
		}
		it.at, at = at, at+it.length
		if r.bad || at > p.blocks[it.block].size {
			return nil, errPack
		}
		if n := len(p.items); n > 0 && p.items[n-1].compare(it.kind, it.url) > 0 {
			return nil, errPack
		}
		p.items = append(p.items, it)
	}
	return p, nil
}

// find gives the items of a kind and URL: several where there are several versions.
func (p *pack) find(k kind, url string) []item {
	from, _ := slices.BinarySearchFunc(p.items, url, func(it item, url string) int { return it.compare(k, url) })
	to := from
	for to < len(p.items) && p.items[to].compare(k, url) == 0 {
		to++
	}
	return p.items[from:to]
}

// of gives all items of a kind.
func (p *pack) of(k kind) []item {
	from, _ := slices.BinarySearchFunc(p.items, k, func(it item, k kind) int { return cmp.Compare(it.kind, k) })
	to, _ := slices.BinarySearchFunc(p.items, k+1, func(it item, k kind) int { return cmp.Compare(it.kind, k) })
	return p.items[from:to]
}

// raw is the bytes of an item. It opens its block.
func (p *pack) raw(it *item) ([]byte, error) {
	b, err := p.blocks[it.block].open()
	if err != nil {
		return nil, err
	}
	return b[it.at : it.at+it.length : it.at+it.length], nil
}

// each gives all items of a kind with their bytes, opening each block once.
func (p *pack) each(k kind, do func(it *item, raw []byte) error) error {
	opened, last := []byte(nil), -1
	of := p.of(k)
	for i := range of {
		it := &of[i]
		if it.block != last {
			var err error
			if opened, err = p.blocks[it.block].open(); err != nil {
				return err
			}
			last = it.block
		}
		if err := do(it, opened[it.at:it.at+it.length]); err != nil {
			return fmt.Errorf("%s: %w", it.url, err)
		}
	}
	return nil
}

// decoder opens blocks, one after the other: it keeps its memory.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock), zstd.WithDecoderLowmem(true))
})

func (b *block) open() ([]byte, error) {
	d, err := decoder()
	if err != nil {
		return nil, err
	}
	raw, err := d.DecodeAll(b.data, make([]byte, 0, b.size))
	if err != nil || len(raw) != b.size {
		return nil, errPack
	}
	return raw, nil
}

// reader takes numbers and texts from bytes. bad says that there was something else.
type reader struct {
	b    []byte
	text string // b as it was at the beginning, for texts that share its memory
	bad  bool
}

func (r *reader) number(most int) int {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || most < 0 || n > uint64(most) {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) string() string {
	n := r.number(len(r.b))
	at := len(r.text) - len(r.b)
	if r.bytes(n); r.bad {
		return ""
	}
	return r.text[at : at+n]
}

func (r *reader) block() block {
	n, size := r.number(maxBlock), r.number(maxBlock)
	return block{data: r.bytes(n), size: size}
}
