package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The slot file "top" is the one place that is truly overwritten. It has two slots, each written twice so that one bad
// sector does not cost all keys:
//
//	block 0: slot 0   block 1: slot 1   block 2: slot 0 again   block 3: slot 1 again
//
// One slot holds the top secret as the root key sealed it, the other random bytes. Replacing writes the new secret over
// the random ones, syncs, writes random bytes over the old one and syncs. A crash in between leaves both; opening takes
// the newer and overwrites the older before anything else happens. Since a slot that was torn while being overwritten
// looks damaged and may yet hold the secret, opening always overwrites the slot that is not in force, whatever it finds
// there.
const (
	topName    = "top"
	topBlock   = 4096
	topSize    = 4 * topBlock
	topMagic   = "SjTp"
	topVersion = 1
	topPurpose = "sijil/vault/top/1"
)

// topRecord is what a slot holds.
type topRecord struct {
	vault          [16]byte
	epoch, edition uint64
	root           string // name of the root key, for people
	wrapped        []byte
}

func topAAD(vault [16]byte, epoch, edition uint64) []byte {
	b := append([]byte(topPurpose), vault[:]...)
	b = binary.BigEndian.AppendUint64(b, epoch)
	return binary.BigEndian.AppendUint64(b, edition)
}

// encode gives the block: magic[4] ‖ version[1] ‖ length[1] ‖ u16be length ‖ vault[16] ‖ u64be epoch ‖ u64be edition ‖
// name ‖ wrapped ‖ zeros ‖ SHA-256 of all before.
func (r *topRecord) encode() ([]byte, error) {
	if len(r.root) > MaxName || len(r.wrapped) > maxWrapped {
		return nil, fmt.Errorf("%w: root key name of %d bytes, wrapped secret of %d", ErrLimit, len(r.root), len(r.wrapped))
	}
	b := append(make([]byte, 0, topBlock), topMagic...)
	b = append(b, topVersion, uint8(len(r.root)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.wrapped)))
	b = append(b, r.vault[:]...)
	b = binary.BigEndian.AppendUint64(b, r.epoch)
	b = binary.BigEndian.AppendUint64(b, r.edition)
	b = append(append(b, r.root...), r.wrapped...)
	b = append(b, make([]byte, topBlock-sha256.Size-len(b))...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// parseTop reads a block; anything but a whole record is no record.
func parseTop(b []byte) (*topRecord, bool) {
	if len(b) != topBlock || !bytes.HasPrefix(b, []byte(topMagic)) || b[4] != topVersion {
		return nil, false
	}
	body, sum := b[:topBlock-sha256.Size], sha256.Sum256(b[:topBlock-sha256.Size])
	if !bytes.Equal(sum[:], b[len(body):]) {
		return nil, false
	}
	name, size := int(b[5]), int(binary.BigEndian.Uint16(b[6:]))
	if name > MaxName || size > maxWrapped {
		return nil, false
	}
	r := &topRecord{vault: [16]byte(b[8:]), epoch: binary.BigEndian.Uint64(b[24:]), edition: binary.BigEndian.Uint64(b[32:])}
	p := b[40:]
	r.root, r.wrapped = string(p[:name]), bytes.Clone(p[name:name+size])
	return r, true
}

// topFile is the open slot file. The vault's write lock guards it.
type topFile struct {
	path string
	f    file
	slot int // the one in force
}

// writeSlot writes both copies of a slot, not yet durable.
func (t *topFile) writeSlot(slot int, block []byte) error {
	for _, at := range []int{slot, slot + 2} {
		if _, err := t.f.WriteAt(block, int64(at)*topBlock); err != nil {
			return err
		}
	}
	return t.f.Sync()
}

// wipe overwrites both copies of a slot with random bytes, durably.
func (t *topFile) wipe(slot int) error {
	noise := make([]byte, topBlock)
	rand.Read(noise)
	noise[0] = 0 // never the magic
	return t.writeSlot(slot, noise)
}

// replace puts a new record in force and destroys the old one. After an error either may be in force, and both may be
// readable.
func (t *topFile) replace(r *topRecord) error {
	block, err := r.encode()
	if err != nil {
		return err
	}
	next := 1 - t.slot
	if err := t.writeSlot(next, block); err != nil {
		return fmt.Errorf("write the top secret: %w", err)
	}
	old := t.slot
	t.slot = next
	if err := t.wipe(old); err != nil {
		return fmt.Errorf("overwrite the old top secret: %w", err)
	}
	return nil
}

// openTop finds the record in force without changing anything.
func openTop(d disk, path string) (*topFile, *topRecord, error) {
	f, err := d.Open(path)
	if err != nil {
		return nil, nil, err
	}
	b := make([]byte, topSize)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, nil, err
	}
	t, newest := &topFile{path: path, f: f}, (*topRecord)(nil)
	for at := range 4 {
		r, ok := parseTop(b[at*topBlock : (at+1)*topBlock])
		if ok && (newest == nil || r.edition > newest.edition) {
			newest, t.slot = r, at%2
		}
	}
	if newest == nil {
		f.Close()
		return nil, nil, ErrDamagedPage{Path: path, Why: "neither slot holds a top secret"}
	}
	return t, newest, nil
}

// settle makes the slot file whole after any crash: both copies of the record in force, noise in the other slot.
func (t *topFile) settle(r *topRecord) error {
	block, err := r.encode()
	if err != nil {
		return err
	}
	if err := t.writeSlot(t.slot, block); err != nil {
		return fmt.Errorf("renew the top secret's copies: %w", err)
	}
	return t.wipe(1 - t.slot)
}

// wrapTop seals a top secret under the root key.
func wrapTop(root RootKey, vault [16]byte, epoch, edition uint64, secret [32]byte) (*topRecord, error) {
	ctx, cancel := context.WithTimeout(context.Background(), rootWait)
	defer cancel()
	wrapped, err := root.Wrap(ctx, secret[:], topAAD(vault, epoch, edition))
	if err != nil {
		return nil, fmt.Errorf("root key %q cannot seal the top secret: %w", root.Name(), err)
	}
	return &topRecord{vault: vault, epoch: epoch, edition: edition, root: root.Name(), wrapped: wrapped}, nil
}

// unwrap opens the top secret.
func (r *topRecord) unwrap(root RootKey) (secret [32]byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), rootWait)
	defer cancel()
	b, err := root.Unwrap(ctx, r.wrapped, topAAD(r.vault, r.epoch, r.edition))
	if err == nil && len(b) != len(secret) {
		err = ErrSealed
	}
	if err != nil {
		return secret, fmt.Errorf("the key store was sealed under root key %q and does not open with %q: %w", r.root, root.Name(), err)
	}
	return [32]byte(b), nil
}
