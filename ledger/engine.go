package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Errors an Engine returns, wrapped; test for them with errors.Is.
var (
	// ErrFull is back-pressure: the engine holds as many uncommitted transactions as it may, of all or of this
	// organisation. Nothing is wrong with the transaction; submit it again later. Returned by Submit.
	ErrFull = errors.New("ledger: engine is full, submit again later")
	// ErrRejected says that the transaction can never be committed as it is: malformed, badly signed, or in conflict
	// with what is committed. Returned by Submit, with the reason.
	ErrRejected = errors.New("ledger: transaction can never be committed")
	// ErrNotFound says that the chain has no such anchor, block or epoch (yet). Returned by Proof, Anchor, LogProof,
	// LogRoot, Consistency, MembersAt, Epoch and Light.
	ErrNotFound = errors.New("ledger: not on the chain")
	// ErrPruned says that the block was on the chain and is no longer kept here; see PrunedError for the base.
	// Returned by Proof and Light.
	ErrPruned = errors.New("ledger: block is no longer kept")
	// ErrClosed says that the engine was closed. Returned by every method.
	ErrClosed = errors.New("ledger: engine is closed")
	// ErrDown says that the engine is not running at the moment (it is starting, or its process died and is being
	// restarted). Asking again later is right. Returned by every method of a supervised engine.
	ErrDown = errors.New("ledger: engine is not running")
)

// PrunedError is an ErrPruned that names the lowest height still kept.
type PrunedError struct {
	Height int64 // asked for
	Base   int64 // lowest height still kept
}

// Error says what was asked for and what is kept.
func (e *PrunedError) Error() string {
	return fmt.Sprintf("%v: height %d, kept from %d on", ErrPruned, e.Height, e.Base)
}

// Unwrap makes errors.Is(err, ErrPruned) hold.
func (e *PrunedError) Unwrap() error { return ErrPruned }

// Engine is the ordered, replicated ledger of anchors, however consensus is reached. All methods may be called
// concurrently. Positions: heights count blocks from 1; log indexes count anchors from 0 in chain order.
type Engine interface {
	// Submit hands a transaction to the engine: the bytes of a verify.Anchor, or of a membership transaction. It
	// is idempotent and says nothing about commitment: nil means held, on its way, or committed before. Whoever
	// needs it committed follows the chain and submits the same bytes again while it is not there.
	// Errors: ErrFull, ErrRejected.
	Submit(ctx context.Context, tx []byte) error

	// Follow calls fn for every committed block from height `from` on, in order, each once, then waits for more. It
	// returns the error of fn, or ctx.Err(). Blocks are never pruned from this view: anchors are kept for ever.
	// A height of 0 means 1. fn must not keep references to the block's bytes beyond its call unless it owns them.
	Follow(ctx context.Context, from int64, fn func(*Block) error) error

	// Proof gives what shows to a stranger that the transactions of a height were committed. It is there as soon as
	// Follow delivered the block and until the block is pruned. Errors: ErrNotFound, ErrPruned.
	Proof(ctx context.Context, height int64) (*BlockProof, error)

	// Anchor finds an organisation's anchor by its sequence number. Errors: ErrNotFound.
	Anchor(ctx context.Context, org verify.OrgID, seq uint64) (*Anchored, error)

	// AnchorAt finds an anchor by its index in the global log. Errors: ErrNotFound.
	AnchorAt(ctx context.Context, index uint64) (*Anchored, error)

	// Head gives the last committed anchor of an organisation; ok is false when it has none.
	Head(ctx context.Context, org verify.OrgID) (head Head, ok bool, err error)

	// LogProof gives the RFC 6962 inclusion proof of anchor `index` in the global log of `size` anchors. The leaf
	// value is the anchor's ID. Errors: ErrNotFound when index ≥ size or size exceeds the log.
	LogProof(ctx context.Context, index, size uint64) ([]verify.Hash, error)

	// LogRoot gives the RFC 6962 root of the global log of `size` anchors.
	LogRoot(ctx context.Context, size uint64) (verify.Hash, error)

	// Consistency gives the RFC 6962 consistency proof between two sizes of the global log, from ≤ to.
	Consistency(ctx context.Context, from, to uint64) ([]verify.Hash, error)

	// Members gives the membership by which the next block is judged, and whose validators sign it.
	Members(ctx context.Context) (*Membership, error)

	// MembersAt gives the membership by which the transactions of a height were judged: who was a member, with which
	// key. It is kept for ever. Errors: ErrNotFound for a height that is not committed.
	MembersAt(ctx context.Context, height int64) (*Membership, error)

	// Epoch gives a period of one validator set, kept for ever. Errors: ErrNotFound.
	Epoch(ctx context.Context, number uint64) (*Epoch, error)

	// Light gives the engine's own encoding of the header, commit and validator sets of a height, for a node that
	// starts from a snapshot. Kept for ever for the height before each epoch begins. Errors: ErrNotFound, ErrPruned.
	Light(ctx context.Context, height int64) ([]byte, error)

	// Status tells how the engine does. It answers also while the engine catches up or is wedged.
	Status(ctx context.Context) (*Status, error)

	// Close stops the engine and waits until its files are closed.
	Close() error
}

