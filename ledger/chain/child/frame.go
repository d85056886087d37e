package child

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// maxFrame bounds a frame, in bytes: the largest is a block of anchors.
const maxFrame = 16 << 20

// kind tells what a frame is for.
type kind uint8

const (
	kindCall   kind = 1 // asks; ID is the caller's
	kindReply  kind = 2 // ends the call of that ID, with a result or an error
	kindItem   kind = 3 // one of the results of a call that has many
	kindCredit kind = 4 // the caller took this many items
	kindCancel kind = 5 // the caller no longer wants the call
)

// frame is a message between the processes: its length as four bytes, big-endian, then itself in CBOR.
type frame struct {
	ID     uint64          `cbor:"1,keyasint"`
	Kind   kind            `cbor:"2,keyasint"`
	Method method          `cbor:"3,keyasint,omitempty"`
	Body   cbor.RawMessage `cbor:"4,keyasint,omitempty"`
	Err    *wireError      `cbor:"5,keyasint,omitempty"`
	Credit uint32          `cbor:"6,keyasint,omitempty"`
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// encMode keeps nanoseconds; the default has seconds.
var encMode = must(cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.EncMode())

var decMode = must(cbor.DecOptions{
	DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: 16, MaxArrayElements: 1 << 20,
}.DecMode())

// errFrame says that a frame cannot be sent, whatever the connection; nothing of it was.
var errFrame = errors.New("child: a message cannot be sent")

func writeFrame(w io.Writer, f *frame) error {
	body, err := encMode.Marshal(f)
	if err != nil {
		return fmt.Errorf("%w: encode: %w", errFrame, err)
	}
	if len(body) > maxFrame {
		return fmt.Errorf("%w: %d bytes, at most %d", errFrame, len(body), maxFrame)
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = w.Write(append(b, body...))
	return err
}

func readFrame(r io.Reader) (*frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return nil, fmt.Errorf("child: a frame of %d bytes, at most %d", n, maxFrame)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	f := new(frame)
	if err := decMode.Unmarshal(body, f); err != nil {
		return nil, fmt.Errorf("child: decode: %w", err)
	}
	return f, nil
}
