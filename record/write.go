package record

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// MaxSource bounds one resource as received, in bytes.
const MaxSource = 16 << 20

// Write makes all changes or none. It returns once they are durable; Commit.Anchored waits for the ledger.
// Errors: ErrUnavailable; and as *ChangeError ErrConflict, ErrExists, ErrNotFound (of deletions and Change.Known), ErrGone (of deletions), ErrTooLarge.
func (s *Store) Write(ctx context.Context, a Access, changes []Change) (*Commit, error) {
	if len(changes) == 0 {
		return &Commit{Anchored: func(context.Context) error { return nil }}, nil
	}
	if err := s.overlay.room(ctx); err != nil {
		return nil, fmt.Errorf("%w: the index cannot follow: %w", ErrUnavailable, err)
	}
	p, versions, err := s.enter(ctx, a, changes)
	if err != nil {
		return nil, err
	}
	ack, err := settle(ctx, p)
	if err != nil {
		return nil, err
	}
	last := ack.Cursor.Entry + uint64(p.entries) - 1
	s.heed(ctx, changes, last)
	return &Commit{
		Versions: versions, Copies: ack.Copies,
		Anchored: func(ctx context.Context) error { return s.Anchors.Wait(ctx, last) },
	}, nil
}

// heed waits, for a while, until what follows from rules that were written is in force: who wrote one counts on it.
func (s *Store) heed(ctx context.Context, changes []Change, last uint64) {
	governs := func(c Change) bool { governs, _ := s.Rules.Governs(c.Type); return governs }
	if s.Rules == nil || !slices.ContainsFunc(changes, governs) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, heeding)
	defer cancel()
	_ = s.overlay.wait(ctx, last+1) // it is written, and will be heeded
}

// heeding is how long a write of rules waits for the index.
const heeding = 5 * time.Second

// enter seals the changes and gives them their place in the journal, under the locks of the resources they touch. It waits for this node's disk
// under them, never for custodians.
func (s *Store) enter(ctx context.Context, a Access, changes []Change) (*pending, []Version, error) {
	defer s.locks.lock(changes)()
	at := s.Clock().UTC().Truncate(time.Millisecond)
	w := writing{store: s, at: at, request: a.Request, escort: escort{store: s}}
	for i := range changes {
		if err := w.add(ctx, a, &changes[i]); err != nil {
			return nil, nil, &ChangeError{Index: i, Err: err}
		}
	}
	p, err := s.commit(ctx, a, at, w.lines, w.inline, &w.escort, func(first uint64) { s.overlay.add(first, w.written) })
	if err != nil {
		return nil, nil, err
	}
	return p, w.versions, nil
}

// writing collects what one write brings.
type writing struct {
	store    *Store
	at       time.Time
	request  [16]byte
	once     bool // what would change nothing is not written, see WriteEach
	tell     bool // whether it was this request that made it so
	read     exporting
	escort   escort
	lines    []line
	inline   [][]byte
	written  []*written
	versions []Version
	touched  map[string]bool
}

func (w *writing) add(ctx context.Context, a Access, c *Change) error {
	ref := c.Type + "/" + c.ID
	if w.touched == nil {
		w.touched = make(map[string]bool)
	}
	if w.touched[ref] && w.once {
		return ErrRepeated
	}
	if w.touched[ref] {
		return fmt.Errorf("%w: it is written twice at once", ErrConflict)
	}
	w.touched[ref] = true
	now, err := index.Version{}, index.ErrNotFound
	if c.Op != OpCreate || !c.Fresh {
		now, err = w.store.current(c.Type, c.ID)
	}
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := mayWrite(&a, c, &now, err == nil); err != nil {
		return err
	}
	if err := admit(c, &now, err == nil); err != nil {
		return err
	}
	if err == nil && !now.Deleted && w.store.vault.Missing(now.Slot) { // what was lost must not be covered by something else
		return fmt.Errorf("entry %d: %w: %w", now.Entry, ErrDamaged, errNoKey)
	}
	if w.once && err == nil && !now.Deleted {
		if err := w.again(ctx, c, &now); err != nil {
			return err
		}
	}
	v := index.Version{
		Number: now.Number + 1, Time: w.at.UnixMilli(), Chart: c.Chart,
		Deleted: c.Op == OpDelete, Created: c.Op != OpDelete && (err != nil || now.Deleted),
	}
	if c.Op == OpDelete {
		return w.tombstone(c, v, now.Chart)
	}
	if err := w.version(ctx, c, v); err != nil {
		return err
	}
	if err == nil && !now.Deleted && now.Chart != c.Chart && !w.store.erased(&now) {
		w.left(c, v.Number, now.Chart)
	}
	return nil
}

