package verify

import "encoding/base64"

// Address names a validator: the first 20 bytes of SHA-256 over its public key.
type Address [20]byte

// MarshalText writes the address as standard base64.
func (a Address) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, a[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (a *Address) UnmarshalText(text []byte) error { return decodeFixed(a[:], text, "address") }

// BlockID names a block by the hash of its header and the root of the parts it was gossiped in. Validators sign both.
type BlockID struct {
	Hash       Hash   `json:"hash,omitzero" cbor:"1,keyasint,omitzero"`
	PartsTotal uint32 `json:"parts_total,omitempty" cbor:"2,keyasint,omitempty"`
	PartsHash  Hash   `json:"parts_hash,omitzero" cbor:"3,keyasint,omitzero"`
}

// encode gives tendermint.types.BlockID, whose bytes are also those of CanonicalBlockID.
func (id *BlockID) encode() []byte {
	var parts []byte
	parts = appendUint(parts, 1, uint64(id.PartsTotal))
	parts = appendDigest(parts, 2, id.PartsHash)
	return appendMessage(appendDigest(nil, 1, id.Hash), 2, parts)
}

// Header is a block header of CometBFT v0.40 (types/block.go). A zero Hash stands for an empty one.
type Header struct {
	BlockVersion   uint64    `json:"block_version" cbor:"1,keyasint"`
	AppVersion     uint64    `json:"app_version,omitempty" cbor:"2,keyasint,omitempty"`
	ChainID        string    `json:"chain_id" cbor:"3,keyasint"`
	Height         int64     `json:"height" cbor:"4,keyasint"`
	Time           Timestamp `json:"time" cbor:"5,keyasint"` // median time of the commit of Height-1: not when this block was made
	LastBlock      BlockID   `json:"last_block_id" cbor:"6,keyasint"`
	LastCommit     Hash      `json:"last_commit_hash,omitzero" cbor:"7,keyasint,omitzero"`
	Data           Hash      `json:"data_hash,omitzero" cbor:"8,keyasint,omitzero"`
	Validators     Hash      `json:"validators_hash" cbor:"9,keyasint"`
	NextValidators Hash      `json:"next_validators_hash,omitzero" cbor:"10,keyasint,omitzero"`
	Consensus      Hash      `json:"consensus_hash,omitzero" cbor:"11,keyasint,omitzero"`
	App            []byte    `json:"app_hash,omitempty" cbor:"12,keyasint,omitempty"`
	LastResults    Hash      `json:"last_results_hash,omitzero" cbor:"13,keyasint,omitzero"`
	Evidence       Hash      `json:"evidence_hash,omitzero" cbor:"14,keyasint,omitzero"`
	Proposer       Address   `json:"proposer_address" cbor:"15,keyasint"`
}

// Hash is the hash that validators sign: the RFC 6962 root over the 14 fields, each wrapped in its protobuf message.
func (h *Header) Hash() Hash {
	digest := func(v Hash) []byte { return appendDigest(nil, 1, v) }
	return merkleRoot(
		appendUint(appendUint(nil, 1, h.BlockVersion), 2, h.AppVersion),
		appendField(nil, 1, []byte(h.ChainID)),
		appendUint(nil, 1, uint64(h.Height)),
		h.Time.encode(),
		h.LastBlock.encode(),
		digest(h.LastCommit),
		digest(h.Data),
		digest(h.Validators),
		digest(h.NextValidators),
		digest(h.Consensus),
		appendField(nil, 1, h.App),
		digest(h.LastResults),
		digest(h.Evidence),
		appendField(nil, 1, h.Proposer[:]),
	)
}
