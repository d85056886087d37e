package node

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// Difference is a field that two records of a member say otherwise: "name", "signing_key", "validator_key", "power", "node", "engine_address",
// "peer_address", "escrow_key" or "ml_dsa_key". Long keys are shown by the beginning of their SHA-256, what is not there as "".
type Difference struct{ Field, From, To string }

// Differences tells what a request would change, so that whoever agrees to it sees that. A record that is not there yet is the zero Member.
func Differences(on, asked *verify.Member) (list []Difference) {
	for _, d := range []Difference{
		{"name", on.Name, asked.Name},
		{"signing_key", keyText(on.Key), keyText(asked.Key)},
		{"validator_key", keyText(on.Validator), keyText(asked.Validator)},
		{"power", strconv.FormatInt(on.Power, 10), strconv.FormatInt(asked.Power, 10)},
		{"node", on.NodeID, asked.NodeID},
		{"engine_address", on.P2P, asked.P2P},
		{"peer_address", on.Peer, asked.Peer},
		{"escrow_key", fingerprint(on.Escrow), fingerprint(asked.Escrow)},
		{"ml_dsa_key", fingerprint(on.MLDSA), fingerprint(asked.MLDSA)},
	} {
		if d.From != d.To {
			list = append(list, d)
		}
	}
	return list
}

func keyText(k verify.PublicKey) string {
	if k == (verify.PublicKey{}) {
		return ""
	}
	b, _ := k.MarshalText() // it has no errors
	return string(b)
}

func fingerprint(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	sum := sha256.Sum256(key)
	return "SHA-256 " + hex.EncodeToString(sum[:16])
}

// fields names what differs, for an error.
func fields(list []Difference) []string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = strings.ReplaceAll(d.Field, "_", " ")
	}
	return names
}
