package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the test vectors in testdata anew")

// octets are bytes that a vector shows in hexadecimal.
type octets []byte

func (o octets) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(o)), nil }

func (o *octets) UnmarshalText(b []byte) (err error) {
	*o, err = hex.DecodeString(string(b))
	return err
}

func hexes(list []Hash) (out []octets) {
	for _, h := range list {
		out = append(out, h[:])
	}
	return out
}

type entryVector struct {
	Comment  string `json:"comment"`
	Body     octets `json:"body"`
	Salt     octets `json:"salt"`
	Commit   octets `json:"commitment"`
	Tag      octets `json:"tag"`
	Envelope octets `json:"envelope"`
	Key      octets `json:"key"`
	Binding  octets `json:"binding"`
	Leaf     octets `json:"leaf"`
}

type batchVector struct {
	Seed         octets   `json:"seed"`
	Manifest     octets   `json:"sealed_manifest"`
	Entries      []octets `json:"entries"`
	Leaves       []octets `json:"leaves"`
	Root         octets   `json:"root"`
	Index        int      `json:"index"`
	Path         []octets `json:"path"`
	PaddedCounts [][2]int `json:"padded_counts"`
}

type anchorVector struct {
	Chain        string            `json:"chain"`
	Keys         map[string]octets `json:"keys"` // by organisation
	Anchor       octets            `json:"anchor"`
	CustodyBytes octets            `json:"custody_bytes"`
	SigningBytes octets            `json:"signing_bytes"`
	ID           octets            `json:"id"`
}

type blockVector struct {
	Chain          string       `json:"chain"`
	Header         Header       `json:"header"`
	HeaderHash     octets       `json:"header_hash"`
	Validators     ValidatorSet `json:"validators"`
	ValidatorsHash octets       `json:"validators_hash"`
	Commit         BlockCommit  `json:"commit"`
	VoteBytes      []octets     `json:"vote_bytes"`
	MedianTime     Timestamp    `json:"median_time"`
	Transactions   []octets     `json:"transactions"`
}

type checkpointVector struct {
	Members     []Member `json:"members"`
	MembersHash octets   `json:"members_hash"`
	VKeys       []string `json:"vkeys"`
	Note        string   `json:"note"`
	AnchorIDs   []octets `json:"anchor_ids"`
	Earlier     uint64   `json:"earlier_size"`
	EarlierRoot octets   `json:"earlier_root"`
	Consistency []octets `json:"consistency"`
}

// refusedVector is a receipt that a verifier refuses, by testdata/trust.json, and where.
type refusedVector struct {
	Name    string `json:"name"`
	Step    Step   `json:"step"`
	Receipt []byte `json:"receipt"` // compact form
}

// vectors builds every file of testdata. All keys are derived from names and nothing is random, so that the files stay
// the same as long as the formats do.
func vectors(t *testing.T) map[string][]byte {
	s := tell(t)
	out := make(map[string][]byte)
	put := func(name string, v any) {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		out[name] = append(b, '\n')
	}
	put("entry.json", entryVectors(s))
	put("batch.json", makeBatchVector(t, s))
	put("anchor.json", makeAnchorVector(t, s))
	put("block.json", makeBlockVector(s))
	put("checkpoint.json", makeCheckpointVector(s))
	put("refused.json", refusedVectors(t, s))

	tr, err := s.trust().Encode()
	if err != nil {
		t.Fatal(err)
	}
	out["trust.json"] = tr
	block := copyOf(t, s.receipt)
	block.Log = nil
	log := copyOf(t, s.receipt)
	log.Block = nil
	_, later, _ := successor(t)
	f, two, university := further(t)
	if out["trust-further.json"], err = f.trustBoth(university).Encode(); err != nil {
		t.Fatal(err)
	}
	put("refused-further.json", refusedFurther(t))
	for name, r := range map[string]*Receipt{
		"receipt": s.receipt, "receipt-block": block, "receipt-log": log, "receipt-epoch": later, "receipt-further": two,
	} {
		if out[name+".json"], err = r.EncodeJSON(); err != nil {
			t.Fatal(err)
		}
		if out[name+".cbor"], err = r.EncodeCompact(); err != nil {
			t.Fatal(err)
		}
	}
	out["content-source.json"], out["content-served.json"] = content, served
	return out
}

func entryVectors(s *story) (out []entryVector) {
	for i, c := range []string{"a resource is created", "a version is read", "another read"} {
		o := &s.entries[i]
		commit, binding, leaf := Commit((*[32]byte)(&o.Salt), o.Body), o.binding(), o.Leaf()
		out = append(out, entryVector{c, o.Body, o.Salt[:], commit[:], o.Tag[:], o.Envelope[:], o.Key[:], binding[:], leaf[:]})
	}
	return out
}

func makeBatchVector(t *testing.T, s *story) batchVector {
	leaves := s.pad(s.entries)
	root := BatchRoot(leaves)
	path, err := BatchPath(leaves, 1)
	if err != nil {
		t.Fatal(err)
	}
	v := batchVector{
		Seed: seed("dummies"), Manifest: []byte("sealed manifest"), Entries: hexes(leaves[:3]), Leaves: hexes(leaves),
		Root: root[:], Index: 1, Path: hexes(path),
	}
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, MaxBatch - 1} {
		v.PaddedCounts = append(v.PaddedCounts, [2]int{n, PaddedCount(n)})
	}
	return v
}

