package vault

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

const entryPurpose = "sijil/entry/1"

// padEntry gives the size to which an entry is padded: 256 bytes at least, steps of 128 up to 1 KiB, PADMÉ above. Its
// length then does not tell what was done.
func padEntry(n int) int {
	if n > 1<<10 {
		return padme(n)
	}
	return max(256, (n+127)&^127)
}

// entryInfo is what the key of an entry is derived with, and its associated data: the purpose and the number.
func entryInfo(number uint64) []byte {
	b := make([]byte, 0, len(entryPurpose)+8)
	return binary.BigEndian.AppendUint64(append(b, entryPurpose...), number)
}

// SealEntry pads and seals entry number of the chart's stream, at most MaxEntry bytes, under a key of its own. The
// commitment to that key belongs into the entry's leaf: OpenEntry asks for it again.
//
//	sealed = nonce[12] ‖ AES-256-GCM(u32be length ‖ plaintext ‖ zeros, aad = "sijil/entry/1" ‖ u64be number) ‖ tag[16]
func (k *Key) SealEntry(number uint64, plaintext []byte) (sealed []byte, commitment verify.Hash, err error) {
	if err := k.alive(); err != nil {
		return nil, commitment, err
	}
	if len(plaintext) > MaxEntry {
		return nil, commitment, fmt.Errorf("%w: entry of %d bytes, at most %d", ErrLimit, len(plaintext), MaxEntry)
	}
	info := entryInfo(number)
	derived := k.keys().cek.expand64(info)
	size := padEntry(lengthSize + len(plaintext))
	out := make([]byte, size, size+gcmOverhead)
	putPadded(out, plaintext)
	return newGCM(derived[:32]).Seal(out[:0], nil, out, info), verify.Hash(derived[32:]), nil
}

// OpenEntry opens what SealEntry gave for the same number and commitment, else it returns ErrSealed.
func (k *Key) OpenEntry(number uint64, sealed []byte, commitment verify.Hash) ([]byte, error) {
	if err := k.alive(); err != nil {
		return nil, err
	}
	if len(sealed) > padme(MaxEntry+lengthSize)+gcmOverhead {
		return nil, fmt.Errorf("%w: sealed entry of %d bytes", ErrLimit, len(sealed))
	}
	info := entryInfo(number)
	derived := k.keys().cek.expand64(info)
	if subtle.ConstantTimeCompare(derived[32:], commitment[:]) != 1 {
		return nil, ErrSealed
	}
	p, err := newGCM(derived[:32]).Open(nil, nil, sealed, info)
	if err != nil {
		return nil, ErrSealed
	}
	plaintext, ok := unpad(p, padEntry)
	if !ok {
		return nil, ErrSealed
	}
	return plaintext, nil
}
