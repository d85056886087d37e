package verify

import (
	"fmt"
	"slices"
)

// Result is what a receipt proves. Its JSON form is what `sijil verify --json` prints.
type Result struct {
	Chain        string   `json:"chain"`
	Org          OrgID    `json:"org"`
	Organisation string   `json:"organisation"`
	Kind         string   `json:"kind"` // see Kind.String
	Actor        string   `json:"actor"`
	Role         string   `json:"role"`
	Purpose      string   `json:"purpose"`
	Chart        string   `json:"chart,omitempty"`
	Number       uint64   `json:"number"`   // of the entry in its chart
	Recorded     int64    `json:"recorded"` // Unix milliseconds on the organisation's clock: what it said, not what was witnessed
	Outcome      uint16   `json:"outcome"`
	Detail       string   `json:"detail,omitempty"`
	Targets      []Target `json:"targets,omitempty"`
	Content      *Content `json:"content,omitempty"` // with Options.Content

	Seq        uint64 `json:"seq"`                  // of the anchor
	LocalOnly  bool   `json:"local_only,omitempty"` // too few custodians held a copy when it was acknowledged or anchored
	Custodians int    `json:"custodians"`           // members that signed that they hold the batch
	Epoch      uint64 `json:"epoch"`

	// Height and Time are of the block; zero where the receipt rests on the log alone. Time is the weighted median of the
	// validators' clocks when they signed. It is no more exact than these clocks agree: see ValidatorSet.MedianTime.
	Height int64     `json:"height,omitempty"`
	Time   Timestamp `json:"time,omitzero"`

	// LogIndex and LogSize are of the largest checkpoint shown; LogSize is 0 where the receipt rests on its block alone.
	LogIndex    uint64     `json:"log_index,omitempty"`
	LogSize     uint64     `json:"log_size,omitempty"`
	Cosigned    []Cosigned `json:"cosigned,omitempty"`
	PostQuantum []string   `json:"post_quantum,omitempty"` // members whose ML-DSA-65 signature is on the checkpoint

	Keys      []string `json:"keys"`   // the distinct organisations and witnesses that all this rests on
	Wanted    int      `json:"wanted"` // how many keys the policy asks for
	Witnessed bool     `json:"witnessed"`
}

// Content says which target's bytes were shown.
type Content struct {
	Target  int    `json:"target"` // index in the entry
	Ref     string `json:"ref"`
	Version uint64 `json:"version"`
	Form    string `json:"form"` // "source": as received; "served": as given out
	SHA256  Hash   `json:"sha256"`
}

// Cosigned is a witness's signature on a checkpoint that covers the entry.
type Cosigned struct {
	Witness string `json:"witness"`
	Time    int64  `json:"time"` // Unix seconds on the witness's clock
}

// result sums up a receipt that passed every step, and judges whether it rests on enough keys.
func (w *walk) result() (*Result, error) {
	e, a := w.entry, w.anchor
	res := &Result{
		Chain: w.v.chain, Org: a.Org, Organisation: w.period.members[w.owner].Name,
		Kind: e.Kind.String(), Actor: e.Actor, Role: e.Role, Purpose: e.Purpose, Chart: e.Chart, Number: e.Number,
		Recorded: e.Time, Outcome: e.Outcome, Detail: e.Detail, Targets: e.Targets, Content: w.content,
		Seq: a.Seq, LocalOnly: w.localOnly(), Custodians: len(a.Custodians), Epoch: w.period.start.Epoch,
	}
	if b := w.r.Block; b != nil {
		res.Height, res.Time = b.Header.Height, w.time
	}
	for i := range w.heads {
		res.addHead(w.r.Log.Index, &w.heads[i])
	}
	for _, p := range w.rests.keys() {
		res.Keys = append(res.Keys, p.label)
	}
	res.Wanted = w.v.policy
	if w.opt.Keys > 0 {
		res.Wanted = w.opt.Keys
	}
	if res.Witnessed = len(res.Keys) >= res.Wanted; !res.Witnessed {
		return res, fmt.Errorf("%w: rests on %s, the policy asks for %d", ErrNotWitnessed, plural(len(res.Keys)), res.Wanted)
	}
	return res, nil
}

// localOnly tells whether too few held a copy. That nobody vouched for the batch says so too, where there was somebody who could have,
// whatever the organisation says of itself.
func (w *walk) localOnly() bool {
	return w.anchor.Flags&FlagLocalOnly != 0 || len(w.anchor.Custodians) == 0 && len(w.period.members) > 1
}

// addHead tells of a checkpoint and of those who signed it, each once: one who signed several, with the first that is shown.
func (r *Result) addHead(index uint64, h *shownHead) {
	r.LogIndex, r.LogSize = index, max(r.LogSize, h.checkpoint.Size)
	for _, s := range h.signers {
		switch {
		case s.witness && !slices.ContainsFunc(r.Cosigned, func(c Cosigned) bool { return c.Witness == s.party.label }):
			r.Cosigned = append(r.Cosigned, Cosigned{s.party.label, s.time})
		case s.quantum && !slices.Contains(r.PostQuantum, s.party.label):
			r.PostQuantum = append(r.PostQuantum, s.party.label)
		}
	}
}

func plural(n int) string {
	if n == 1 {
		return "1 key"
	}
	return fmt.Sprintf("%d keys", n)
}

var kindNames = map[Kind]string{
	KindCreate: "create", KindUpdate: "update", KindDelete: "delete", KindRead: "read", KindSearch: "search",
	KindHistory: "history", KindRefuse: "refuse", KindExport: "export", KindSystem: "system",
}

// String names the kind in one lower-case word, "kind 200" where it is unknown.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", uint8(k))
}
