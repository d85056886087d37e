package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ReceiptFormat is the first field of every receipt.
const ReceiptFormat = "sijil-receipt/1"

// MaxReceipt bounds a receipt in either form, in bytes.
const MaxReceipt = 8 << 20

// Limits inside a receipt.
const (
	maxEpochs   = 1024
	maxChainID  = 64
	maxContents = 1 << 16
	maxFurther  = MaxWitnesses
)

// Receipt proves one entry: from the opened entry to the batch, the organisation's anchor, and the block or the
// checkpoint that others signed. It carries no key that opens anything else. The JSON form is for people and machines; the
// compact form is CBOR (RFC 8949, core deterministic encoding) and fits a QR code while Epochs is empty.
type Receipt struct {
	Format string      `json:"format" cbor:"1,keyasint"` // ReceiptFormat
	Chain  string      `json:"chain" cbor:"2,keyasint"`
	Entry  OpenedEntry `json:"entry" cbor:"3,keyasint"`
	// Contents opens Target.Content, by the index of the entry's target, so that a file can be held against either form. It is left out
	// where the holder shall learn that something was read, but not check what.
	Contents map[uint32]Forms `json:"contents,omitempty" cbor:"4,keyasint,omitempty"`
	Batch    BatchProof       `json:"batch" cbor:"5,keyasint"`
	Anchor   []byte           `json:"anchor" cbor:"6,keyasint"` // Anchor.Encode, which is the transaction on the chain
	// At least one of Block and Log is there. Block is gone once nodes have pruned it; Log comes with the next checkpoint.
	Block *BlockProof `json:"block,omitempty" cbor:"7,keyasint,omitempty"`
	Log   *LogProof   `json:"log,omitempty" cbor:"8,keyasint,omitempty"`
	// Epochs continues the trust file's epochs, without gap, up to those that Block and Log need.
	Epochs []Epoch `json:"epochs,omitempty" cbor:"9,keyasint,omitempty"`
	// Further places the same anchor, at the index of Log, in the trees of other checkpoints: witnesses come at different times, and no
	// single checkpoint need bear the signatures of all.
	Further []LogProof `json:"further,omitempty" cbor:"10,keyasint,omitempty"`
}

// OpenedEntry is an entry out of its seal, with all that its leaf is made of.
type OpenedEntry struct {
	Tag      Tag    `json:"tag" cbor:"1,keyasint"`
	Envelope Hash   `json:"envelope" cbor:"2,keyasint"` // SHA-256 of the sealed form
	Key      Hash   `json:"key" cbor:"3,keyasint"`      // commitment to the key it was sealed under
	Salt     Salt   `json:"salt" cbor:"4,keyasint"`
	Body     []byte `json:"body" cbor:"5,keyasint"` // Entry.Encode
}

// Leaf is the entry's value in its batch.
func (e *OpenedEntry) Leaf() Hash {
	return Leaf(e.Tag, e.Envelope, e.binding())
}

func (e *OpenedEntry) binding() Hash { return Bind(e.Key, Commit((*[32]byte)(&e.Salt), e.Body)) }

// BatchProof places the entry in its batch.
type BatchProof struct {
	Index uint32 `json:"index" cbor:"1,keyasint"`
	Path  []Hash `json:"path" cbor:"2,keyasint"`
}

// BlockProof places the anchor in its block, and the block in the chain.
type BlockProof struct {
	Index  uint32      `json:"index" cbor:"1,keyasint"` // of the transaction in its block
	Total  uint32      `json:"total" cbor:"2,keyasint"`
	Path   []Hash      `json:"path,omitempty" cbor:"3,keyasint,omitempty"`
	Header Header      `json:"header" cbor:"4,keyasint"`
	Commit BlockCommit `json:"commit" cbor:"5,keyasint"`
}

// LogProof places the anchor in the global log at a checkpoint.
type LogProof struct {
	Index      uint64 `json:"index" cbor:"1,keyasint"`
	Path       []Hash `json:"path,omitempty" cbor:"2,keyasint,omitempty"`
	Checkpoint string `json:"checkpoint" cbor:"3,keyasint"` // signed note
}

