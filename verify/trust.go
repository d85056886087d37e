package verify

import (
	"encoding/json"
	"errors"
	"fmt"
)

// TrustFormat is the first field of every trust file.
const TrustFormat = "sijil-trust/1"

// DefaultKeys is how many keys a receipt must rest on where the trust file does not say.
const DefaultKeys = 2

// Limits of a trust file.
const (
	MaxTrust       = 32 << 20 // bytes
	MaxWitnesses   = 64
	maxCheckpoints = 1024
)

// Trust is whom and what a reader believes before it looks at any receipt. It is public and small; it is worth as much as
// the way by which it came: on paper, from two organisations, with the program.
type Trust struct {
	Format    string    `json:"format"` // TrustFormat
	Genesis   Genesis   `json:"genesis"`
	Witnesses []Witness `json:"witnesses,omitempty"`
	Policy    Policy    `json:"policy,omitzero"`
	// Checkpoints are signed notes that the reader has seen. A history that contradicts one of them is a fork.
	Checkpoints []string `json:"checkpoints,omitempty"`
	// Epochs lists, from epoch 1 without gap, the periods whose members the reader knows. The beginning of each must be
	// signed like any other; what listing adds is that their keys count in full.
	Epochs []Epoch `json:"epochs,omitempty"`
}

// Witness is somebody outside the ledger who cosigns its checkpoints.
type Witness struct {
	Name string `json:"name"` // for people
	VKey string `json:"vkey"` // C2SP verifier key of type 0x04 or 0x06
}

// Policy says when a receipt is good enough.
type Policy struct {
	Keys int `json:"keys"` // least number of distinct organisations and witnesses it must rest on; 0 stands for DefaultKeys
}

// ParseTrust reads a trust file and checks it. Unknown and repeated names are refused.
func ParseTrust(b []byte) (*Trust, error) {
	t := new(Trust)
	if err := decodeJSON(b, MaxTrust, t); err != nil {
		return nil, fmt.Errorf("trust file: %w", err)
	}
	return t, t.Check()
}

// Encode gives the file, indented and with a final newline.
func (t *Trust) Encode() ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(t, "", "  ")
	return append(b, '\n'), err
}

// Check tells what is wrong with a trust file: it verifies every signature in it.
func (t *Trust) Check() error {
	_, err := NewVerifier(t)
	return err
}

// keys is the policy with its default.
func (t *Trust) keys() (int, error) {
	switch {
	case t.Policy.Keys == 0:
		return DefaultKeys, nil
	case t.Policy.Keys < 0 || t.Policy.Keys > MaxMembers+MaxWitnesses:
		return 0, fmt.Errorf("trust file: a policy of %d keys cannot be met", t.Policy.Keys)
	}
	return t.Policy.Keys, nil
}

// Verifier checks receipts against one trust file. It is safe for concurrent use.
type Verifier struct {
	chain     string
	policy    int
	witnesses []NoteKey
	names     []string  // of the witnesses, for people
	periods   []*period // epochs of the trust file, from 0
	pinned    []pinned
}

// pinned is a checkpoint of the trust file: its own, or the beginning of one of its epochs.
type pinned struct {
	checkpoint Checkpoint
	signers    []signer
}

// signer is somebody whose signature on a checkpoint was verified.
type signer struct {
	party   party
	known   bool  // the trust file lists this key
	time    int64 // Unix seconds of a witness's signature
	witness bool
	quantum bool // the signature is ML-DSA-65
}

// NewVerifier checks the trust file, all signatures in it included.
func NewVerifier(t *Trust) (*Verifier, error) {
	fail := func(err error) (*Verifier, error) { return nil, fmt.Errorf("trust file: %w", err) }
	switch {
	case t.Format != TrustFormat:
		return fail(fmt.Errorf("format %q, this program reads %q", t.Format, TrustFormat))
	case len(t.Witnesses) > MaxWitnesses || len(t.Checkpoints) > maxCheckpoints || len(t.Epochs) > maxEpochs:
		return fail(errors.New("too many witnesses, checkpoints or epochs"))
	}
	policy, err := t.keys()
	if err != nil {
		return nil, err
	}
	first, err := genesisPeriod(&t.Genesis)
	if err != nil {
		return fail(err)
	}
	first.expand()
	v := &Verifier{chain: t.Genesis.Chain(), policy: policy, periods: []*period{first}}
	for i := range t.Epochs {
		p, err := v.periods[i].next(v.chain, &t.Epochs[i])
		if err != nil {
			return fail(err)
		}
		p.vouched = nil // the reader says so itself
		p.expand()
		v.periods = append(v.periods, p)
	}
	if err := v.addWitnesses(t.Witnesses); err != nil {
		return fail(err)
	}
	if err := v.pin(t); err != nil {
		return fail(err)
	}
	return v, nil
}

// Chain names the ledger whose receipts the verifier checks.
func (v *Verifier) Chain() string { return v.chain }

// addWitnesses makes sure that one key counts once: neither two witnesses nor a member and a witness may share one.
func (v *Verifier) addWitnesses(witnesses []Witness) error {
	used := make(map[string]bool)
	for _, p := range v.periods {
		for i := range p.members {
			used[string(p.members[i].Key[:])] = true
			used[string(p.members[i].Validator[:])] = true
		}
	}
	for i := range witnesses {
		k, err := ParseVKey(witnesses[i].VKey)
		if err != nil {
			return err
		}
		if k.alg != AlgCosign && k.alg != AlgCosign44 {
			return fmt.Errorf("witness %s: key type 0x%02x makes no cosignatures", k.name, uint8(k.alg))
		}
		if used[string(k.public)] {
			return fmt.Errorf("witness %s: its key is that of a member or of another witness", k.name)
		}
		used[string(k.public)] = true
		if k.curve != nil {
			*k.curve = expand(k.curve.key)
		}
		v.witnesses = append(v.witnesses, k)
		v.names = append(v.names, witnesses[i].Name)
	}
	return nil
}

// pin verifies the checkpoints of the trust file and that they do not contradict one another.
func (v *Verifier) pin(t *Trust) error {
	for _, p := range v.periods[1:] {
		v.pinned = append(v.pinned, pinned{checkpoint: p.start})
	}
	for _, text := range t.Checkpoints {
		note, c, err := openCheckpoint(text)
		if err != nil {
			return err
		}
		signers, err := v.signers(v.periods, note, c)
		if err != nil {
			return err
		}
		if err := v.compare(c); err != nil {
			return err
		}
		v.pinned = append(v.pinned, pinned{*c, signers})
	}
	return nil
}

// compare looks for a pinned checkpoint that contradicts c.
func (v *Verifier) compare(c *Checkpoint) error {
	for i := range v.pinned {
		if err := CheckHeads(&v.pinned[i].checkpoint, c); err != nil {
			return err
		}
	}
	return nil
}