// Block is one committed block, as Follow delivers it.
type Block struct {
	Height int64 `cbor:"1,keyasint"`
	// Time is the header's, in Unix milliseconds. CometBFT dates a block with the median of the votes on its
	// predecessor, so that after an idle time it is stale: the time that counts is that of the commit (see BlockProof).
	Time    int64       `cbor:"2,keyasint"`
	Anchors []*Anchored `cbor:"3,keyasint,omitempty"` // in chain order
	LogSize uint64      `cbor:"4,keyasint"`           // size of the global log after this block
	Epoch   uint64      `cbor:"5,keyasint"`           // epoch whose validators signed this block
	Members bool        `cbor:"6,keyasint,omitempty"` // the next block is judged by another membership than this one
	// Changes are the membership transactions of the block (proposals and votes, signed), kept for ever for auditors.
	Changes [][]byte `cbor:"7,keyasint,omitempty"`
}

// Anchored is an anchor with its place on the chain.
type Anchored struct {
	Bytes  []byte      `cbor:"1,keyasint"` // verify.Anchor.Encode, the transaction as it stands in the block
	ID     verify.Hash `cbor:"2,keyasint"` // SHA-256 of Bytes
	Index  uint64      `cbor:"3,keyasint"` // in the global log
	Height int64       `cbor:"4,keyasint"` // of its block
	Tx     uint32      `cbor:"5,keyasint"` // index of the transaction in the block
}

// Head is the last committed anchor of an organisation.
type Head struct {
	Seq   uint64      `cbor:"1,keyasint"`
	ID    verify.Hash `cbor:"2,keyasint"`
	Index uint64      `cbor:"3,keyasint"` // in the global log
	// Control is its control number, which never falls.
	Control uint64 `cbor:"4,keyasint,omitempty"`
}

// Membership is who keeps the ledger from a height on: whose signatures the blocks after it are judged by, and whose validators
// sign them. Both begin with one and the same block.
type Membership struct {
	Height  int64           `cbor:"1,keyasint"`           // it is so for the blocks after this one; 0: since genesis
	Members []verify.Member `cbor:"2,keyasint"`           // in ascending order of Org
	Pending []Proposal      `cbor:"3,keyasint,omitempty"` // in the order proposed
	// Proposed counts the proposals each organisation ever made, in ascending order of Org: the number that its next
	// proposal must bear, so that none can be played twice.
	Proposed []Proposed `cbor:"4,keyasint,omitempty"`
}

// Proposed is how many proposals an organisation made.
type Proposed struct {
	Org   verify.OrgID `cbor:"1,keyasint"`
	Count uint64       `cbor:"2,keyasint"`
	// Moved is the height at which one of them, of its own record, last took effect without a vote; 0: never.
	Moved int64 `cbor:"3,keyasint,omitempty"`
}

// Member finds a member by its identifier; nil when there is none.
func (m *Membership) Member(org verify.OrgID) *verify.Member {
	for i := range m.Members {
		if m.Members[i].Org == org {
			return &m.Members[i]
		}
	}
	return nil
}

// Proposal is a change of the membership that was proposed and neither took effect nor lapsed.
type Proposal struct {
	ID      verify.Hash    `cbor:"1,keyasint"` // SHA-256 of the proposal's transaction
	By      verify.OrgID   `cbor:"2,keyasint"`
	Change  string         `cbor:"3,keyasint"` // "join", "update" or "leave"
	Member  verify.Member  `cbor:"4,keyasint"` // as it shall be; for "leave" only Org counts
	Yes     []verify.OrgID `cbor:"5,keyasint,omitempty"`
	No      []verify.OrgID `cbor:"6,keyasint,omitempty"`
	Expires int64          `cbor:"7,keyasint"`           // Unix milliseconds of header time
	Carried bool           `cbor:"8,keyasint,omitempty"` // enough votes; decided on in this block or one of the next
	Base    verify.Hash    `cbor:"9,keyasint,omitzero"`  // verify.SeatHash of the record an update changes; it lapses when that changes first
	// Since is the first height that the change governs, once it is decided on; 0 before. It is then certain to come.
	Since int64 `cbor:"10,keyasint,omitempty"`
	// SeatOnly says that the member itself changed its addresses or escrow key since an update was proposed: these stay as they then are.
	SeatOnly bool `cbor:"11,keyasint,omitempty"`
}

