package record

import (
	"crypto/rand"
	"encoding/binary"
	"errors"

	"github.com/sijil-health/sijil/verify"
)

// content is what a blob holds: the bytes as received, how they are served, and the salt of the commitments to both.
//
//	salt[32] ‖ uvarint number of edits ‖ (uvarint offset ‖ uvarint deleted ‖ uvarint length ‖ inserted)* ‖ source
type content struct {
	salt   [32]byte
	edits  []Edit
	source []byte
}

var errContent = errors.New("malformed content")

func newContent(source []byte, edits []Edit) (*content, error) {
	c := &content{edits: edits, source: source}
	_, err := rand.Read(c.salt[:])
	return c, err
}

func (c *content) encode() []byte {
	n := 32 + 10 + len(c.source)
	for _, e := range c.edits {
		n += 30 + len(e.Insert)
	}
	b := append(make([]byte, 0, n), c.salt[:]...)
	b = binary.AppendUvarint(b, uint64(len(c.edits)))
	for _, e := range c.edits {
		b = binary.AppendUvarint(b, uint64(e.Offset))
		b = binary.AppendUvarint(b, uint64(e.Delete))
		b = binary.AppendUvarint(b, uint64(len(e.Insert)))
		b = append(b, e.Insert...)
	}
	return append(b, c.source...)
}

func decodeContent(b []byte) (*content, error) {
	c := new(content)
	if len(b) < len(c.salt) {
		return nil, errContent
	}
	b = b[copy(c.salt[:], b):]
	next := func() int {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)) {
			b = nil
			return -1
		}
		b = b[w:]
		return int(n)
	}
	count := next()
	if count < 0 {
		return nil, errContent
	}
	for range count {
		e := Edit{Offset: next(), Delete: next()}
		n := next()
		if e.Offset < 0 || e.Delete < 0 || n < 0 || n > len(b) {
			return nil, errContent
		}
		e.Insert, b = b[:n:n], b[n:]
		c.edits = append(c.edits, e)
	}
	c.source = b
	return c, nil
}

// served gives the content as it is given out.
func (c *content) served() ([]byte, error) { return Spliced(c.source, c.edits) }

// forms gives the commitments to the bytes as received and as served.
func (c *content) forms(served []byte) verify.Forms {
	return verify.FormsOf(verify.Salt(c.salt), c.source, served)
}
