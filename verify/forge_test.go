package verify

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"io"
	"slices"
	"testing"
	"time"

	"filippo.io/mldsa"
)

// The forger keeps whole ledgers in memory, with every private key at hand: honest ones, and, because it holds the keys,
// any that a dishonest founder, administrator or validator could make.

// org is an organisation with its private keys, all derived from its name.
type org struct {
	name      string
	id        OrgID
	key       ed25519.PrivateKey
	validator ed25519.PrivateKey
	lattice   deterministic
	power     int64
	seq       uint64
	prev      Hash
}

// deterministic signs by ML-DSA without randomness, so that test vectors stay the same.
type deterministic struct{ *mldsa.PrivateKey }

func (d deterministic) Sign(_ io.Reader, m []byte, o crypto.SignerOpts) ([]byte, error) {
	return d.SignDeterministic(m, o)
}

func seed(label string) []byte {
	s := sha256.Sum256([]byte("test vectors of sijil: " + label))
	return s[:]
}

func newOrg(name string, power int64) *org {
	o := &org{name: name, power: power}
	o.key = ed25519.NewKeyFromSeed(seed(name + " signing"))
	o.validator = ed25519.NewKeyFromSeed(seed(name + " validator"))
	k, err := mldsa.NewPrivateKey(mldsa.MLDSA65(), seed(name+" lattice"))
	if err != nil {
		panic(err)
	}
	o.lattice = deterministic{k}
	o.id = OrgOf(publicOf(o.key))
	return o
}

func publicOf(k ed25519.PrivateKey) PublicKey { return PublicKey(k.Public().(ed25519.PublicKey)) }

func sign(k ed25519.PrivateKey, m []byte) Signature { return Signature(ed25519.Sign(k, m)) }

func (o *org) member() Member {
	m := Member{Org: o.id, Name: o.name, Key: publicOf(o.key), Power: o.power}
	if o.power > 0 {
		m.Validator = publicOf(o.validator)
	}
	return m
}

func membersOf(orgs []*org) []Member {
	var out []Member
	for _, o := range orgs {
		out = append(out, o.member())
	}
	slices.SortFunc(out, func(a, b Member) int { return slices.Compare(a.Org[:], b.Org[:]) })
	return out
}

// world is one ledger.
type world struct {
	t       testing.TB
	orgs    []*org // members now
	genesis Genesis
	chain   string
	epochs  []Epoch
	height  int64
	last    BlockID
	log     [][]byte // encoded anchors in chain order
	now     time.Time
}