func makeAnchorVector(t *testing.T, s *story) anchorVector {
	a, err := DecodeAnchor(s.receipt.Anchor)
	if err != nil {
		t.Fatal(err)
	}
	id := a.ID()
	v := anchorVector{
		Chain: s.chain, Anchor: s.receipt.Anchor, CustodyBytes: a.CustodyBytes(s.chain),
		SigningBytes: a.SigningBytes(s.chain), ID: id[:], Keys: make(map[string]octets),
	}
	for _, o := range []*org{s.hospital, s.clinic, s.university} {
		k := publicOf(o.key)
		v.Keys[o.id.String()] = k[:]
	}
	return v
}

func makeBlockVector(s *story) blockVector {
	b := s.receipt.Block
	set := NewValidatorSet(s.genesis.Members)
	hash, sets := b.Header.Hash(), set.Hash()
	v := blockVector{
		Chain: s.chain, Header: b.Header, HeaderHash: hash[:], Validators: set, ValidatorsHash: sets[:], Commit: b.Commit,
		MedianTime: set.MedianTime(&b.Commit),
	}
	for i := range b.Commit.Signatures {
		v.VoteBytes = append(v.VoteBytes, b.Commit.VoteBytes(s.chain, i))
	}
	for _, tx := range s.log[1:4] {
		v.Transactions = append(v.Transactions, tx)
	}
	return v
}

func makeCheckpointVector(s *story) checkpointVector {
	members, root := MembersHash(s.genesis.Members), s.root(4)
	v := checkpointVector{
		Members: s.genesis.Members, MembersHash: members[:], Note: s.receipt.Log.Checkpoint,
		Earlier: 4, EarlierRoot: root[:], Consistency: hexes(consistency(dataLeaves(s.log), 4, true)),
	}
	p, err := genesisPeriod(&s.genesis)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, k := range p.keys {
		v.VKeys = append(v.VKeys, k.String())
	}
	v.VKeys = append(v.VKeys, s.ministry.Key().String())
	for _, tx := range s.log {
		id := sum256(tx)
		v.AnchorIDs = append(v.AnchorIDs, id[:])
	}
	return v
}

func refusedVectors(t *testing.T, s *story) (out []refusedVector) {
	for _, group := range []string{"entry", "anchor", "block", "checkpoint"} {
		for _, a := range groups()[group] {
			r := copyOf(t, s.receipt)
			a.spoil(s, r)
			if group != "checkpoint" {
				r.Log = nil
			}
			b, err := r.EncodeCompact()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, refusedVector{group + ": " + a.name, a.step, b})
		}
	}
	return out
}

func refusedFurther(t *testing.T) (out []refusedVector) {
	for _, a := range alteredFurther() {
		if a.step == StepReceipt {
			continue // has no encoding
		}
		s, r, _ := further(t)
		a.spoil(s, r)
		b, err := r.EncodeCompact()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, refusedVector{"further: " + a.name, a.step, b})
	}
	return out
}

// TestVectors makes sure that what was published is still what is written.
func TestVectors(t *testing.T) {
	for name, want := range vectors(t) {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is no longer what this code writes. A published format does not change: "+
				"make a new version, or run with -update if it was never published", file)
		}
	}
}

func load(t *testing.T, name string) []byte {
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectorsFromTheFilesAlone does what another implementation would do with them.
func TestVectorsFromTheFilesAlone(t *testing.T) {
	tr, err := ParseTrust(load(t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(tr)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]int{"receipt": 5, "receipt-block": 4, "receipt-log": 5, "receipt-epoch": 3} {
		text, err := ReadReceipt(load(t, name+".json"))
		if err != nil {
			t.Fatal(name, err)
		}
		compact, err := ReadReceipt(load(t, name+".cbor"))
		if diff := cmp.Diff(text, compact); err != nil || diff != "" {
			t.Fatal(name, err, diff)
		}
		res, err := v.Verify(compact, Options{})
		if err != nil || len(res.Keys) != keys {
			t.Fatal(name, res, err)
		}
	}
	for form, name := range map[string]string{"source": "content-source.json", "served": "content-served.json"} {
		r, _ := ReadReceipt(load(t, "receipt.json"))
		if res, err := v.Verify(r, Options{Content: load(t, name)}); err != nil || res.Content.Form != form {
			t.Fatal(name, err)
		}
	}
	wantFurther(t, v)
	wantRefused(t, v, "refused.json", 50)
}

// wantFurther checks the receipt with two checkpoints by a reader who knows one of the two witnesses, and by one who knows both.
func wantFurther(t *testing.T, one *Verifier) {
	tr, err := ParseTrust(load(t, "trust-further.json"))
	if err != nil {
		t.Fatal(err)
	}
	both, err := NewVerifier(tr)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ReadReceipt(load(t, "receipt-further.json"))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := ReadReceipt(load(t, "receipt-further.cbor"))
	if diff := cmp.Diff(text, compact); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	for v, keys := range map[*Verifier]int{one: 5, both: 6} {
		if res, err := v.Verify(compact, Options{}); err != nil || len(res.Keys) != keys {
			t.Fatal(res, err)
		}
	}
	wantRefused(t, both, "refused-further.json", 4)
}

func wantRefused(t *testing.T, v *Verifier, file string, least int) {
	var refused []refusedVector
	if err := json.Unmarshal(load(t, file), &refused); err != nil || len(refused) < least {
		t.Fatal(len(refused), err)
	}
	for _, x := range refused {
		r, err := DecodeCompact(x.Receipt)
		if err != nil {
			t.Fatal(x.Name, err)
		}
		_, err = v.Verify(r, Options{})
		wantStep(t, err, x.Step)
	}
}