// Epoch is a period of one validator set. Epoch 0 begins with the chain; each change of a validator's key or power
// begins the next.
type Epoch struct {
	Number     uint64              `cbor:"1,keyasint"`
	Since      int64               `cbor:"2,keyasint"` // first height its validators sign
	Validators verify.ValidatorSet `cbor:"3,keyasint"` // its Hash is Header.Validators of every header of the epoch
}

// Status tells how an engine does.
type Status struct {
	Chain      string    `cbor:"1,keyasint"`
	Height     int64     `cbor:"2,keyasint"` // last committed
	Base       int64     `cbor:"3,keyasint"` // lowest height for which Proof answers
	Committed  time.Time `cbor:"4,keyasint"` // when this node saw the last commit, by its own clock; zero before the first since start
	Peers      []Peer    `cbor:"5,keyasint,omitempty"`
	CatchingUp bool      `cbor:"6,keyasint,omitempty"`
	Voting     bool      `cbor:"7,keyasint,omitempty"` // this node's key is in the validator set
	LogSize    uint64    `cbor:"8,keyasint"`
	Sealed     uint64    `cbor:"9,keyasint"`  // size of the log that the application hash covers
	Waiting    int       `cbor:"10,keyasint"` // transactions held, not committed
	// Evidence of validators that signed two different blocks at one height: the count, and the latest 16.
	EvidenceCount uint64     `cbor:"11,keyasint,omitempty"`
	Evidence      []Evidence `cbor:"12,keyasint,omitempty"`
	// Wedged says in words for people why the engine makes no progress although it holds transactions, and what to do; empty when
	// it does, has nothing to do, or only lacks validators, which Peers tells.
	Wedged string `cbor:"13,keyasint,omitempty"`
	// Skew is by how much this machine's clock is ahead of the median of the validators' clocks, measured on the
	// last block committed live; zero when unknown (SkewKnown).
	Skew      time.Duration `cbor:"14,keyasint,omitempty"`
	SkewKnown bool          `cbor:"15,keyasint,omitempty"`
	Restarts  int           `cbor:"16,keyasint,omitempty"` // of a supervised engine, since its parent started
	// Stopped says that consensus ended on this node after a panic: only a restart of the engine helps. A supervised engine
	// is restarted by itself.
	Stopped bool `cbor:"17,keyasint,omitempty"`
	// Begun is the height of the snapshot that this node began from, 0 when it has gone through every block itself; Restoring says
	// that it is taking one in, because the others no longer keep the blocks after height Left.
	Begun     int64 `cbor:"18,keyasint,omitempty"`
	Restoring bool  `cbor:"19,keyasint,omitempty"`
	Left      int64 `cbor:"20,keyasint,omitempty"`
	// Damage names the first file of the engine that could not be read or written since it started, and says why; empty when there is none.
	Damage string `cbor:"21,keyasint,omitempty"`
}

// Peer is a connected node.
type Peer struct {
	NodeID  string       `cbor:"1,keyasint"`
	Org     verify.OrgID `cbor:"2,keyasint"`
	Address string       `cbor:"3,keyasint"`
	Ours    bool         `cbor:"4,keyasint,omitempty"` // we dialled it
}

// Evidence records a validator's misbehaviour.
type Evidence struct {
	Kind      string         `cbor:"1,keyasint"` // "duplicate vote" or "light client attack"
	Org       verify.OrgID   `cbor:"2,keyasint"` // zero when the key is no longer a member's
	Validator verify.Address `cbor:"3,keyasint"` // address of the key
	Height    int64          `cbor:"4,keyasint"` // of the offence
	Time      int64          `cbor:"5,keyasint"` // of the offence, Unix milliseconds
	Recorded  int64          `cbor:"6,keyasint"` // height of the block that carries the evidence
}

// BlockProof is what shows to a stranger, with the epoch's validator set at hand, that the transactions of a block
// were committed: their hashes give Header.Data, the header gives Commit.Block, and the signatures are over that.
type BlockProof struct {
	Header verify.Header      `cbor:"1,keyasint"`
	Commit verify.BlockCommit `cbor:"2,keyasint"` // for this very header: no later block is needed
	Txs    []verify.Hash      `cbor:"3,keyasint"` // SHA-256 of each transaction: the leaf values under Header.Data
	Epoch  uint64             `cbor:"4,keyasint"` // whose validators signed
}
