package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// Read releases one version of a resource (0: the current one). Errors: ErrForbidden, ErrNotFound, ErrGone, ErrDamaged, ErrUnavailable.
func (s *Store) Read(ctx context.Context, a Access, typ, id string, number uint64) (*Version, error) {
	v, err := s.lookup(typ, id, number)
	if err != nil {
		return nil, err
	}
	if err := permit(&a, policy.Read, v.Chart, typ); err != nil {
		return nil, err
	}
	p, err := s.commit(a, s.Clock(), []line{{
		kind: verify.KindRead, chart: v.Chart, detail: a.Detail, outcome: http.StatusOK,
		targets: []verify.Target{{Ref: typ + "/" + id, Version: v.Number}},
	}}, nil, nil)
	if err != nil {
		return nil, err
	}
	// The ciphertext is opened while the entry becomes durable; nothing is returned before it is.
	out, openErr := s.open(ctx, typ, id, &v)
	if _, err := settle(ctx, p); err != nil {
		return nil, err
	}
	return out, openErr
}

// Peek tells what is known of a resource without releasing any of it. Errors: ErrNotFound, ErrUnavailable.
func (s *Store) Peek(_ context.Context, typ, id string) (Head, error) {
	v, err := s.current(typ, id)
	if errors.Is(err, index.ErrNotFound) {
		return Head{}, ErrNotFound
	}
	if err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return headOf(typ, id, &v), nil
}

func headOf(typ, id string, v *index.Version) Head {
	return Head{Type: typ, ID: id, Version: v.Number, Updated: time.UnixMilli(v.Time).UTC(), Deleted: v.Deleted, Chart: v.Chart}
}

// History releases at most count versions of a resource, newest first, from the one before version `before` on (0: the newest).
func (s *Store) History(ctx context.Context, a Access, typ, id string, count int, before uint64) (*Page, error) {
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, err
	}
	vs, err := s.Index.History(typ, id, before, count+1)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	now, err := s.Index.Current(typ, id)
	if errors.Is(err, index.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := permit(&a, policy.History, now.Chart, typ); err != nil {
		return nil, err
	}
	page := &Page{Total: int(now.Number)}
	if len(vs) > count {
		vs = vs[:count]
		if count > 0 {
			page.Next = strconv.FormatUint(vs[count-1].Number, 10)
		}
	}
	var found []match
	for i := range vs { // one that was filed under another patient by mistake is that patient's
		if permit(&a, policy.History, vs[i].Chart, typ) == nil {
			found = append(found, match{typ: typ, id: id, version: vs[i]})
		}
	}
	page.Versions, err = s.release(ctx, a, verify.KindHistory, found)
	return page, err
}

// Refuse leaves the entry for a request that was refused. The chart is that of the resource, where it is known.
func (s *Store) Refuse(ctx context.Context, a Access, typ, id string, status int, why string) error {
	l := line{kind: verify.KindRefuse, detail: a.Detail, outcome: uint16(status)}
	if why != "" {
		l.detail = a.Detail + " — " + why
	}
	if typ != "" && id != "" {
		if v, err := s.current(typ, id); err == nil {
			l.chart = v.Chart
			l.targets = []verify.Target{{Ref: typ + "/" + id}}
		}
	}
	return s.record(ctx, a, l)
}

// lookup finds a version that may be released.
func (s *Store) lookup(typ, id string, number uint64) (index.Version, error) {
	v, err := s.current(typ, id)
	if err == nil && number != 0 && number != v.Number {
		if number > v.Number {
			return v, ErrNotFound
		}
		v, err = s.versionAt(typ, id, number)
	}
	switch {
	case errors.Is(err, index.ErrNotFound):
		return v, ErrNotFound
	case err != nil:
		return v, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case v.Deleted:
		return v, ErrGone
	}
	return v, nil
}

// versionAt finds a version that is not the newest: it is in the index, or will be as soon as the index has caught up.
func (s *Store) versionAt(typ, id string, number uint64) (index.Version, error) {
	v, err := s.Index.Version(typ, id, number)
	if !errors.Is(err, index.ErrNotFound) {
		return v, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return v, err
	}
	return s.Index.Version(typ, id, number)
}

// open brings a version into the clear: fetched, checked against its hash, repaired if need be, decrypted.
func (s *Store) open(ctx context.Context, typ, id string, v *index.Version) (*Version, error) {
	out := &Version{Type: typ, ID: id, Version: v.Number, Updated: time.UnixMilli(v.Time).UTC(), Op: opOf(v), Chart: v.Chart}
	if v.Deleted {
		return out, nil
	}
	c, err := s.content(ctx, typ, id, v)
	if err != nil {
		return nil, err
	}
	out.Source = c.source
	out.Body, err = c.served()
	return out, err
}

func opOf(v *index.Version) Op {
	switch {
	case v.Deleted:
		return OpDelete
	case v.Created:
		return OpCreate
	}
	return OpUpdate
}

