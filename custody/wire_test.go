package custody

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

func sampleProposal() *proposal {
	a := verify.Anchor{Count: 16}
	prior := told{Anchor: a.Encode(), End: journal.Cursor{Offset: 9, Entry: 3}, Leaves: make([]byte, 96)}
	b := verify.Anchor{Count: 16, Seq: 1, Prev: a.ID()}
	own := told{Anchor: b.Encode(), Begin: prior.End, End: journal.Cursor{Offset: 99, Entry: 5}}
	return &proposal{Prior: []told{prior}, Batch: &own}
}

func FuzzProposal(f *testing.F) {
	p := sampleProposal()
	if _, _, err := p.hear(); err != nil {
		f.Fatal(err)
	}
	f.Add(must(wireEnc.Marshal(p)))
	f.Add(must(wireEnc.Marshal(proposal{Batch: p.Batch})))
	f.Add([]byte{0xa1, 1, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodeProposal(b)
		if err != nil {
			return
		}
		prior, batch, err := p.hear()
		if err != nil {
			return
		}
		for _, h := range prior {
			if h.Entries() == 0 || h.Entries() >= verify.MaxBatch || len(h.leaves) != 0 && uint64(len(h.leaves)) != h.Entries() {
				t.Errorf("accepted %+v", h)
			}
		}
		if batch != nil && len(prior) > 0 && batch.Anchor.Prev != prior[len(prior)-1].Anchor.ID() {
			t.Error("accepted a batch that does not continue what was told")
		}
	})
}

func FuzzPages(f *testing.F) {
	f.Add(must(wireEnc.Marshal([]Page{{1, 2, []byte("x")}, {0, 1, []byte("y")}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		pages, err := decodePages(b)
		if err != nil {
			return
		}
		for _, p := range pages {
			if len(p.Sealed) == 0 || len(p.Sealed) > maxPage {
				t.Errorf("accepted a page of %d bytes", len(p.Sealed))
			}
		}
	})
}

func FuzzPlace(f *testing.F) {
	f.Add(place{number: 7, at: journal.Cursor{Segment: 1, Offset: 1 << 40, Entry: 5}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := decodePlace(b); err == nil {
			if q, err := decodePlace(p.encode()); err != nil || q != p {
				t.Errorf("%+v became %+v, %v", p, q, err)
			}
		}
	})
}

// FuzzRequests sends whatever a member may send to a keeper: it must answer each with 2xx or a refusal of its own, never fail inside.
func FuzzRequests(f *testing.F) {
	k, err := OpenKeeper(filepath.Join(f.TempDir(), "held"), KeeperOptions{Chain: testChain, Reserve: 1,
		Sign:     func([]byte) (verify.Signature, error) { return verify.Signature{}, nil },
		Anchored: func(context.Context, verify.OrgID, uint64) (*verify.Anchor, bool, error) { return nil, false, nil }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { k.Close() })
	f.Add("POST", "journal?at=0/0/0", []byte("sijil/journal/1\n"))
	f.Add("GET", "journal?at=0/5/0", []byte(nil))
	f.Add("GET", "entry?owner=0102030405060708&tag=00112233445566778899aabbccddeeff", []byte(nil))
	f.Add("PUT", "blob/"+strings.Repeat("0", 64), []byte("x"))
	f.Add("POST", "blobs/missing", make([]byte, 64))
	f.Add("POST", "pages", must(wireEnc.Marshal([]Page{{1, 2, []byte("x")}})))
	f.Add("GET", "pages?from=0", []byte(nil))
	f.Add("DELETE", "pages", []byte(nil))
	f.Add("POST", "attest", must(wireEnc.Marshal(sampleProposal())))
	f.Add("GET", "held", []byte(nil))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		r, err := http.NewRequest(method, "https://node"+pathRoot+path, bytes.NewReader(body))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		k.ServeHTTP(w, r.WithContext(peer.WithCaller(t.Context(), verify.OrgID{1, 2, 3, 4, 5, 6, 7, 8})))
		if w.Code >= 500 && w.Code != http.StatusInsufficientStorage {
			t.Errorf("%s %s: status %d %s", method, path, w.Code, w.Body)
		}
	})
}

func TestRunsFindGaps(t *testing.T) {
	at := func(offset int64, entry uint64) journal.Cursor { return journal.Cursor{Offset: offset, Entry: entry} }
	h := newRuns([]journal.Range{{Start: at(50, 5), End: at(70, 7)}, {Start: at(0, 0), End: at(20, 2)}})
	if from, n := h.gap(0, 0, 100); from != at(20, 2) || n != 30 {
		t.Errorf("gap at %v of %d", from, n)
	}
	h.add(journal.Range{Start: at(20, 2), End: at(55, 6)})
	if from, n := h.gap(0, 0, 100); from != at(70, 7) || n != 30 {
		t.Errorf("gap at %v of %d", from, n)
	}
	if len(h[0]) != 1 || h.end() != at(70, 7) {
		t.Errorf("runs %v", h)
	}
	if _, n := h.gap(0, 0, 60); n != 0 {
		t.Errorf("gap of %d where more is held than there is", n)
	}
	if _, n := h.gap(1, 9, 10); n != 10 {
		t.Errorf("gap of %d in a segment not held", n)
	}
	size := func(uint32) int64 { return 70 }
	if !h.holds(at(10, 1), at(70, 7), size) || h.holds(at(10, 1), at(71, 8), size) ||
		!h.holds(at(70, 7), journal.Cursor{Segment: 1, Entry: 7}, size) || h.holds(at(10, 1), journal.Cursor{Segment: 1, Offset: 1}, size) {
		t.Error("holds")
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(appendMessage(nil, journal.Cursor{Segment: 1, Offset: 2, Entry: 3}, []byte("frames")))
	f.Add(append(make([]byte, 20), 0xff, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, b []byte) {
		at, frames, err := readMessage(bytes.NewReader(b))
		if err != nil {
			return
		}
		if again := appendMessage(nil, at, frames); !bytes.HasPrefix(b, again) {
			t.Errorf("%x became %x", b, again)
		}
	})
}

func FuzzReply(f *testing.F) {
	f.Add(appendReply(nil, journal.Cursor{Segment: 1, Offset: 2, Entry: 3}, nil))
	f.Add(appendReply(nil, journal.Cursor{}, full()))
	f.Add([]byte{replyRefused, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, refusal, err := readReply(bytes.NewReader(b)); err == nil && refusal != nil && refusal.Code == "" {
			t.Error("a refusal without a code")
		}
	})
}

// TestMembersWithoutAVoteAreAskedLast whatever the hash says.
func TestMembersWithoutAVoteAreAskedLast(t *testing.T) {
	var members []verify.Member
	for i := range byte(8) {
		m := verify.Member{Org: verify.OrgID{i + 1}, Peer: "127.0.0.1:1"}
		if i%2 == 0 {
			m.Power = 1
		}
		members = append(members, m)
	}
	owner := members[0].Org // which votes
	for segment := range uint32(20) {
		order := Custodians(owner, segment, members)
		if len(order) != 7 {
			t.Fatalf("%d custodians", len(order))
		}
		for i, org := range order {
			if votes := org[0]%2 == 1; votes != (i < 3) {
				t.Fatalf("segment %d: place %d is %s's", segment, i, org)
			}
		}
	}
}
