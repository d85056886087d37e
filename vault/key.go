package vault

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/sijil-health/sijil/verify"
)

// Key is the key of one compartment of one chart (L1). It may be used from several goroutines. Sealing and opening
// return ErrErased once the chart was erased and ErrClosed once the vault was closed.
type Key struct {
	vault   *Vault
	slot    uint64
	cek     [32]byte
	checked atomic.Uint64 // value of vault.erasures at which the slot was last seen to be alive

	once sync.Once
	sub  subkeys // after once
}

// subkeys are derived at first use: most keys of a large key store are never used between two starts.
type subkeys struct {
	wrap       cipher.AEAD // seals DEKs; fewer than 2^32 of them in the life of one CEK
	tag, index prf
	cek        prf // keyed with the CEK itself, to derive the key of each entry
}

// prf is HMAC-SHA-256 with its key schedule done. The base is only ever cloned, which leaves it unchanged, so that
// goroutines may share it.
type prf struct{ base hash.Cloner }

func newPRF(key []byte) prf {
	h := hmac.New(sha256.New, key)
	h.Reset() // computes the keyed states once; clones copy them
	return prf{h.(hash.Cloner)}
}

func (p prf) start() hash.Hash {
	h, err := p.base.Clone()
	if err != nil {
		panic("vault: HMAC: " + err.Error()) // SHA-256 supports it
	}
	return h
}

// expand64 is HKDF-Expand to 64 bytes (RFC 5869, section 2.3) with the key schedule already done: at half the time,
// which is most of what sealing an entry takes.
func (p prf) expand64(info []byte) (out [64]byte) {
	h := p.start()
	h.Write(info)
	h.Write([]byte{1})
	t := h.Sum(out[:0])
	h = p.start()
	h.Write(t)
	h.Write(info)
	h.Write([]byte{2})
	h.Sum(t)
	return out
}

func (k *Key) keys() *subkeys {
	k.once.Do(func() {
		k.sub.cek = newPRF(k.cek[:])
		k.sub.wrap = newGCM(expand(k.cek[:], "sijil/wrap/1", 32))
		k.sub.tag = newPRF(expand(k.cek[:], "sijil/tag/1", 32))
		k.sub.index = newPRF(expand(k.cek[:], "sijil/index/1", 32))
	})
	return &k.sub
}

// alive costs one atomic load unless something was erased since the last call.
func (k *Key) alive() error {
	now := k.vault.erasures.Load()
	if k.checked.Load() == now {
		return nil
	}
	if err := k.vault.stillHolds(k); err != nil {
		return err
	}
	k.checked.Store(now)
	return nil
}

// Slot is the key's number in the organisation's key store, never 0 and never used for another key.
func (k *Key) Slot() uint64 { return k.slot }

// Tag gives HMAC-SHA-256(tag key, u64be number)[:16], by which holders of the key find entry number among all others.
// It is the one operation that still answers when the chart was erased.
func (k *Key) Tag(number uint64) verify.Tag {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], number)
	h := k.keys().tag.start()
	h.Write(b[:])
	return verify.Tag(h.Sum(nil)[:16])
}

// Blind gives the 32-byte value under which an index files (label, value) for this chart and compartment:
// HMAC-SHA-256(index key, u32be len(label) ‖ label ‖ value). Without the key it says nothing, and two charts share no
// values.
func (k *Key) Blind(label string, value []byte) []byte {
	h := k.keys().index.start()
	var b [64]byte
	p := binary.BigEndian.AppendUint32(b[:0], uint32(len(label)))
	h.Write(append(p, label...))
	h.Write(value)
	return h.Sum(nil)
}