func (s *Store) content(ctx context.Context, typ, id string, v *index.Version) (*content, error) {
	key, _, _, ok := s.vault.Slot(v.Slot)
	if !ok {
		return nil, fmt.Errorf("entry %d: its key was erased: %w", v.Entry, ErrGone)
	}
	blob, err := s.ciphertext(ctx, typ, id, v)
	if err != nil {
		return nil, err
	}
	plain, err := key.OpenBlob(s.blobAAD(typ, id, v.Number), blob)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", v.Entry, ErrDamaged, err)
	}
	return decodeContent(plain)
}

var errOther = errors.New("other bytes are in its place")

// ciphertext gives the bytes that hash to v.Blob, from memory, the journal, the blob store or a custodian.
func (s *Store) ciphertext(ctx context.Context, typ, id string, v *index.Version) ([]byte, error) {
	if p := s.overlay.entry(v.Entry); p != nil && p.blob != nil {
		return p.blob, nil
	}
	blob, err := s.stored(ctx, v)
	if err == nil && sha256.Sum256(blob) == v.Blob {
		return blob, nil
	}
	if err == nil {
		err = errOther
	}
	s.Log.Error("stored content is damaged", "entry", v.Entry, "ciphertext", brief(v.Blob), "error", err)
	if s.Heal == nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	blob, healErr := s.Heal(ctx, *v)
	if healErr == nil && sha256.Sum256(blob) != v.Blob {
		healErr = errOther
	}
	if healErr != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, errors.Join(err, healErr))
	}
	s.Log.Warn("stored content was repaired from a custodian", "entry", v.Entry, "ciphertext", brief(v.Blob))
	s.note(ctx, v.Chart, fmt.Sprintf("repaired %s/%s version %d from a custodian", typ, id, v.Number))
	return blob, nil
}

// brief names a ciphertext in logs, where ids of resources must not stand: they name patients.
func brief(h verify.Hash) string { return hex.EncodeToString(h[:8]) }

func (s *Store) stored(ctx context.Context, v *index.Version) ([]byte, error) {
	if v.Place.Length == 0 {
		return s.Blobs.Get(ctx, v.Blob)
	}
	return s.Journal.ReadRaw(v.Place.Segment, v.Place.Offset, int(v.Place.Length))
}

// note leaves an entry for what the node itself did to a chart.
func (s *Store) note(_ context.Context, chart, what string) {
	a := Access{Actor: "system", Role: "system", Purpose: "SYSADMIN"}
	l := line{kind: verify.KindSystem, chart: chart, detail: what, outcome: http.StatusOK}
	if _, err := s.commit(a, s.Clock(), []line{l}, nil, nil); err != nil {
		s.Log.Error("an entry could not be written", "error", err)
	}
}

// match is a version about to be released.
type match struct {
	typ, id string
	version index.Version
}

// release opens what was found and leaves, before anything is returned, one entry for each chart it comes from; where it comes from
// no chart or several, also one in the organisation's own stream that says what was asked and how much was given.
func (s *Store) release(ctx context.Context, a Access, kind verify.Kind, found []match) ([]Version, error) {
	lines, err := releaseLines(a, kind, found)
	if err != nil {
		return nil, err
	}
	p, err := s.commit(a, s.Clock(), lines, nil, nil)
	if err != nil {
		return nil, err
	}
	out := make([]Version, 0, len(found))
	var openErr error
	for i := range found {
		v, err := s.open(ctx, found[i].typ, found[i].id, &found[i].version)
		if openErr = err; err != nil {
			break
		}
		out = append(out, *v)
	}
	if _, err := settle(ctx, p); err != nil {
		return nil, err
	}
	if openErr != nil {
		return nil, openErr
	}
	return out, nil
}

// maxReleased bounds the resources that one request can be given.
const maxReleased = 10_000

func releaseLines(a Access, kind verify.Kind, found []match) ([]line, error) {
	if len(found) > maxReleased {
		return nil, fmt.Errorf("%d resources in one answer, at most %d", len(found), maxReleased)
	}
	var lines []line
	at := make(map[string]int)
	for i := range found {
		chart := found[i].version.Chart
		n, ok := at[chart]
		if !ok {
			n = len(lines)
			at[chart] = n
			lines = append(lines, line{kind: kind, chart: chart, detail: a.Detail, outcome: http.StatusOK})
		}
		t := verify.Target{Ref: found[i].typ + "/" + found[i].id, Version: found[i].version.Number}
		lines[n].targets = append(lines[n].targets, t)
	}
	if len(lines) == 1 {
		return lines, nil
	}
	asked := line{kind: kind, outcome: http.StatusOK, detail: fmt.Sprintf("%s — %d resources of %d charts", a.Detail, len(found), len(lines))}
	if _, ok := at[""]; ok {
		lines[at[""]].detail = asked.detail
		return lines, nil
	}
	return append(lines, asked), nil
}