// left adds the line for the chart that a resource leaves, whose patient must find there who took it away. It brings no ciphertext, by which
// the index knows it, and does not say where the resource went: that is somebody else's.
func (w *writing) left(c *Change, version uint64, chart string) {
	w.lines = append(w.lines, line{
		kind: verify.KindUpdate, chart: chart, why: "moved to another chart", outcome: http.StatusOK,
		targets: []verify.Target{{Ref: c.Type + "/" + c.ID, Version: version}},
	})
	w.written = append(w.written, nil)
}

// mayWrite asks the policy for the chart that the change goes to and for the one that the resource is in. A change of a version that must be
// the current one asks whether there is any: who may not know is not told that either.
func mayWrite(a *Access, c *Change, now *index.Version, exists bool) error {
	if c.Op == OpDelete {
		return mayKnow(a, policy.Delete, c.Type, c.ID, now, nil)
	}
	if exists && now.Chart != c.Chart || !exists && (c.IfVersion > 0 || c.Known) {
		if err := mayKnow(a, policy.Write, c.Type, c.ID, now, nil); err != nil {
			return err
		}
	}
	return permit(a, policy.Write, c.Chart, c.Type)
}

// admit checks a change against the version there is.
func admit(c *Change, now *index.Version, exists bool) error {
	switch {
	case c.IfVersion == AnyVersion:
		if !exists || now.Deleted {
			return fmt.Errorf("%w: there is none", ErrConflict)
		}
		if c.Op == OpCreate {
			return ErrExists
		}
	case c.IfVersion > 0 && (!exists || now.Number != c.IfVersion):
		return fmt.Errorf("%w: it is at version %d, not %d", ErrConflict, now.Number, c.IfVersion)
	case c.Op == OpCreate && exists && !now.Deleted:
		return ErrExists
	case (c.Op == OpDelete || c.Known) && !exists:
		return ErrNotFound
	case c.Op == OpDelete && now.Deleted:
		return ErrGone
	}
	return nil
}

func (w *writing) tombstone(c *Change, v index.Version, chart string) error {
	v.Chart = chart
	w.lines = append(w.lines, line{
		kind: verify.KindDelete, chart: chart, outcome: http.StatusNoContent,
		targets: []verify.Target{{Ref: c.Type + "/" + c.ID, Version: v.Number}},
	})
	w.written = append(w.written, &written{typ: c.Type, id: c.ID, version: v, request: w.request})
	w.versions = append(w.versions, Version{Type: c.Type, ID: c.ID, Version: v.Number, Updated: w.at, Op: OpDelete, Chart: chart})
	return nil
}

func (w *writing) version(ctx context.Context, c *Change, v index.Version) error {
	s := w.store
	var edits []Edit
	if c.Edits != nil {
		edits = c.Edits(v.Number, w.at)
	}
	body, err := newContent(c.Source, edits)
	if err != nil {
		return err
	}
	served, err := body.served()
	if err != nil {
		return err
	}
	if !c.Compartment.Clinical() {
		return fmt.Errorf("no resource is sealed under the compartment %s", c.Compartment)
	}
	keys, err := w.escort.keys([]vault.Want{{Chart: c.Chart, Compartment: c.Compartment}, {Chart: c.Chart, Compartment: vault.Log}})
	if err != nil {
		return err
	}
	key := keys[0]
	if len(c.Source) > MaxSource {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(c.Source), MaxSource)
	}
	blob, err := key.SealBlob(s.blobAAD(c.Type, c.ID, v.Number), body.encode())
	if err != nil {
		return err
	}
	v.Blob, v.Slot = sha256.Sum256(blob), key.Slot()
	if len(blob) > journal.MaxInline {
		if err := w.escort.blob(ctx, v.Blob, blob); err != nil {
			return err
		}
		blob = nil
	} else {
		w.inline = append(w.inline, blob)
	}
	forms := body.forms(served)
	t := verify.Target{Ref: c.Type + "/" + c.ID, Version: v.Number, Content: forms.Commit(), Blob: v.Blob, Slot: v.Slot}
	l := line{kind: verify.KindUpdate, chart: c.Chart, targets: []verify.Target{t}, outcome: http.StatusOK}
	out := Version{Type: c.Type, ID: c.ID, Version: v.Number, Updated: w.at, Op: OpUpdate, Chart: c.Chart, Body: served, Source: c.Source}
	if v.Created {
		l.kind, l.outcome, out.Op = verify.KindCreate, http.StatusCreated, OpCreate
	}
	w.lines = append(w.lines, l)
	w.written = append(w.written, &written{typ: c.Type, id: c.ID, version: v, request: w.request, blob: blob, terms: c.Terms, rules: c.Rules})
	w.versions = append(w.versions, out)
	return nil
}
