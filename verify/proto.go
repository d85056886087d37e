package verify

import "encoding/binary"

// The consensus engine hashes and signs protocol buffers. These few functions write the deterministic form of proto3:
// fields in ascending order, scalars of value zero and empty byte strings left out.
// (https://protobuf.dev/programming-guides/encoding/)

const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
)

func appendTag(b []byte, field, wire uint64) []byte { return binary.AppendUvarint(b, field<<3|wire) }

// appendUint writes a varint field; a negative int64 is passed as its two's complement, as protocol buffers have it.
func appendUint(b []byte, field, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(appendTag(b, field, wireVarint), v)
}

func appendFixed64(b []byte, field uint64, v int64) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(appendTag(b, field, wireFixed64), uint64(v))
}

func appendField(b []byte, field uint64, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return appendMessage(b, field, v)
}

// appendDigest writes a hash field; the zero Hash stands for an absent one.
func appendDigest(b []byte, field uint64, h Hash) []byte {
	if h.IsZero() {
		return b
	}
	return appendMessage(b, field, h[:])
}

// appendMessage writes an embedded message that is present even when it is empty.
func appendMessage(b []byte, field uint64, v []byte) []byte {
	b = binary.AppendUvarint(appendTag(b, field, wireBytes), uint64(len(v)))
	return append(b, v...)
}
