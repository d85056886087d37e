package backup

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// Swept says what a sweep removed.
type Swept struct {
	Months  []string `json:"months,omitempty"`  // whose keys were destroyed
	Objects int      `json:"objects,omitempty"` // that no backup needs any more
}

// Sweep destroys the keys of months that ended at least that many days ago, and then removes what no remaining backup needs. It is to be
// called after Commit. The month of this backup stays.
func (w *Writer) Sweep(ctx context.Context, keepDays int) (s Swept, err error) {
	err = w.List(ctx, "epochs/", func(name string, _ int64) error {
		month := path.Base(name)
		begin, err := time.Parse("2006-01", month)
		if err != nil || month == w.manifest.Month {
			return nil // not ours to judge
		}
		if begin.AddDate(0, 1, keepDays).Before(w.opt.Now) {
			s.Months = append(s.Months, month)
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	for i, month := range s.Months {
		if err := w.Delete(ctx, epochFile(month)); err != nil {
			s.Months = s.Months[:i]
			return s, err
		}
	}
	// Secrets and manifests of a month without a key: this one's, and those that a sweep cut short left.
	keys := make(map[string]bool)
	if err := w.List(ctx, "epochs/", func(name string, _ int64) error { keys[path.Base(name)] = true; return nil }); err != nil {
		return s, err
	}
	var dead []string
	for name := range w.stored {
		if rest, ok := strings.CutPrefix(name, "epoch/"); ok {
			if month, _, _ := strings.Cut(rest, "/"); !keys[month] {
				dead = append(dead, name)
			}
		}
	}
	if len(dead) == 0 {
		return s, nil // nothing was let go, so nothing more became needless that is worth looking for
	}
	if err := w.remove(ctx, dead, &s); err != nil {
		return s, err
	}
	needless, err := w.needless(ctx)
	if err != nil {
		return s, err
	}
	return s, w.remove(ctx, needless, &s)
}

func (w *Writer) remove(ctx context.Context, names []string, s *Swept) error {
	for _, name := range names {
		if err := w.Delete(ctx, name); err != nil {
			return err
		}
		delete(w.stored, name)
		s.Objects++
	}
	return nil
}

// needless lists the pieces that no manifest names. If one manifest cannot be read, none is needless.
func (w *Writer) needless(ctx context.Context) (names []string, err error) {
	needed := make(map[string]bool)
	for name := range w.stored {
		if _, _, ok := parseManifestName(name); !ok {
			continue
		}
		m, _, err := w.place.manifest(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("nothing was removed: %w", err)
		}
		for i := range m.Files {
			for _, h := range m.Files[i].pieces() {
				needed[w.keys.object(h)] = true
			}
		}
	}
	for name := range w.stored {
		if strings.HasPrefix(name, "objects/") && !needed[name] {
			names = append(names, name)
		}
	}
	return names, nil
}
