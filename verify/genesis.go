package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Member is one organisation that keeps the ledger, as recorded on it.
type Member struct {
	Org       OrgID     `json:"org" cbor:"1,keyasint"`
	Name      string    `json:"name" cbor:"2,keyasint"`
	Key       PublicKey `json:"key" cbor:"3,keyasint"`                            // signs anchors, checkpoints, votes, node certificates
	Validator PublicKey `json:"validator" cbor:"4,keyasint"`                      // signs blocks; zero for a member that follows without voting
	Power     int64     `json:"power" cbor:"5,keyasint"`                          // voting power; 0 for a follower
	NodeID    string    `json:"node_id" cbor:"6,keyasint"`                        // identity of its node in the engine's p2p network
	P2P       string    `json:"p2p,omitempty" cbor:"7,keyasint,omitempty"`        // host:port of the engine's p2p
	Peer      string    `json:"peer,omitempty" cbor:"8,keyasint,omitempty"`       // host:port of the node-to-node HTTP/2 service
	Escrow    []byte    `json:"escrow,omitempty" cbor:"9,keyasint,omitempty"`     // HPKE public key (MLKEM768-P256) that copies of its key store are sealed to
	MLDSA     []byte    `json:"ml_dsa_65,omitempty" cbor:"10,keyasint,omitempty"` // ML-DSA-65 public key for daily checkpoints
}

// Genesis is what the founders agreed on. Its hash is part of the chain's name, and with it of every signature on the
// chain: there are no two ledgers of one name.
type Genesis struct {
	Time    int64    `json:"time" cbor:"1,keyasint"` // Unix milliseconds
	Nonce   Hash     `json:"nonce" cbor:"2,keyasint"`
	Members []Member `json:"members" cbor:"3,keyasint"` // in ascending order of Org
}

// MaxGenesis bounds a genesis, and the description of a member, in bytes of JSON.
const MaxGenesis = 1 << 20

// ParseGenesis reads a genesis and checks it. Unknown and repeated names are refused: whoever compares two of them by eye compares all there is.
func ParseGenesis(b []byte) (*Genesis, error) {
	g := new(Genesis)
	if err := decodeJSON(b, MaxGenesis, g); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	return g, g.Check()
}

// ParseMember reads the description of an organisation that its node wrote, as strictly, and checks that its identifier belongs to its key.
func ParseMember(b []byte) (*Member, error) {
	m := new(Member)
	if err := decodeJSON(b, MaxGenesis, m); err != nil {
		return nil, fmt.Errorf("member: %w", err)
	}
	if OrgOf(m.Key) != m.Org {
		return nil, fmt.Errorf("member: %s: identifier %s does not belong to its key", m.Name, m.Org)
	}
	return m, nil
}

// Chain gives the chain's name: "sijil-" and the first 32 hexadecimal digits of SHA-256 over the genesis in CBOR.
func (g *Genesis) Chain() string {
	sum := sha256.Sum256(must(entryEnc.Marshal(g)))
	return "sijil-" + hex.EncodeToString(sum[:16])
}

// Check tells what is wrong with a genesis.
func (g *Genesis) Check() error {
	if err := CheckMembers(g.Members); err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	for i := range g.Members {
		if m := &g.Members[i]; OrgOf(m.Key) != m.Org {
			return fmt.Errorf("genesis: %s: identifier %s does not belong to its key", m.Name, m.Org)
		}
	}
	return nil
}
