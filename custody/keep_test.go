package custody

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// shelfOfBlobs is an owner's store of large blobs.
type shelfOfBlobs struct {
	mu  sync.Mutex
	all map[verify.Hash][]byte
}

func (s *shelfOfBlobs) Get(_ context.Context, hash verify.Hash) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.all[hash]; ok {
		return b, nil
	}
	return nil, os.ErrNotExist
}

func (s *shelfOfBlobs) put(n int) (verify.Hash, []byte) {
	b := make([]byte, n)
	rand.Read(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[hashOf(b)] = b
	return hashOf(b), b
}

// keyStore is an owner's key store as its custodians see it.
type keyStore struct {
	mu      sync.Mutex
	pages   map[uint64]Page
	version uint64 // of the page written last
	sealed  int    // pages given by Since
	listed  int    // calls of Versions
}

func (s *keyStore) Newest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

func (s *keyStore) Versions() (map[uint64]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed++
	v := make(map[uint64]uint64)
	for n, p := range s.pages {
		v[n] = p.Version
	}
	return v, nil
}

func (s *keyStore) Since(version uint64, most int) (pages []Page, next uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pages {
		if p.Version > version {
			pages = append(pages, p)
		}
	}
	slices.SortFunc(pages, func(a, b Page) int { return int(a.Version) - int(b.Version) })
	if next = s.version; len(pages) >= most {
		pages = pages[:most]
		next = pages[most-1].Version
	}
	s.sealed += len(pages)
	return pages, next, nil
}

func (s *keyStore) write(numbers ...uint64) []Page {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Page
	for _, n := range numbers {
		p := Page{Number: n, Version: s.version + 1, Sealed: make([]byte, 4096)}
		rand.Read(p.Sealed)
		s.pages[n], s.version = p, p.Version
		list = append(list, p)
	}
	return list
}

func (s *keyStore) list(numbers ...uint64) (list []Page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range numbers {
		list = append(list, s.pages[n])
	}
	return list
}

func TestBlobsAreHeldToppedUpAndFetched(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 3)
	o := c.nodes[0].own(2, journal.Options{})
	blobs := &shelfOfBlobs{all: make(map[verify.Hash][]byte)}
	o.start(Sources{Blobs: blobs})
	hash, blob := blobs.put(300 << 10)
	if n := o.repl.HoldBlob(ctx, hash, blob); n != 1 {
		t.Fatalf("%d copies", n)
	}
	// One that was only written down, as when no custodian answered at the time.
	late, lateBytes := blobs.put(200 << 10)
	r := record(&o.tags, 1)
	r.Entries[0].Envelope = journal.Envelope([]verify.Hash{hash, late}, []byte("sealed"))
	if _, err := o.append(r); err != nil {
		t.Fatal(err)
	}
	f := o.fetcher()
	eventually(t, "the late blob can be fetched", func() bool {
		got, err := f.Blob(ctx, late)
		return err == nil && bytes.Equal(got, lateBytes)
	})
	if got, err := f.Blob(ctx, hash); err != nil || !bytes.Equal(got, blob) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if _, err := f.Blob(ctx, verify.Hash{1}); !errors.Is(err, ErrNowhere) {
		t.Errorf("got %v", err)
	}
	// Another member that learnt the hash from an entry.
	g := NewFetcher(c.nodes[2].self.Org, c.nodes[2].client(), c.members)
	if holder := blobCustodians(o.self.Org, hash, c.members())[0]; holder != c.nodes[2].self.Org {
		if got, err := g.Foreign(ctx, o.self.Org, hash); err != nil || !bytes.Equal(got, blob) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

func TestDamagedHeldBlobIsFoundAndReplaced(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	blob := bytes.Repeat([]byte("x"), 100<<10)
	if o.repl.HoldBlob(ctx, hashOf(blob), blob) != 1 {
		t.Fatal("not held")
	}
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.blobName(hashOf(blob)), blob[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	f := o.fetcher()
	if _, err := f.Blob(ctx, hashOf(blob)); !errors.Is(err, ErrNowhere) {
		t.Errorf("a damaged blob was served: %v", err)
	}
	if diff := cmp.Diff([]string{"damage"}, m.alarms(t, o.self.Org)); diff != "" {
		t.Errorf("alarms: %s", diff)
	}
	if o.repl.HoldBlob(ctx, hashOf(blob), blob) != 1 {
		t.Fatal("not held again")
	}
	if _, err := f.Blob(ctx, hashOf(blob)); err != nil {
		t.Error(err)
	}
}

func TestBlobUnderAnotherNameIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	err := o.repl.ask.putBlob(context.Background(), c.nodes[1].self.Org, verify.Hash{7}, []byte("other bytes"))
	wantCode(t, err, codeMalformed)
	left, err := filepath.Glob(filepath.Join(c.nodes[1].dir, "held", o.self.Org.String(), "blobs", "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 4)
	o := c.nodes[0].own(3, journal.Options{})
	store := &keyStore{pages: make(map[uint64]Page)}
	first := store.write(TopPage, 1, 2)
	o.start(Sources{Pages: store})
	eventually(t, "the pages are held", func() bool { return o.repl.HoldPages(3)(ctx) == 2 })
	store.write(TopPage, 2)
	if n := o.repl.HoldPages(5)(ctx); n != 2 {
		t.Fatalf("%d copies", n)
	}
	for _, org := range pageCustodians(o.self.Org, c.members())[:2] {
		if err := o.repl.courier(org).sendPages(ctx, first); err != nil { // late: must not undo what is newer
			t.Fatal(err)
		}
	}
	store.write(3) // nobody was told
	last := pageCustodians(o.self.Org, c.members())[2]
	third := c.nodes[slices.IndexFunc(c.nodes, func(m *member) bool { return m.self.Org == last })]
	eventually(t, "all pages are held, and by no substitute any more", func() bool {
		s, err := third.keeper.shelf(o.self.Org)
		return err == nil && o.repl.Status().PagesBehind == 0 && len(s.pageVersions()) == 0
	})
	f := o.fetcher()
	got, err := f.Pages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(store.list(0, 1, 2, 3), got); diff != "" {
		t.Errorf("pages: %s", diff)
	}
	// After a restart of the custodians too; and no byte of the old top page is left in any file.
	for _, m := range c.nodes[1:] {
		m.restart()
		err := filepath.WalkDir(filepath.Join(m.dir, "held"), func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			if errors.Is(err, os.ErrNotExist) {
				return nil // the book tidies up behind itself
			}
			if bytes.Contains(b, first[0].Sealed[:64]) {
				t.Errorf("%s still has the old top page", name)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if got, err = f.Pages(ctx); err != nil || len(got) != 4 {
		t.Errorf("%d pages, %v", len(got), err)
	}
}

func TestPagesMoveToTheCustodiansOfToday(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	o := c.nodes[0].own(2, journal.Options{})
	store := &keyStore{pages: make(map[uint64]Page)}
	store.write(TopPage, 1)
	o.start(Sources{Pages: store})
	order := pageCustodians(o.self.Org, c.members())
	// The second was a substitute once.
	if err := o.repl.courier(order[1]).sendPages(context.Background(), store.list(0, 1)); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.nodes[1:] {
		s, err := m.keeper.shelf(o.self.Org)
		if err != nil {
			t.Fatal(err)
		}
		want := map[uint64]uint64{0: 1, 1: 2}
		if m.self.Org == order[1] {
			want = map[uint64]uint64{}
		}
		eventually(t, "the pages are where they belong", func() bool { return maps.Equal(s.pageVersions(), want) })
	}
}

func TestCrashWhileTheTopPageIsReplaced(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	if err := o.repl.courier(m.self.Org).sendPages(context.Background(), []Page{{TopPage, 1, []byte("top secret")}}); err != nil {
		t.Fatal(err)
	}
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	// The second name was made, the new page never came: the old one still counts.
	if err := os.Link(s.topName(), s.topName()+".old"); err != nil {
		t.Fatal(err)
	}
	m.restart()
	f := o.fetcher()
	got, err := f.Pages(context.Background())
	if diff := cmp.Diff([]Page{{TopPage, 1, []byte("top secret")}}, got); err != nil || diff != "" {
		t.Fatalf("%v %s", err, diff)
	}
	// The new page came, the old one was not overwritten yet.
	if err := os.WriteFile(s.topName()+".old", []byte("an older one"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.restart()
	if _, err := os.Stat(s.topName() + ".old"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old page is still there: %v", err)
	}
}

func TestConflictIsAnAlarm(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	o.write(1)
	g, err := o.journal.Frames(journal.Cursor{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	// Another journal of the same organisation: the node was set back and went on differently.
	other, err := journal.Open(t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tags := uint64(1000)
	p, err := other.Append(record(&tags, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	h, err := other.Frames(journal.Cursor{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, err = o.repl.ask.append(ctx, m.self.Org, h.Start, h.Frames)
	wantCode(t, err, codeConflict)
	if _, err := o.repl.ask.append(ctx, m.self.Org, g.Start, g.Frames); err != nil {
		t.Errorf("the true bytes are refused: %v", err)
	}
	if diff := cmp.Diff([]string{"conflict"}, m.alarms(t, o.self.Org)); diff != "" {
		t.Errorf("alarms: %s", diff)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	m := c.nodes[1]
	m.opt.Quota = 64 << 10
	m.restart()
	o := c.nodes[0].own(2, journal.Options{})
	ctx := context.Background()
	err := o.repl.ask.putBlob(ctx, m.self.Org, hashOf(make([]byte, 100<<10)), make([]byte, 100<<10))
	wantCode(t, err, codeQuota)
	if p := new(peer.Problem); !errors.As(err, &p) || p.Status != http.StatusInsufficientStorage || !strings.Contains(p.Detail, "65536") {
		t.Errorf("got %v", err)
	}
	if n := o.write(1).Copies; n != 1 {
		t.Errorf("what fits has %d copies", n)
	}
	for o.write(50).Copies == 1 {
	}
	if held := m.heldOf(o.self.Org); held > 64<<10 {
		t.Errorf("%d bytes are held", held)
	}
	if st := o.repl.courier(m.self.Org).report(); !strings.Contains(st.Problem, "quota") {
		t.Errorf("the owner's status does not say why: %+v", st)
	}
}

// TestQuotaHoldsForRequestsAtTheSameTime has blobs arrive together, each of which would fit alone.
func TestQuotaHoldsForRequestsAtTheSameTime(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	m := c.nodes[1]
	m.opt.Quota = 100 << 10
	m.restart()
	o := c.nodes[0].own(2, journal.Options{})
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	// The first is held up while it arrives; the others come meanwhile.
	body, arriving := io.Pipe()
	slow := bytes.Repeat([]byte{9}, 60<<10)
	first := make(chan int, 1)
	go func() {
		r := httptest.NewRequest(http.MethodPut, pathBlob+hashOf(slow).String(), body)
		r.ContentLength = int64(len(slow))
		w := httptest.NewRecorder()
		m.keeper.ServeHTTP(w, r.WithContext(peer.WithCaller(r.Context(), o.self.Org)))
		first <- w.Code
	}()
	if _, err := arriving.Write(slow[:1]); err != nil {
		t.Fatal(err)
	}
	blob := make([]byte, 60<<10)
	wantCode(t, o.repl.ask.putBlob(t.Context(), m.self.Org, hashOf(blob), blob), codeQuota)
	if _, err := arriving.Write(slow[1:]); err != nil {
		t.Fatal(err)
	}
	arriving.Close()
	if code := <-first; code != http.StatusNoContent {
		t.Errorf("the first got %d", code)
	}
	if used, pending := s.used.Load(), m.keeper.claimed.Load(); used != 60<<10 || pending != 0 {
		t.Errorf("%d bytes are counted, %d claimed", used, pending)
	}
	wantCode(t, o.repl.ask.putBlob(t.Context(), m.self.Org, hashOf([]byte("x")), blob[:1<<10]), codeMalformed)
	small := []byte("what fits")
	if err := o.repl.ask.putBlob(t.Context(), m.self.Org, hashOf(small), small); err != nil {
		t.Errorf("what was refused is still counted: %v", err)
	}
}

func TestRecoveryOfALostDisk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 4)
	o := c.nodes[0].own(2, journal.Options{SegmentSize: 16 << 10})
	o.start(Sources{})
	for range 200 {
		if o.write(1).Copies != 1 {
			t.Fatal("not held")
		}
	}
	end := o.journal.End()
	f := o.fetcher()
	dir := filepath.Join(t.TempDir(), "journal")
	held := f.Holdings(ctx)
	if got := held.End(); got != end || len(held.Silent) != 0 || len(held.Held) != 3 {
		t.Fatalf("held to %v, want %v: %+v", got, end, held)
	}
	if err := f.Extend(ctx, dir, journal.Cursor{}, held.End(), nil); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if j.End() != end {
		t.Errorf("the recovered journal ends at %v, want %v", j.End(), end)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	// A damaged segment of the living journal.
	if err := f.Segment(ctx, 0, func(r io.Reader) error { return o.journal.Repair(0, r) }); err != nil {
		t.Error(err)
	}
}

// TestRecoveryAfterTwoLosses loses, with three copies of everything, the owner's disk and any one custodian's.
func TestRecoveryAfterTwoLosses(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	o := c.nodes[0].own(3, journal.Options{SegmentSize: 4 << 10})
	blobs := &shelfOfBlobs{all: make(map[verify.Hash][]byte)}
	o.start(Sources{Blobs: blobs})
	hash, blob := blobs.put(100 << 10)
	if n := o.repl.HoldBlob(t.Context(), hash, blob); n != 2 {
		t.Fatalf("%d copies of the blob", n)
	}
	for range 60 {
		if n := o.write(1).Copies; n != 2 {
			t.Fatalf("%d copies", n)
		}
	}
	end := o.journal.End()
	if end.Segment < 3 {
		t.Fatal("too few segments for the custodians to differ")
	}
	f := o.fetcher()
	for _, lost := range c.nodes[1:] {
		lost.stop()
		dir := filepath.Join(t.TempDir(), "journal")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		h := f.Holdings(ctx)
		cancel()
		if len(h.Silent) != 1 || h.Silent[lost.self.Org] == nil || h.End() != end {
			t.Errorf("held to %s, want %s: %+v", h.End(), end, h)
		}
		if err := f.Extend(t.Context(), dir, journal.Cursor{}, h.End(), nil); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(dir, journal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if j.End() != end {
			t.Errorf("the recovered journal ends at %s, want %s", j.End(), end)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if b, err := f.Blob(t.Context(), hash); err != nil || !bytes.Equal(b, blob) {
			t.Errorf("the blob: %d bytes, %v", len(b), err)
		}
		lost.start(lost.self.Peer)
	}
}

// TestRecoveryOfALostTail cuts a journal at every kind of place and has the rest brought back.
func TestRecoveryOfALostTail(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 4)
	o := c.nodes[0].own(2, journal.Options{SegmentSize: 8 << 10})
	o.start(Sources{})
	ends := []journal.Cursor{}
	for range 100 {
		o.write(1)
		ends = append(ends, o.journal.End())
	}
	f := o.fetcher()
	whole := filepath.Join(t.TempDir(), "whole")
	if err := f.Extend(ctx, whole, journal.Cursor{}, ends[99], nil); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []journal.Cursor{ends[98], ends[90], ends[50], ends[0]} {
		dir := filepath.Join(t.TempDir(), "cut")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for number := range cut.Segment + 1 {
			b, err := os.ReadFile(journal.SegmentFile(whole, number))
			if err != nil {
				t.Fatal(err)
			}
			if number == cut.Segment {
				b = b[:cut.Offset]
			}
			if err := os.WriteFile(journal.SegmentFile(dir, number), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Extend(ctx, dir, cut, ends[99], nil); err != nil {
			t.Fatalf("from %v: %v", cut, err)
		}
		j, err := journal.Open(dir, journal.Options{})
		if err != nil {
			t.Fatalf("from %v: %v", cut, err)
		}
		if j.End() != ends[99] {
			t.Errorf("from %v: it ends at %v, want %v", cut, j.End(), ends[99])
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHoldingsDoNotWaitForTheDead asks while one member is away.
func TestHoldingsDoNotWaitForTheDead(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	o := c.nodes[0].own(2, journal.Options{})
	o.start(Sources{})
	o.write(1)
	c.nodes[3].stop()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	held := o.fetcher().Holdings(ctx)
	if len(held.Held) != 2 || held.Silent[c.nodes[3].self.Org] == nil {
		t.Fatalf("%+v", held)
	}
}

func TestEntryByTagForAnotherMember(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 3)
	o := c.nodes[0].own(3, journal.Options{})
	o.start(Sources{})
	begin := o.journal.End()
	r := record(&o.tags, 3)
	if _, err := o.append(r); err != nil {
		t.Fatal(err)
	}
	p := o.cut(begin, o.journal.End())
	if got := o.attest(p); len(got) != 2 {
		t.Fatalf("%d statements", len(got))
	}
	f := NewFetcher(c.nodes[1].self.Org, c.nodes[1].client(), c.members)
	e := r.Entries[1]
	want := Witnessed{Number: 1, Bind: e.Bind, Envelope: e.Envelope, Time: r.Time}
	got, err := f.Entry(ctx, o.self.Org, e.Tag)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := f.Entry(ctx, o.self.Org, verify.Tag{9, 9}); !errors.Is(err, ErrNowhere) {
		t.Errorf("got %v", err)
	}
}

// Another member gets neither frames nor pages of an owner, whatever it asks: those requests know no owner but the caller.
func TestReadsAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 3)
	o := c.nodes[0].own(3, journal.Options{})
	o.write(1)
	for _, m := range c.nodes[1:] {
		if err := o.repl.courier(m.self.Org).sendPages(ctx, []Page{{1, 1, []byte("sealed")}}); err != nil {
			t.Fatal(err)
		}
	}
	stranger := asker{c.nodes[1].client()}
	to := c.nodes[2].self.Org
	for _, path := range []string{pathJournal + "?at=0/0/0&owner=" + o.self.Org.String(), pathPages + "?from=0&owner=" + o.self.Org.String(),
		pathHeld + "?owner=" + o.self.Org.String()} {
		b, err := stranger.do(ctx, to, http.MethodGet, path, nil, 1<<20)
		if err == nil && (bytes.Contains(b, []byte("sijil/journal")) || bytes.Contains(b, []byte("sealed")) || len(b) > 256) {
			t.Errorf("%s gave %d bytes", path, len(b))
		}
	}
	// Nobody at all without a caller.
	w := httptest.NewRecorder()
	c.nodes[2].keeper.ServeHTTP(w, httptest.NewRequest(http.MethodGet, pathHeld, nil))
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d without a caller", w.Code)
	}
}

// smallDisk is a file system of a few MiB, if the machine has one to give.
func smallDisk(t *testing.T) string {
	dir := t.TempDir()
	if err := mountSmall(dir); err != nil {
		t.Skipf("SKIP: no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestDiskFull(t *testing.T) {
	disk := smallDisk(t)
	c := newCluster(t, 2)
	m := c.nodes[1]
	m.stop()
	m.dir = disk
	m.start(m.self.Peer)
	o := c.nodes[0].own(2, journal.Options{})
	for i := 0; o.write(100).Copies == 1; i++ {
		if i > 10_000 {
			t.Fatal("the disk never filled")
		}
	}
	if st := o.repl.courier(m.self.Org).report(); !strings.Contains(st.Problem, "full") {
		t.Errorf("the owner's status does not say why: %+v", st)
	}
	// What was acknowledged is there, whole.
	m.restart()
	s, err := m.keeper.shelf(o.self.Org)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.mirror.Scan(journal.Cursor{}, func(journal.Located) error { return nil }); err != nil {
		t.Error(err)
	}
	if got := m.alarms(t, o.self.Org); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
	m.stop() // before the disk goes
}

func TestRankIsStableAndEven(t *testing.T) {
	var members []verify.Member
	for i := range 10 {
		members = append(members, verify.Member{Org: verify.OrgID{byte(i)}, Peer: "x:1"})
	}
	members[3].Peer = ""
	owner := members[0].Org
	first := make(map[verify.OrgID]int)
	for segment := range uint32(8000) {
		order := Custodians(owner, segment, members)
		if len(order) != 8 {
			t.Fatalf("%d custodians of 8", len(order))
		}
		first[order[0]]++
		// One that leaves moves only what it held.
		left := Custodians(owner, segment, members[:9])
		if order[0] != members[9].Org && left[0] != order[0] {
			t.Fatalf("segment %d moved from %s to %s", segment, order[0], left[0])
		}
	}
	for org, n := range first {
		if n < 800 || n > 1200 {
			t.Errorf("%s is first for %d segments of 8000", org, n)
		}
	}
}

func TestAlarmsAreCountedAndBounded(t *testing.T) {
	b, err := openBook(filepath.Join(t.TempDir(), "book"), &bookFaults{log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	owner := verify.OrgID{1}
	for i := range maxAlarms + 10 {
		if err := b.raise(owner, codeRoot, uint64(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := b.raise(owner, codeRoot, 0, "again"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := b.alarmsOf(owner)
	if err != nil || len(all) != maxAlarms || all[0].Count != 4 || all[0].Detail != "x" {
		t.Errorf("%d alarms, first %+v, %v", len(all), all[0], err)
	}
	if got := fmt.Sprint(all[1].Owner, all[1].Code, all[1].Entry); got != fmt.Sprint(owner, codeRoot, 1) {
		t.Errorf("got %s", got)
	}
}
