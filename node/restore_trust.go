package node

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// trustPath gives other members' nodes the trust file as of now.
const trustPath = "/peer/v1/trust"

func (n *Node) serveTrust(mux *http.ServeMux) {
	mux.HandleFunc("GET "+trustPath, func(w http.ResponseWriter, r *http.Request) {
		b, err := n.encodedTrust(r.Context())
		giveHeader(w, b, err)
	})
}

// today asks the members that a trust file knows for theirs, and those that a newer one knows in turn, until none knows a later epoch: who
// joined after the file was made may be the one custodian that holds the end of a journal. Nobody is believed: of each epoch the beginning
// must be signed by a quorum of the epoch before, from the one on that the file at hand ends with.
func today(ctx context.Context, client *peer.Client, at *roll) {
	for {
		t, newer := at.trust, false
		for _, b := range at.ask(ctx, client) {
			if later, err := verify.ParseTrust(b); err == nil && continues(later, t) {
				t, newer = later, true
			}
		}
		if !newer || !at.take(t) {
			return
		}
	}
}

// continues tells whether a trust file, which is in order by itself, has all epochs of another, and more.
func continues(later, t *verify.Trust) bool {
	if later.Genesis.Chain() != t.Genesis.Chain() || len(later.Epochs) <= len(t.Epochs) {
		return false
	}
	for i := range t.Epochs {
		a, errA := verify.ParseNote(t.Epochs[i].Checkpoint)
		b, errB := verify.ParseNote(later.Epochs[i].Checkpoint)
		if errA != nil || errB != nil || a.Text != b.Text {
			return false
		}
	}
	return true
}

// roll is the membership by the newest trust file that a restore has.
type roll struct {
	org verify.OrgID // that is restored

	mu    sync.Mutex
	trust *verify.Trust
}

// members implements peer.Members: those of the last epoch.
func (r *roll) members() []verify.Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return lastMembers(r.trust)
}

// take goes over to a newer trust file. Checkpoints and witnesses of the one at hand, which its reader chose to believe, stay.
// One that contradicts those is not taken.
func (r *roll) take(later *verify.Trust) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := *r.trust
	t.Epochs = later.Epochs
	if t.Check() != nil {
		return false
	}
	r.trust = &t
	return true
}

// ask gives the trust files of all members that answer.
func (r *roll) ask(ctx context.Context, client *peer.Client) (files [][]byte) {
	ctx, cancel := context.WithTimeout(ctx, helperPatience)
	defer cancel()
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, m := range r.members() {
		if m.Org == r.org || m.Peer == "" {
			continue
		}
		asking.Go(func() {
			b, err := trustOf(ctx, client, m.Org)
			if err != nil {
				return // who does not answer is named when all are asked what they hold
			}
			mu.Lock()
			defer mu.Unlock()
			files = append(files, b)
		})
	}
	asking.Wait()
	return files
}

func trustOf(ctx context.Context, client *peer.Client, org verify.OrgID) ([]byte, error) {
	resp, err := client.Do(ctx, org, peer.Request{Method: http.MethodGet, Path: trustPath})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, verify.MaxTrust+1))
	if err == nil && len(b) > verify.MaxTrust {
		err = fmt.Errorf("a trust file of more than %d bytes", verify.MaxTrust)
	}
	return b, err
}
