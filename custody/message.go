package custody

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
)

// Messages of the stream that groups travel on. The owner sends
//
//	cursor[20] ‖ u32be length ‖ frames
//
// and the custodian answers each in order, once it is durable or refused:
//
//	0 ‖ cursor after it[20]    or    1 ‖ u32be length ‖ problem in JSON
const (
	messageHead   = 20 + 4
	replyHeld     = 0
	replyRefused  = 1
	maxReplyError = 16 << 10
)

var errMessage = errors.New("custody: malformed message")

// appendMessage adds a group to b.
func appendMessage(b []byte, at journal.Cursor, frames []byte) []byte {
	b, _ = at.AppendBinary(b) // it has no error
	b = binary.BigEndian.AppendUint32(b, uint32(len(frames)))
	return append(b, frames...)
}

// readMessage reads one group. At the end between two messages it returns io.EOF.
func readMessage(r io.Reader) (at journal.Cursor, frames []byte, err error) {
	var head [messageHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return at, nil, err
	}
	if err := at.UnmarshalBinary(head[:20]); err != nil {
		return at, nil, errMessage
	}
	n := binary.BigEndian.Uint32(head[20:])
	if n == 0 || n > journal.MaxFrames {
		return at, nil, fmt.Errorf("%w: %d bytes", errMessage, n)
	}
	// The length is only believed as far as bytes come: a lie costs its teller the bytes.
	const step = 1 << 20
	frames = make([]byte, 0, min(n, step))
	for uint32(len(frames)) < n {
		have := len(frames)
		frames = append(frames, make([]byte, min(int(n)-have, step))...)
		if _, err := io.ReadFull(r, frames[have:]); err != nil {
			return at, nil, unexpected(err)
		}
	}
	return at, frames, nil
}

func appendReply(b []byte, end journal.Cursor, refusal *peer.Problem) []byte {
	if refusal == nil {
		b, _ = end.AppendBinary(append(b, replyHeld))
		return b
	}
	text := must(json.Marshal(refusal))
	return append(binary.BigEndian.AppendUint32(append(b, replyRefused), uint32(len(text))), text...)
}

// readReply reads the answer to one group. A refusal is given apart from err, which means that the stream is of no use any more.
func readReply(r io.Reader) (end journal.Cursor, refusal *peer.Problem, err error) {
	var kind [1]byte
	if _, err := io.ReadFull(r, kind[:]); err != nil {
		return end, nil, err
	}
	switch kind[0] {
	case replyHeld:
		var b [20]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return end, nil, unexpected(err)
		}
		return end, nil, end.UnmarshalBinary(b[:])
	case replyRefused:
		var n [4]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return end, nil, unexpected(err)
		}
		size := binary.BigEndian.Uint32(n[:])
		if size > maxReplyError {
			return end, nil, errMessage
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(r, text); err != nil {
			return end, nil, unexpected(err)
		}
		refusal = new(peer.Problem)
		if json.Unmarshal(text, refusal) != nil || refusal.Code == "" {
			return end, nil, errMessage
		}
		return end, refusal, nil
	}
	return end, nil, errMessage
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
