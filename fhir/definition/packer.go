package definition

import (
	"encoding/binary"

	"github.com/klauspost/compress/zstd"
)

// packer makes a pack. Items are added in the order in which they stay; those of one kind together.
type packer struct {
	encoder *zstd.Encoder
	blocks  []byte
	count   int
	items   []item
	open    []byte
}

// blockSize is how much of small resources one block takes. A value set that is asked for costs opening one block, so that it may not
// be large; larger ones compress better.
const blockSize = 192 << 10

func newPacker(level zstd.EncoderLevel) (*packer, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	return &packer{encoder: e}, err
}

// add takes a resource, already reduced.
func (p *packer) add(it item, raw []byte) {
	if n := len(p.items); n > 0 && len(p.open) > 0 && (p.items[n-1].kind != it.kind || len(p.open)+len(raw) > blockSize) {
		p.close()
	}
	it.block, it.length = p.count, len(raw)
	p.items = append(p.items, it)
	p.open = append(p.open, raw...)
}

func (p *packer) close() {
	p.blocks = p.appendBlock(p.blocks, p.open)
	p.open = p.open[:0]
	p.count++
}

func (p *packer) appendBlock(b, raw []byte) []byte {
	compressed := p.encoder.EncodeAll(raw, nil)
	b = binary.AppendUvarint(b, uint64(len(compressed)))
	b = binary.AppendUvarint(b, uint64(len(raw)))
	return append(b, compressed...)
}

// finish gives the pack.
func (p *packer) finish() []byte {
	if len(p.open) > 0 {
		p.close()
	}
	index := binary.AppendUvarint(nil, uint64(len(p.items)))
	for _, it := range p.items {
		for _, n := range []int{int(it.kind), it.block, it.length} {
			index = binary.AppendUvarint(index, uint64(n))
		}
		for _, text := range []string{it.url, it.version, it.name} {
			index = append(binary.AppendUvarint(index, uint64(len(text))), text...)
		}
	}
	return append(p.appendBlock([]byte(magic), index), p.blocks...)
}
