package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sijil-health/sijil/internal/durable"
)

// openPlans opens the plans. A file of them that is damaged or missing is named in the log and made again; what was there is kept
// beside it, under a name that ends in asideSuffix. Errors: *Damage when that cannot be done.
func (a *Anchorer) openPlans(ctx context.Context) error {
	for before := ""; ; { // one turn for each file
		plans, err := OpenPlans(a.opt.Plans)
		damage := (*Damage)(nil)
		if !errors.As(err, &damage) || damage.Error() == before {
			if a.plans = plans; err == nil && plans.Torn() > 0 {
				a.opt.Log.Warn("a plan was being written when the node stopped; it was not submitted and is made anew",
					"file", plans.last.path, "bytes", plans.Torn())
			}
			return err
		}
		before = damage.Error()
		a.opt.Log.Error("a file of batch plans is damaged; it is made again from the journal and the ledger", "file", damage.File, "error", damage)
		if err := a.renewFirst(ctx); err != nil {
			return fmt.Errorf("%w; it cannot be made again: %w. Put the file back from a backup, or restore the node", damage, err)
		}
	}
}

// renewFirst makes the first file again that keeps the plans from being opened: one that is missing before another, or the last.
func (a *Anchorer) renewFirst(ctx context.Context) error {
	files, err := findPlanFiles(a.opt.Plans)
	if err != nil {
		return err
	}
	for i, f := range files {
		if want := uint64(i) * plansPerFile; f.first != want {
			return a.renew(ctx, want)
		}
	}
	if len(files) == 0 {
		return nil
	}
	return a.renew(ctx, files[len(files)-1].first)
}

// ScrubPlans reads all plans from disk and makes damaged files of them again. read is told of bytes, found of each damage and why it
// could not be mended, nil when it was. The error says that it could not be done.
func (a *Anchorer) ScrubPlans(ctx context.Context, read func(int64), found func(damage *Damage, heal error)) error {
	a.plans.mu.Lock()
	sealed := max(0, len(a.plans.files)-1)
	files := a.plans.files[:sealed:sealed]
	a.plans.mu.Unlock()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := wholePlanFile(f)
		damage := (*Damage)(nil)
		switch {
		case errors.Is(err, os.ErrNotExist):
			damage = &Damage{What: "plans", File: f.path, Detail: "the file is missing"}
		case err != nil && !errors.As(err, &damage):
			return err
		}
		if damage != nil {
			err := a.renew(ctx, f.first)
			a.plans.forget(f.first)
			found(damage, err)
		}
		if info, err := os.Stat(f.path); err == nil {
			read(info.Size())
		}
	}
	damage, n, err := a.plans.mendLast()
	if damage != nil {
		found(damage, err)
		err = nil
	}
	read(n)
	return err
}

// PlansSize is what ScrubPlans reads, in bytes.
func (a *Anchorer) PlansSize() (size int64) {
	files, err := findPlanFiles(a.opt.Plans)
	if err != nil {
		return 0 // ScrubPlans names it
	}
	for _, f := range files {
		if info, err := os.Stat(f.path); err == nil {
			size += info.Size()
		}
	}
	return size
}

// CheckPlans reads the plans in a directory and names what is damaged; nothing is changed.
func CheckPlans(dir string, found func(*Damage)) error {
	files, err := findPlanFiles(dir)
	for i := 0; err == nil && i < len(files); i++ {
		last := i == len(files)-1
		if want := uint64(i) * plansPerFile; files[i].first != want {
			err = &Damage{What: fmt.Sprintf("the file of plans from %d on", want), Detail: "missing before " + files[i].path}
			break
		}
		var c *plansIn
		var good int
		if last {
			if c, good, err = readPlanFile(files[i]); err == nil && !c.torn(good) {
				err = c.whole(good)
			}
		} else {
			_, err = wholePlanFile(files[i])
		}
		if damage := (*Damage)(nil); errors.As(err, &damage) {
			found(damage)
			err = nil
		}
	}
	if damage := (*Damage)(nil); errors.As(err, &damage) {
		found(damage)
		return nil
	}
	return err
}

// wholePlanFile reads a file that is not the last.
func wholePlanFile(f planFile) (*plansIn, error) {
	c, good, err := readPlanFile(f)
	if err != nil {
		return nil, err
	}
	if err := c.whole(good); err != nil {
		return nil, err
	}
	if len(c.at) != plansPerFile {
		return nil, &Damage{What: "plans", File: c.path, Detail: fmt.Sprintf("it ends after %d plans of %d", len(c.at), plansPerFile)}
	}
	return c, nil
}

// forget drops a file from memory that is another one now.
func (s *Plans) forget(first uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visited != nil && s.visited.first == first {
		s.visited = nil
	}
}

// mendLast compares the last file with what is in memory, which was whole when it was read or written, and writes it anew where it differs.
func (s *Plans) mendLast() (damage *Damage, size int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || s.failed != nil {
		return nil, 0, s.failed
	}
	size = int64(len(s.last.data))
	data, err := os.ReadFile(s.last.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) || err == nil && bytes.Equal(data, s.last.data) {
		return nil, size, err
	}
	damage = &Damage{What: "plans", File: s.last.path, Detail: "the file is not what was written"}
	if err := putAside(s.last.path, data); err != nil {
		return damage, size, err
	}
	if err := durable.Write(s.last.path, s.last.data, 0o600); err != nil {
		return damage, size, err
	}
	w, err := os.OpenFile(s.last.path, os.O_RDWR, 0)
	if err != nil {
		s.failed = fmt.Errorf("ledger: plans: %w", err)
		return damage, size, s.failed
	}
	old := s.w
	s.w = w
	return damage, size, old.Close()
}
