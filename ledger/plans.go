package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/journal"
)

// Plans is the durable list of an organisation's batch plans: append-only files of checksummed records. The last ones have some 200 bytes
// a batch; of older ones that are committed all but 12 bytes are trimmed away, and those are kept for ever. A plan is durable when Append returns. Safe for concurrent use.
type Plans struct {
	dir string

	mu      sync.Mutex
	files   []planFile
	last    *plansIn // what files[len-1] holds; nil when there is no file
	w       *os.File // files[len-1], open for appending
	visited *plansIn // the other file read last
	torn    int      // bytes that OpenPlans cut off
	whole   int      // files before this one are trimmed
	failed  error    // set when the disk may hold something else than last says; nothing more is written then
}

// OpenPlans opens the plans in a directory and makes it if it is not there. The remains of a write that a crash cut short are
// removed, see Torn; any other damage is returned as a *Damage and nothing is changed.
func OpenPlans(dir string) (*Plans, error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("ledger: plans: %w", err)
	}
	s := &Plans{dir: dir}
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.last == nil {
		return s, nil
	}
	var err error
	if s.w, err = os.OpenFile(s.last.path, os.O_RDWR, 0); err != nil {
		return nil, fmt.Errorf("ledger: plans: %w", err)
	}
	if s.torn > 0 {
		if err := errors.Join(s.w.Truncate(int64(len(s.last.data))), s.w.Sync()); err != nil {
			return nil, errors.Join(fmt.Errorf("ledger: plans: %w", err), s.w.Close())
		}
	}
	return s, nil
}

// load reads the list of files and the last one; it writes nothing.
func (s *Plans) load() (err error) {
	if s.files, err = listPlanFiles(s.dir); err != nil || len(s.files) == 0 {
		return err
	}
	c, good, err := readPlanFile(s.files[len(s.files)-1])
	if err != nil {
		return err
	}
	if err := c.whole(good); err != nil && !c.torn(good) {
		return err
	}
	s.torn = len(c.data) - good
	c.data = c.data[:good:good]
	s.last = c
	return s.countTrimmed()
}

// PlansEnd gives the place in the journal up to which batches were planned, as far as the plans in a directory can be read; zero for none. What is
// planned was durable before. It changes nothing.
func PlansEnd(dir string) (end journal.Cursor) {
	files, err := findPlanFiles(dir)
	if err != nil || len(files) == 0 {
		return end
	}
	c, _, err := readPlanFile(files[len(files)-1])
	if err != nil {
		return end
	}
	return c.end
}

// Torn gives the number of bytes of a plan that was being written when the node stopped. Its anchor was never submitted.
func (s *Plans) Torn() int { return s.torn }

// Next gives the sequence number of the plan after the last, and where in the journal its batch begins.
func (s *Plans) Next() (seq uint64, begin journal.Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next()
}

func (s *Plans) next() (uint64, journal.Cursor) {
	if s.last == nil {
		return 0, journal.Cursor{}
	}
	return s.last.next(), s.last.end
}

// Append makes a plan durable. It must continue the last one. After an error of the disk the plan is not there and may be
// appended again, unless it is unknown what reached the disk: then every later call fails too, until the node is restarted.
func (s *Plans) Append(p *Plan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	seq, begin := s.next()
	if err := p.check(seq, begin); err != nil {
		return err
	}
	if s.last == nil || len(s.last.at) == plansPerFile {
		if err := s.rotate(seq, begin, &p.Key); err != nil {
			return err
		}
	}
	c := s.last
	if p.Key != c.key {
		return fmt.Errorf("ledger: plan %d has another key than those beside it: the audit key is not the one they were made with", seq)
	}
	record := p.append(nil)
	if _, err := s.w.WriteAt(record, int64(len(c.data))); err != nil {
		if undo := s.w.Truncate(int64(len(c.data))); undo != nil {
			s.failed = fmt.Errorf("ledger: plans: %w", undo)
		}
		return fmt.Errorf("ledger: plan %d was not written: %w", seq, err)
	}
	if err := s.w.Sync(); err != nil {
		s.failed = fmt.Errorf("ledger: plan %d may not have reached the disk: %w", seq, err)
		return s.failed
	}
	c.at = append(c.at, planMark{len(c.data), begin})
	c.data, c.end = append(c.data, record...), p.End
	return nil
}

