package definition

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// packed is a resource that is to be put into a pack.
type packed struct {
	item
	raw []byte // reduced
}

// blockSize is how much of small resources one block takes. A value set that is asked for costs opening one block, so that it may not
// be large; larger ones compress better.
const blockSize = 64 << 10

// makePack makes a pack. It sorts the resources.
func makePack(all []packed, level zstd.EncoderLevel) ([]byte, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	slices.SortStableFunc(all, func(a, b packed) int { return a.item.compare(b.kind, b.url) })
	var blocks, open []byte
	index := binary.AppendUvarint(nil, uint64(len(all)))
	count := 0
	for i, r := range all {
		if len(open) > 0 && (all[i-1].kind != r.kind || len(open)+len(r.raw) > blockSize) {
			blocks, open = appendBlock(blocks, open, encoder), open[:0]
			count++
		}
		open = append(open, r.raw...)
		for _, n := range []int{int(r.kind), count, len(r.raw)} {
			index = binary.AppendUvarint(index, uint64(n))
		}
		for _, text := range []string{r.url, r.version, r.name} {
			index = append(binary.AppendUvarint(index, uint64(len(text))), text...)
		}
	}
	if len(open) > 0 {
		blocks = appendBlock(blocks, open, encoder)
	}
	return append(appendBlock([]byte(magic), index, encoder), blocks...), nil
}

func appendBlock(b, raw []byte, encoder *zstd.Encoder) []byte {
	compressed := encoder.EncodeAll(raw, nil)
	b = binary.AppendUvarint(b, uint64(len(compressed)))
	b = binary.AppendUvarint(b, uint64(len(raw)))
	return append(b, compressed...)
}

// compare orders items as they stand in a pack.
func (it *item) compare(k kind, url string) int {
	return cmp.Or(cmp.Compare(it.kind, k), cmp.Compare(it.url, url))
}
