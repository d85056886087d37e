package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

const (
	countersignPath = "/peer/v1/countersign"
	maxNote         = 64 << 10
)

// openNotary starts making checkpoints, and signing those of the others.
func (n *Node) openNotary(ctx context.Context, _ *Options) error {
	signer, err := verify.MemberSigner(n.chain, n.org, n.keys.org)
	if err != nil {
		return err
	}
	quantum, err := verify.PostQuantumSigner(n.chain, n.org, n.keys.mldsa)
	if err != nil {
		return err
	}
	o := ledger.NotaryOptions{
		Org: n.org, Chain: n.chain, Engine: n.engine, Store: n.checkpoints,
		Signers: []*verify.NoteSigner{signer}, PostQuantum: quantum, Log: n.log,
	}
	o.Began = func(ctx context.Context) {
		if err := n.renewTrust(ctx); err != nil {
			n.log.Warn("the trust file does not name the members of the new epoch", "error", err)
		}
	}
	if n.peers != nil {
		o.Ask = n.askCountersign
	}
	for _, w := range n.config.Witnesses {
		key, err := verify.ParseVKey(w.Key)
		if err != nil {
			return fmt.Errorf("witness %s: %w", w.Name, err)
		}
		n.witnesses = append(n.witnesses, key)
		if w.URL != "" {
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
				TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13}, Proxy: http.ProxyFromEnvironment,
			}}
			o.Witnesses = append(o.Witnesses, ledger.NewRemoteWitness(w.URL, key, client))
		}
	}
	notary, err := ledger.NewNotary(o)
	if err != nil {
		return err
	}
	n.notary.Store(notary)
	n.mendTrust(ctx)
	n.background(ctx, func(ctx context.Context) {
		if err := notary.Run(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("no more checkpoints are made", "error", err)
		}
	})
	return nil
}

// askCountersign has a member sign a checkpoint that its own chain agrees with.
func (n *Node) askCountersign(ctx context.Context, m *verify.Member, note []byte) ([]byte, error) {
	resp, err := n.peers.Do(ctx, m.Org, peer.Request{Method: http.MethodPost, Path: countersignPath, Body: note})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxNote))
}

func (n *Node) countersign(w http.ResponseWriter, r *http.Request) {
	notary := n.notary.Load()
	if notary == nil {
		peer.Refuse(w, &peer.Problem{Status: http.StatusServiceUnavailable, Code: "starting", Detail: "the node is starting"})
		return
	}
	note, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNote))
	if err == nil {
		var lines []byte
		if lines, err = notary.Countersign(r.Context(), note); err == nil {
			_, _ = w.Write(lines) // the caller asks again
			return
		}
	}
	status := http.StatusUnprocessableEntity
	if errors.Is(err, ledger.ErrDisagree) {
		status = http.StatusConflict
	}
	peer.Refuse(w, &peer.Problem{Status: status, Code: "not-signed", Detail: err.Error()})
}

// witnessPatience is how long ago a witness may have cosigned while there are entries that it has not covered.
const witnessPatience = 24 * time.Hour

// cosigned is what a witness has cosigned last.
type cosigned struct {
	name      string
	at        time.Time // by the witness's clock; zero when it has cosigned nothing
	uncovered uint64    // entries of this node since
}

// witnessStatus warns when no witness has cosigned anything that covers an entry, and else of each witness that lags.
func (n *Node) witnessStatus(ctx context.Context, s *Status) {
	silent := make(map[string]ledger.Unanswered)
	if notary := n.notary.Load(); notary != nil {
		for _, u := range notary.Unanswered() {
			silent[u.Witness] = u
		}
	}
	var list []cosigned
	covered := false
	for i, key := range n.witnesses {
		if u := silent[key.Name()]; u.OtherHistory {
			s.warn("witness-fork", n.config.Witnesses[i].Name, u.Reason)
		}
		c := n.cosigned(ctx, key)
		c.name = n.config.Witnesses[i].Name
		list = append(list, c)
		covered = covered || !c.at.IsZero() && c.uncovered < s.Entries
	}
	if !covered {
		s.warn("unwitnessed", n.Config())
		return
	}
	for i, c := range list {
		late := c.uncovered > 0 && time.Since(c.at) > witnessPatience
		u, unanswered := silent[n.witnesses[i].Name()]
		switch {
		case u.OtherHistory: // said already
		case c.at.IsZero():
			s.warn("witness-new", c.name)
		case late || unanswered:
			s.warn("witness-behind", c.name, c.at.UTC().Format("2006-01-02 15:04 MST"), c.uncovered)
		}
	}
}

func (n *Node) cosigned(ctx context.Context, witness verify.NoteKey) (c cosigned) {
	note, head := n.checkpoints.Cosigned(witness)
	if note == nil {
		return c
	}
	signed, err := note.Verify([]verify.NoteKey{witness})
	if err != nil || len(signed) == 0 {
		return c
	}
	uncovered, err := n.anchorer.Uncovered(ctx, head.Size)
	if err != nil {
		n.log.Warn("it cannot be told which entries a witness covers", "witness", witness.Name(), "error", err)
	}
	return cosigned{at: time.Unix(signed[0].Time, 0), uncovered: uncovered}
}

// CheckpointReport is what came of making a checkpoint: the new trust file, and who did not cosign.
type CheckpointReport struct {
	verify.Trust
	Unanswered []ledger.Unanswered `json:"unanswered,omitempty"`
}

// checkpointNow makes a checkpoint, has it cosigned by whom can be reached, and renews the trust file.
func (n *Node) checkpointNow(ctx context.Context) (*CheckpointReport, error) {
	notary := n.notary.Load()
	if notary == nil {
		return nil, lang.NewProblem("starting")
	}
	if err := notary.Checkpoint(ctx); err != nil {
		return nil, err
	}
	t, err := n.trust(ctx)
	if err != nil {
		return nil, err
	}
	return &CheckpointReport{*t, notary.Unanswered()}, writeTrust(n.Layout, t)
}

// trust is what others verify this ledger's receipts with, as of now: with the beginnings of all epochs that a quorum has signed.
func (n *Node) trust(ctx context.Context) (*verify.Trust, error) {
	var witnesses []verify.Witness
	for _, w := range n.config.Witnesses {
		witnesses = append(witnesses, verify.Witness{Name: w.Name, VKey: w.Key})
	}
	return ledger.TrustFile(ctx, n.genesis, n.engine, n.checkpoints, witnesses)
}

// encodedTrust is trust as the file that is handed out.
func (n *Node) encodedTrust(ctx context.Context) ([]byte, error) {
	t, err := n.trust(ctx)
	if err != nil {
		return nil, err
	}
	return t.Encode()
}

// mendTrust writes the trust file anew where it cannot be read: until the next checkpoint it would stay as it is.
func (n *Node) mendTrust(ctx context.Context) {
	_, damage := readTrust(n.Layout)
	if damage == nil {
		return
	}
	n.log.Warn("the trust file cannot be read; it is written anew", "file", n.Trust(), "error", damage)
	if err := n.renewTrust(ctx); err != nil {
		n.log.Warn("the trust file could not be written anew yet; the next checkpoint does", "error", err)
	}
}

// renewTrust writes the trust file anew with the latest checkpoint and the cosigned ones.
func (n *Node) renewTrust(ctx context.Context) error {
	t, err := n.trust(ctx)
	if err != nil {
		return err
	}
	return writeTrust(n.Layout, t)
}