// Salt blinds a commitment.
type Salt [32]byte

// MarshalText writes the salt as standard base64.
func (s Salt) MarshalText() ([]byte, error) { return base64.StdEncoding.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Salt) UnmarshalText(text []byte) error { return decodeFixed(s[:], text, "salt") }

var receiptDec = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
	MaxNestedLevels:   10,
	MaxArrayElements:  1 << 16,
	MaxMapPairs:       1 << 16,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
}.DecMode())

// EncodeJSON gives the readable form, indented and with a final newline.
func (r *Receipt) EncodeJSON() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// EncodeCompact gives the compact form: the same receipt in deterministic CBOR.
func (r *Receipt) EncodeCompact() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return entryEnc.Marshal(r)
}

// ParseReceipt reads the JSON form. Unknown and repeated names are refused. Nothing is verified yet.
func ParseReceipt(b []byte) (*Receipt, error) {
	r := new(Receipt)
	if err := decodeJSON(b, MaxReceipt, r); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return r, r.check()
}

// DecodeCompact reads the compact form and refuses any but the one deterministic encoding. Nothing is verified yet.
func DecodeCompact(b []byte) (*Receipt, error) {
	if len(b) > MaxReceipt {
		return nil, fmt.Errorf("receipt: %d bytes, at most %d", len(b), MaxReceipt)
	}
	r := new(Receipt)
	if err := receiptDec.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	again, err := entryEnc.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("receipt: not in deterministic encoding")
	}
	return r, nil
}

// ReadReceipt reads either form: JSON begins with a brace, after white space if any.
func ReadReceipt(b []byte) (*Receipt, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, fmt.Errorf("receipt: %w", errEmpty)
	}
	if bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) {
		return ParseReceipt(b)
	}
	return DecodeCompact(b)
}

// check enforces shape and limits, so that no later step has to.
func (r *Receipt) check() error {
	fail := func(format string, args ...any) error { return fmt.Errorf("receipt: "+format, args...) }
	switch {
	case r.Format != ReceiptFormat:
		return fail("format %q, this program reads %q", r.Format, ReceiptFormat)
	case len(r.Chain) == 0 || len(r.Chain) > maxChainID:
		return fail("the chain has no name or too long a one")
	case len(r.Entry.Body) > MaxEntry:
		return fail("an entry of %d bytes, at most %d", len(r.Entry.Body), MaxEntry)
	case len(r.Contents) > maxContents:
		return fail("%d contents, at most %d", len(r.Contents), maxContents)
	case len(r.Batch.Path) > maxPath:
		return fail("the batch path has %d hashes, at most %d", len(r.Batch.Path), maxPath)
	case r.Block == nil && r.Log == nil:
		return fail("it names neither a block nor a checkpoint; the entry is not anchored yet, ask its owner again")
	case len(r.Epochs) > maxEpochs:
		return fail("%d epochs, at most %d", len(r.Epochs), maxEpochs)
	}
	if b := r.Block; b != nil {
		if len(b.Path) > maxPath || len(b.Commit.Signatures) > MaxMembers || len(b.Header.ChainID) > maxChainID || len(b.Header.App) > 64 {
			return fail("the block proof is too large")
		}
	}
	if len(r.Further) > maxFurther || (r.Log == nil && len(r.Further) > 0) {
		return fail("%d further checkpoints, at most %d, and none without a first", len(r.Further), maxFurther)
	}
	for _, l := range r.logs() {
		if len(l.Path) > maxPath || len(l.Checkpoint) > MaxNote {
			return fail("the log proof is too large")
		}
		if l.Index != r.Log.Index {
			return fail("one anchor cannot be at both %d and %d of the log", r.Log.Index, l.Index)
		}
	}
	return nil
}

// logs gives Log, unless nil, and Further.
func (r *Receipt) logs() []*LogProof {
	if r.Log == nil {
		return nil
	}
	list := []*LogProof{r.Log}
	for i := range r.Further {
		list = append(list, &r.Further[i])
	}
	return list
}
