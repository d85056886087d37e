package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"

	"github.com/cometbft/cometbft/libs/tempfile"
	"github.com/cometbft/cometbft/privval"
)

// The record of what a validator key signed last has two slots, each a line of text within one disk sector:
//
//	CRC-32C of the rest in hexadecimal, a space, signState as JSON, spaces, a line feed
//
// They are written in turn, in place, and made durable before the signature leaves the signer. A slot that a power cut tore belongs to a
// signature that never left, so that the other slot holds. Overwriting costs the disk one write; CometBFT's own file, replaced for each of
// three signatures, costs three commits of the file system's journal for each block.
const (
	slotSize = 512
	slots    = 2
)

// signState is what a validator key signed last.
type signState struct {
	Number    uint64 `json:"number"` // of the signature; its parity chooses the slot
	Height    int64  `json:"height"`
	Round     int32  `json:"round"`
	Step      int8   `json:"step"`
	SignBytes []byte `json:"bytes,omitempty"`
	Signature []byte `json:"signature,omitempty"`

	torn bool // the other slot cannot be read
}

// check refuses a step before this one. It reports whether the step is this one and what was signed for it is known.
func (s *signState) check(height int64, round int32, step int8) (again bool, err error) {
	last := privval.FilePVLastSignState{Height: s.Height, Round: s.Round, Step: s.Step, SignBytes: s.SignBytes, Signature: s.Signature}
	return last.CheckHRS(height, round, step)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// slot gives the bytes of one slot.
func (s *signState) slot() ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	b := fmt.Appendf(nil, "%08x %s", crc32.Checksum(text, castagnoli), text)
	if len(b) >= slotSize {
		return nil, fmt.Errorf("it has %d bytes, a slot %d", len(b), slotSize)
	}
	b = append(b, bytes.Repeat([]byte{' '}, slotSize-1-len(b))...)
	return append(b, '\n'), nil
}

// parseSlot reads a slot; false for one that was never written, or is torn.
func parseSlot(b []byte) (*signState, bool) {
	sum, text, _ := bytes.Cut(bytes.TrimRight(b, " \n"), []byte{' '})
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || uint32(want) != crc32.Checksum(text, castagnoli) {
		return nil, false
	}
	s := new(signState)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, false
	}
	return s, true
}

// readSignState reads the later of the two slots. Errors: ErrNoSignState for a file that is gone or has no slot that can be read.
func readSignState(file string) (*signState, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s)", ErrNoSignState, file)
	}
	if err != nil {
		return nil, fmt.Errorf("chain: signing state: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, slots*slotSize+1))
	if err != nil {
		return nil, fmt.Errorf("chain: signing state: %w", err)
	}
	var last *signState
	torn := false
	for i := range slots {
		if len(b) != slots*slotSize {
			break
		}
		s, ok := parseSlot(b[i*slotSize:][:slotSize])
		torn = torn || !ok
		if ok && (last == nil || s.Number > last.Number) {
			last = s
		}
	}
	if last == nil {
		return nil, fmt.Errorf("%w: %s is damaged", ErrNoSignState, file)
	}
	last.torn = torn
	return last, nil
}

// write makes a file that holds only this, whole or not at all.
func (s *signState) write(file string) error {
	b, err := s.slot()
	if err == nil {
		err = tempfile.WriteFileAtomic(file, append(b, b...), 0o600)
	}
	if err != nil {
		return fmt.Errorf("chain: signing state: %w", err)
	}
	return nil
}

// overwrite puts it in the place of the older slot and returns once it is durable.
func (s *signState) overwrite(file string) (err error) {
	b, err := s.slot()
	if err != nil {
		return fmt.Errorf("chain: signing state: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0) // it must be there: a new file would forget what was signed before
	if err != nil {
		return fmt.Errorf("chain: signing state: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(b, int64(s.Number%slots)*slotSize); err != nil {
		return fmt.Errorf("chain: signing state: %w", err)
	}
	if err := syncData(f); err != nil {
		return fmt.Errorf("chain: signing state: %w", err)
	}
	return nil
}
