package vault

import "encoding/binary"

// Guide enciphers (slot, number) as one AES-256 block, by which the owner of the journal finds an entry's chart without
// trying keys (see journal.Entry). It holds because no pair is ever enciphered twice: slots are not used again, and
// numbers of a chart are dense.
func (v *Vault) Guide(slot, number uint64) (b [16]byte) {
	binary.BigEndian.PutUint64(b[:], slot)
	binary.BigEndian.PutUint64(b[8:], number)
	v.guide.Encrypt(b[:], b[:])
	return b
}

// OpenGuide deciphers what Guide gave. A damaged guide gives some other pair: compare the entry's tag.
func (v *Vault) OpenGuide(b [16]byte) (slot, number uint64) {
	v.guide.Decrypt(b[:], b[:])
	return binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
}
