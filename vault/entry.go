package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

const (
	entryPurpose = "sijil/entry/1"
	saltPurpose  = "sijil/salt/1"
)

// padEntry gives the size to which an entry is padded: 96, 128, 192, 256 bytes, steps of 128 up to 1 KiB, PADMÉ above. Reads and writes
// of usual size fall into the first; its length then does not tell what was done.
func padEntry(n int) int {
	switch {
	case n <= 96:
		return 96
	case n <= 256:
		return max(128, (n+63)&^63)
	case n <= 1<<10:
		return (n + 127) &^ 127
	}
	return padme(n)
}

// endMark stands between an entry and its zeros (ISO/IEC 7816-4).
const endMark = 0x80

// unmark undoes the padding of SealEntry. It takes nothing but what was padded to the size that the rule gives.
func unmark(p []byte) ([]byte, bool) {
	n := len(bytes.TrimRight(p, "\x00")) - 1
	if n < 0 || p[n] != endMark || padEntry(n+1) != len(p) {
		return nil, false
	}
	return p[:n:n], true
}

// Salt gives the salt of the commitment to entry number of the chart's stream: HMAC-SHA-256(CEK, "sijil/salt/1" ‖ u64be number ‖ 01), which is
// HKDF-Expand (RFC 5869, section 2.3). A receipt shows it; neither the key nor the salt of any other entry follows from it.
// Nobody sees two entries of one number, whose salt would be one: custodians refuse a tag that they hold.
func (k *Key) Salt(number uint64) (salt [32]byte, err error) {
	if err := k.alive(); err != nil {
		return salt, err
	}
	h := k.keys().cek.start()
	var b [len(saltPurpose) + 9]byte
	binary.BigEndian.PutUint64(b[copy(b[:], saltPurpose):], number)
	b[len(b)-1] = 1
	h.Write(b[:])
	h.Sum(salt[:0])
	return salt, nil
}

// entryInfo is what the key of an entry is derived with, and its associated data: the purpose and the number.
func entryInfo(number uint64) []byte {
	b := make([]byte, 0, len(entryPurpose)+8)
	return binary.BigEndian.AppendUint64(append(b, entryPurpose...), number)
}

// SealEntry pads and seals entry number of the chart's stream, at most MaxEntry bytes, under a key of its own. The
// commitment to that key belongs into the entry's leaf: OpenEntry gives it again.
//
//	sealed = nonce[12] ‖ AES-256-GCM(plaintext ‖ 80 ‖ zeros, aad = "sijil/entry/1" ‖ u64be number) ‖ tag[16]
func (k *Key) SealEntry(number uint64, plaintext []byte) (sealed []byte, commitment verify.Hash, err error) {
	if err := k.alive(); err != nil {
		return nil, commitment, err
	}
	if len(plaintext) > MaxEntry {
		return nil, commitment, fmt.Errorf("%w: entry of %d bytes, at most %d", ErrLimit, len(plaintext), MaxEntry)
	}
	info := entryInfo(number)
	derived := k.keys().cek.expand64(info)
	size := padEntry(len(plaintext) + 1)
	out := make([]byte, size, size+gcmOverhead)
	out[copy(out, plaintext)] = endMark
	return newGCM(derived[:32]).Seal(out[:0], nil, out, info), verify.Hash(derived[32:]), nil
}

// OpenEntry opens what SealEntry gave for the same number, else it returns ErrSealed. It gives the commitment to the key that the entry opened
// under: AES-GCM binds a ciphertext to no one key, so that the caller must believe nothing before the entry's binding agrees with it.
func (k *Key) OpenEntry(number uint64, sealed []byte) (plaintext []byte, commitment verify.Hash, err error) {
	if err := k.alive(); err != nil {
		return nil, commitment, err
	}
	if len(sealed) > padme(MaxEntry+1)+gcmOverhead {
		return nil, commitment, fmt.Errorf("%w: sealed entry of %d bytes", ErrLimit, len(sealed))
	}
	info := entryInfo(number)
	derived := k.keys().cek.expand64(info)
	p, err := newGCM(derived[:32]).Open(nil, nil, sealed, info)
	if err != nil {
		return nil, commitment, ErrSealed
	}
	plaintext, ok := unmark(p)
	if !ok {
		return nil, commitment, ErrSealed
	}
	return plaintext, verify.Hash(derived[32:]), nil
}