// appendFile makes as many plans durable as fill a file, at once. The last file must be full, or there is none.
func (s *Plans) appendFile(list []*Plan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	seq, begin := s.next()
	if len(list) != plansPerFile || seq%plansPerFile != 0 {
		return errors.New("ledger: plans do not fill a file")
	}
	data, end := planFileHead(planFileMagic, seq, begin, &list[0].Key), begin
	for i, p := range list {
		if err := p.check(seq+uint64(i), end); err != nil {
			return err
		}
		data, end = p.append(data), p.End
	}
	f := planFile{filepath.Join(s.dir, planFileName(seq, begin.Entry)), seq, begin.Entry}
	if err := durable.Write(f.path, data, 0o600); err != nil {
		return fmt.Errorf("ledger: plans: %w", err)
	}
	if s.w != nil {
		if err := s.w.Close(); err != nil {
			s.failed = fmt.Errorf("ledger: plans: %w", err)
			return s.failed
		}
	}
	s.w = nil
	if err := s.load(); err != nil {
		return err
	}
	w, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		s.failed = fmt.Errorf("ledger: plans: %w", err)
		return s.failed
	}
	s.w = w
	return nil
}

// rotate begins the next file. It appears under its name only when its header is durable.
func (s *Plans) rotate(seq uint64, begin journal.Cursor, key *BatchKey) error {
	f := planFile{filepath.Join(s.dir, planFileName(seq, begin.Entry)), seq, begin.Entry}
	head := planFileHead(planFileMagic, seq, begin, key)
	if err := durable.Write(f.path, head, 0o600); err != nil {
		return fmt.Errorf("ledger: plans: %w", err)
	}
	w, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("ledger: plans: %w", err)
	}
	if s.w != nil {
		if err := s.w.Close(); err != nil {
			return errors.Join(fmt.Errorf("ledger: plans: %w", err), w.Close())
		}
	}
	s.w, s.files = w, append(s.files, f)
	s.last = &plansIn{planFile: f, key: *key, data: head, end: begin}
	return nil
}

// Get gives the plan of a sequence number, or nil when there is none (yet). The error may be a *Damage.
func (s *Plans) Get(seq uint64) (*Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, _ := s.next(); seq >= next {
		return nil, nil
	}
	c, err := s.file(int(seq / plansPerFile))
	if err != nil {
		return nil, err
	}
	return c.plan(int(seq % plansPerFile))
}

// Find gives the plan of the batch that holds an entry, or nil when there is none (yet). The error may be a *Damage.
func (s *Plans) Find(entry uint64) (*Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, end := s.next(); entry >= end.Entry {
		return nil, nil
	}
	i := sort.Search(len(s.files), func(i int) bool { return s.files[i].entry > entry }) - 1
	c, err := s.file(i)
	if err != nil {
		return nil, err
	}
	return c.plan(c.find(entry))
}

// file gives what a file holds. Those in the middle must be whole.
func (s *Plans) file(i int) (*plansIn, error) {
	if i == len(s.files)-1 {
		return s.last, nil
	}
	if s.visited != nil && s.visited.first == s.files[i].first {
		return s.visited, nil
	}
	c, err := wholePlanFile(s.files[i])
	if err != nil {
		return nil, err
	}
	s.visited = c
	return c, nil
}

// rewind forgets the plans from a sequence number on. Only for plans of which it is certain that no chain will ever take them.
func (s *Plans) rewind(seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, _ := s.next(); seq >= next || s.failed != nil {
		return s.failed
	}
	keep := int(seq / plansPerFile)
	if keep < s.whole {
		return fmt.Errorf("ledger: plan %d is on the chain and cannot be taken back", seq)
	}
	for i := len(s.files) - 1; i > keep; i-- {
		if err := os.Remove(s.files[i].path); err != nil {
			return fmt.Errorf("ledger: plans: %w", err)
		}
	}
	c, err := s.file(keep)
	if err != nil {
		return err
	}
	mark := c.at[seq%plansPerFile]
	w, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("ledger: plans: %w", err)
	}
	// Whatever fails from here on leaves the files behind what is remembered; a restart reads them anew.
	s.failed = errors.New("ledger: plans could not be taken back; restart the node")
	if err := errors.Join(w.Truncate(int64(mark.offset)), w.Sync(), s.w.Close(), durable.SyncDir(s.dir)); err != nil {
		return errors.Join(fmt.Errorf("ledger: plans: %w", err), w.Close())
	}
	c.data, c.at, c.end = c.data[:mark.offset:mark.offset], c.at[:seq%plansPerFile], mark.begin
	s.w, s.files, s.last, s.visited, s.failed = w, s.files[:keep+1], c, nil, nil
	return nil
}

// Close closes the file that is open for appending.
func (s *Plans) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = errors.New("ledger: plans are closed")
	}
	if s.w == nil {
		return nil
	}
	w := s.w
	s.w = nil
	return w.Close()
}
