package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// openCustody starts what the members do for one another: the node-to-node service, what this node keeps for others, and what others keep
// for it. A lone node has none of it.
func (n *Node) openCustody(_ context.Context, _ *Options) error {
	if n.config.Peer == "" {
		return nil
	}
	var err error
	n.keeper, err = custody.OpenKeeper(n.Held(), custody.KeeperOptions{
		Chain: n.chain, Org: n.org, Log: n.log, Anchored: n.anchoredOf, Members: n.roster.members,
		Sign: func(b []byte) (verify.Signature, error) { return n.keys.sign(b), nil },
	})
	if err != nil {
		return err
	}
	n.opened(n.keeper)
	if err := n.servePeers(n.identity); err != nil {
		return err
	}
	n.replicator = custody.NewReplicator(custody.Options{
		Org: n.org, Chain: n.chain, Copies: n.copies, Client: n.peers, Members: n.roster.members,
		State: filepath.Join(n.Dir, "replicated"), Log: n.log, Mend: n.patchSegment, Withdrawn: n.noteWithdrawn,
		Sign: func(b []byte) (verify.Signature, error) { return n.keys.sign(b), nil },
	})
	n.opened(closer(func() error { n.replicator.Close(); return nil }))
	n.fetcher = custody.NewFetcher(n.org, n.peers, n.roster.members)
	return nil
}

func (n *Node) servePeers(id *peer.Identity) error {
	mux := http.NewServeMux()
	mux.Handle("/peer/v1/", n.keeper)
	mux.HandleFunc("POST "+countersignPath, n.countersign)
	n.serveHeaders(mux)
	n.serveTrust(mux)
	n.serveFeed(mux)
	server := peer.NewServer(id, n.roster.members, mux, n.log)
	l, err := net.Listen("tcp", n.config.Peer)
	if err != nil {
		return err
	}
	n.running.Go(func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("the node-to-node service has stopped", "error", err)
		}
	})
	n.opened(closer(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		return server.Shutdown(ctx)
	}))
	return nil
}

// anchoredOf tells a custodian what this node's own copy of the ledger says of an owner's anchor.
func (n *Node) anchoredOf(ctx context.Context, owner verify.OrgID, seq uint64) (*verify.Anchor, bool, error) {
	found, err := n.engine.Anchor(ctx, owner, seq)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	a, err := verify.DecodeAnchor(found.Bytes)
	return a, err == nil, err
}

// batches shows the custodians' side the batches that were cut before.
type batches struct{ *ledger.Anchorer }

// Batch gives one of this organisation's batches.
func (b batches) Batch(seq uint64) (custody.Batch, error) {
	p, a, err := b.Plan(context.Background(), seq)
	if err != nil {
		return custody.Batch{}, err
	}
	return custody.Batch{Anchor: *a, Begin: p.Begin, End: p.End, Seed: p.Seed(), Manifest: p.Manifest()}, nil
}

// attest asks custodians to vouch for a batch that is about to be anchored.
func (n *Node) attest(ctx context.Context, d *ledger.Draft) []verify.Custody {
	return n.replicator.Attest(ctx, custody.Proposal{Batch: custody.Batch{
		Anchor: d.Anchor, Begin: d.Begin, End: d.End, Seed: d.Seed, Manifest: d.Manifest,
	}})
}

// escrowPages shows the pages of the key store to the custodians' side. Its numbers leave room for the level; the page with the top secret
// is custody.TopPage.
type escrowPages struct{ vault *vault.Vault }

func numbered(p *vault.SealedPage) custody.Page {
	number := uint64(p.Level+1)<<48 | p.Number
	if p.Top() {
		number = custody.TopPage
	}
	return custody.Page{Number: number, Version: p.Edition, Sealed: p.Bytes}
}

// pageOf undoes numbered.
func pageOf(p custody.Page) vault.SealedPage {
	s := vault.SealedPage{Level: uint8(p.Number>>48) - 1, Number: p.Number & (1<<48 - 1), Edition: p.Version, Bytes: p.Sealed}
	if p.Number == custody.TopPage {
		s.Level, s.Number = vault.TopLevel, 0
	}
	return s
}

// Newest gives the edition of the page written last.
func (e escrowPages) Newest() uint64 { return e.vault.EscrowEdition() }

// Versions gives the edition of each page.
func (e escrowPages) Versions() (map[uint64]uint64, error) {
	versions := make(map[uint64]uint64)
	for _, p := range e.vault.EscrowEditions() {
		versions[numbered(&p).Number] = p.Edition
	}
	return versions, nil
}

// Since gives the pages that changed after an edition.
func (e escrowPages) Since(edition uint64, most int) ([]custody.Page, uint64, error) {
	sealed, next, err := e.vault.EscrowPages(edition, most)
	pages := make([]custody.Page, len(sealed))
	for i := range sealed {
		pages[i] = numbered(&sealed[i])
	}
	return pages, next, err
}

// heal brings a good copy of a damaged ciphertext from a custodian and puts it in place.
func (n *Node) heal(ctx context.Context, v index.Version) ([]byte, error) {
	if v.Place.Length == 0 {
		if err := n.healBlob(ctx, v.Blob); err != nil {
			return nil, err
		}
		return n.blobs.Get(ctx, v.Blob)
	}
	if err := n.healSegment(ctx, v.Place.Segment); err != nil {
		return nil, err
	}
	return n.journal.ReadRaw(v.Place.Segment, v.Place.Offset, int(v.Place.Length))
}