func newWorld(t testing.TB, orgs ...*org) *world {
	w := &world{t: t, orgs: orgs, now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	w.genesis = Genesis{Time: w.now.UnixMilli(), Nonce: Hash{1, 2, 3}, Members: membersOf(orgs)}
	for i := range w.genesis.Members { // the founders also have ML-DSA keys
		for _, o := range orgs {
			if o.id == w.genesis.Members[i].Org {
				w.genesis.Members[i].MLDSA = o.lattice.PublicKey().Bytes()
			}
		}
	}
	w.chain = w.genesis.Chain()
	return w
}

// members is the list of the current epoch.
func (w *world) members() []Member {
	if n := len(w.epochs); n > 0 {
		return w.epochs[n-1].Members
	}
	return w.genesis.Members
}

// opened makes an opened entry.
func opened(e *Entry, number byte) OpenedEntry {
	return OpenedEntry{
		Tag: Tag(seed("tag " + e.Chart + string(rune('0'+number)))[:16]), Envelope: Hash(seed("envelope " + string(rune('0'+number)))),
		Key: Hash(seed("key " + e.Chart)), Salt: Salt(seed("salt " + string(rune('0'+number)))), Body: e.Encode(),
	}
}

// chart gives n entries of one chart of an organisation.
func chart(o *org, n int) []OpenedEntry {
	var (
		out  []OpenedEntry
		prev Hash
	)
	for i := range n {
		e := &Entry{
			Version: EntryVersion, Kind: KindRead, Time: 1772352000000 + int64(i)*1000, Org: o.id, Actor: "Practitioner/ali", Role: "clinician",
			Purpose: "TREAT", Chart: "Patient/1", Number: uint64(i), Prev: prev, Detail: "GET Observation/7", Outcome: 200,
			Request: [16]byte(seed("request")[:16]),
			Targets: []Target{{Ref: "Observation/7", Version: 1}},
		}
		if i == 0 {
			e.Kind, e.Detail, e.Outcome = KindCreate, "POST Observation", 201
			e.Targets[0].Content = contentForms.Commit()
			e.Targets[0].Blob, e.Targets[0].Slot = Hash(seed("blob")), 4
		}
		out = append(out, opened(e, byte(i)))
		prev = out[i].Leaf()
	}
	return out
}

var (
	contentForms = FormsOf(Salt(seed("content salt")), content, served)
	content      = []byte(`{"resourceType":"Observation","status":"final"}`)
	served       = []byte(`{"resourceType":"Observation","id":"7","status":"final"}`)
)

// pad gives all leaves of a batch of these entries.
func (w *world) pad(entries []OpenedEntry) []Hash {
	var leaves []Hash
	for i := range entries {
		leaves = append(leaves, entries[i].Leaf())
	}
	leaves, err := PadBatch(leaves, Hash(seed("dummies")), []byte("sealed manifest"))
	if err != nil {
		w.t.Fatal(err)
	}
	return leaves
}

// anchor makes and signs the organisation's next anchor.
func (w *world) anchor(o *org, leaves []Hash, custodians ...*org) *Anchor {
	a := &Anchor{Org: o.id, Seq: o.seq, Prev: o.prev, Root: BatchRoot(leaves), Count: uint32(len(leaves)), Time: w.now.UnixMilli()}
	for _, c := range custodians {
		a.Custodians = append(a.Custodians, Custody{Org: c.id, Signature: sign(c.key, a.CustodyBytes(w.chain))})
	}
	slices.SortFunc(a.Custodians, func(x, y Custody) int { return slices.Compare(x.Org[:], y.Org[:]) })
	a.Signature = sign(o.key, a.SigningBytes(w.chain))
	o.seq, o.prev = o.seq+1, a.ID()
	return a
}

// block commits anchors, signed by these validators; all members where none is named.
func (w *world) block(signers []*org, anchors ...*Anchor) (*Header, *BlockCommit, [][]byte) {
	var txs [][]byte
	for _, a := range anchors {
		txs = append(txs, a.Encode())
	}
	w.height++
	w.log = append(w.log, txs...)
	set := NewValidatorSet(w.members())
	h := &Header{
		BlockVersion: 11, AppVersion: 1, ChainID: w.chain, Height: w.height, Time: TimestampOf(w.now), LastBlock: w.last,
		LastCommit: Hash(seed("last commit")), Data: dataRoot(txs), Validators: set.Hash(), NextValidators: set.Hash(),
		Consensus: Hash(seed("consensus")), App: seed("app"), LastResults: Hash(seed("results")), Evidence: sum256(nil),
		Proposer: set[0].Address(),
	}
	c := w.commit(set, h, signers)
	w.last = c.Block
	w.now = w.now.Add(10 * time.Second)
	return h, c, txs
}

// commit signs a header for validators among signers; the others are absent.
func (w *world) commit(set ValidatorSet, h *Header, signers []*org) *BlockCommit {
	c := &BlockCommit{Height: h.Height, Block: BlockID{Hash: h.Hash(), PartsTotal: 1, PartsHash: Hash(seed("parts"))}}
	c.Signatures = make([]CommitSig, len(set))
	for i := range set {
		c.Signatures[i].Flag = VoteAbsent
		for j, o := range signers {
			if set[i].Key == publicOf(o.validator) {
				c.Signatures[i] = CommitSig{Flag: VoteCommit, Validator: set[i].Address(), Time: TimestampOf(w.now) + Timestamp(j)*1e6}
				c.Signatures[i].Signature = sign(o.validator, c.VoteBytes(w.chain, i))
			}
		}
	}
	return c
}

// checkpoint is the log's head now, in the current epoch.
func (w *world) checkpoint() *Checkpoint {
	return NewCheckpoint(w.chain, uint64(len(w.epochs)), w.members(), w.height, uint64(len(w.log)), w.root(len(w.log)))
}

func (w *world) root(n int) Hash {
	var f frontier
	for _, tx := range w.log[:n] {
		id := sum256(tx)
		f.add(digestLeaf(&id))
	}
	return f.root()
}

// begin starts a new epoch with these members, signed by signers.
func (w *world) begin(members []*org, signers ...*org) {
	list := membersOf(members)
	c := NewCheckpoint(w.chain, uint64(len(w.epochs)+1), list, w.height, uint64(len(w.log)), w.root(len(w.log)))
	w.epochs = append(w.epochs, Epoch{Checkpoint: w.note(c, signers...).Encode(), Members: list})
	w.orgs = members
}

func (w *world) note(c *Checkpoint, signers ...*org) *Note {
	var s []*NoteSigner
	for _, o := range signers {
		m, err := MemberSigner(w.chain, o.id, o.key)
		if err != nil {
			w.t.Fatal(err)
		}
		s = append(s, m)
	}
	n, err := SignCheckpoint(c, s...)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// cosign adds a witness's signature to a note.
func (w *world) cosign(n *Note, witness *NoteSigner) *Note {
	s, err := Cosign(n, witness, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	n.Add(s)
	return n
}

// prove adds a log proof for the anchor to a receipt.
func (w *world) prove(r *Receipt, n *Note) {
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		w.t.Fatal(err)
	}
	var leaves []Hash
	index := -1
	for i, tx := range w.log[:c.Size] {
		id := sum256(tx)
		leaves = append(leaves, digestLeaf(&id))
		if string(tx) == string(r.Anchor) {
			index = i
		}
	}
	if index < 0 {
		w.t.Fatal("the anchor is not in the log")
	}
	r.Log = &LogProof{Index: uint64(index), Path: inclusion(leaves, index), Checkpoint: n.Encode()}
}

// receipt proves entry i of a batch by its block.
func (w *world) receipt(entries []OpenedEntry, i int, h *Header, c *BlockCommit, txs [][]byte, tx int) *Receipt {
	path, err := BatchPath(w.pad(entries), i)
	if err != nil {
		w.t.Fatal(err)
	}
	return &Receipt{
		Format: ReceiptFormat, Chain: w.chain, Entry: entries[i], Batch: BatchProof{uint32(i), path}, Anchor: txs[tx],
		Block: &BlockProof{Index: uint32(tx), Total: uint32(len(txs)), Path: inclusion(dataLeaves(txs), tx), Header: *h, Commit: *c},
	}
}

func (w *world) trust() *Trust { return &Trust{Format: TrustFormat, Genesis: w.genesis} }

func witness(t testing.TB, name string) *NoteSigner {
	s, err := WitnessSigner(name, ed25519.NewKeyFromSeed(seed(name)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
