package imports

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/record"
)

// Errors of the methods of Imports.
var (
	ErrRunning = errors.New("the import is not complete")
	ErrSource  = errors.New("files may not be fetched from there")
	ErrInputs  = errors.New("too many files")
	ErrLarge   = errors.New("the file is larger than one may be")
	ErrFull    = errors.New("as much as may wait is waiting already")
)

// Options of Imports.
type Options struct {
	Dir     string
	Seal    job.Sealer // under a key that outlives the process
	Record  Record
	Sources []string     // what the addresses of files may begin with: "https://files.example.org/exports/"; none where empty
	Client  *http.Client // that fetches; nil for one that is careful
	Limits  Limits
	Log     *slog.Logger // nil for silence
}

// Imports does one import at a time. Its methods may be called from several goroutines.
type Imports struct {
	opt   Options
	files *job.Files
	jobs  *job.Jobs[*work]
	gate  Gate

	mu      sync.Mutex
	spooled int64 // bytes of files that wait
}

// Open opens the directory. Begin comes next.
func Open(o Options) (*Imports, error) {
	o.Limits = o.Limits.orDefault()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Client == nil {
		o.Client = careful(o.Limits)
	}
	files, err := job.LastingFiles(o.Dir, o.Seal)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	jobs := job.Open[*work](job.Limits{Jobs: o.Limits.Jobs, Actor: o.Limits.Actor, Workers: 1, Age: o.Limits.Age}, o.Log)
	return &Imports{opt: o, files: files, jobs: jobs}, nil
}

// Begin goes on with what an earlier process left, through the gate.
func (x *Imports) Begin(g Gate) error {
	x.gate = g
	ids, err := x.files.Jobs()
	if err != nil {
		return fmt.Errorf("imports: %w", err)
	}
	for _, id := range ids {
		s, err := x.load(id)
		if errors.Is(err, fs.ErrNotExist) { // it was never taken
			err = x.files.Remove(id)
			if err == nil {
				continue
			}
		}
		if err != nil {
			x.opt.Log.Error("an import cannot be gone on with", "job", id, "err", err)
			continue
		}
		w := &work{Imports: x, id: id, state: s, again: true}
		kept := job.State{Done: s.Done, Expires: s.Finished.Add(x.opt.Limits.Age)}
		if s.Failed {
			kept.Failed = errFailed
		}
		if s.Done {
			w.removeSpool()
		} else {
			x.mu.Lock()
			x.spooled += w.size() // it is there, whatever may be now
			x.mu.Unlock()
		}
		x.jobs.Restore(s.Access, id, s.Since, w, kept)
	}
	return nil
}

func (x *Imports) load(id string) (*state, error) {
	b, err := x.files.Get(id, stateName, maxState)
	if err != nil {
		return nil, err
	}
	return decodeState(b)
}

// Close stops the work. It is gone on with by the next process.
func (x *Imports) Close() error {
	x.jobs.Close()
	return x.files.Close()
}

// Send takes an import whose lines are sent: send writes them. Errors: job.ErrBusy, ErrLarge, ErrFull, record.ErrUnavailable for what the disk does not take,
// and what send returns.
func (x *Imports) Send(a record.Access, url string, send func(io.Writer) error) (id string, err error) {
	if err := x.jobs.Room(a); err != nil {
		return "", err
	}
	w := x.newWork(a, url, "", []Input{{}})
	if err := x.files.Begin(w.id); err != nil {
		return "", unavailable(err)
	}
	if err = w.spool(0, send); err == nil {
		err = x.start(w)
	}
	if err != nil {
		return "", errors.Join(err, w.Remove())
	}
	return w.id, nil
}

// Fetch takes an import of files that are to be fetched. Errors: job.ErrBusy, ErrSource, ErrInputs, record.ErrUnavailable.
func (x *Imports) Fetch(a record.Access, url, source string, inputs []Input) (id string, err error) {
	if len(inputs) > x.opt.Limits.Inputs {
		return "", ErrInputs
	}
	for i := range inputs {
		if !x.may(inputs[i].URL) {
			return "", ErrSource
		}
	}
	if err := x.jobs.Room(a); err != nil {
		return "", err
	}
	w := x.newWork(a, url, source, inputs)
	if err := x.files.Begin(w.id); err != nil {
		return "", unavailable(err)
	}
	if err := x.start(w); err != nil {
		return "", errors.Join(err, w.Remove())
	}
	return w.id, nil
}

func (x *Imports) newWork(a record.Access, url, source string, inputs []Input) *work {
	return &work{Imports: x, id: job.NewID(), state: &state{Access: a, URL: url, Source: source, Since: time.Now().UTC(), Inputs: inputs, Pass: 1}}
}

// start makes an import durable, and then begins it.
func (x *Imports) start(w *work) error {
	if err := w.save(); err != nil {
		return unavailable(err)
	}
	return x.jobs.Start(w.state.Access, w.id, w)
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", record.ErrUnavailable, err) }

// hold takes room in the spool, or with a negative number gives it back.
func (x *Imports) hold(n int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n > 0 && x.spooled+n > x.opt.Limits.Spool {
		return false
	}
	x.spooled += n
	return true
}

// Status is how far an import is.
type Status struct {
	job.State
	URL, Source string
	Since       time.Time
	Inputs      []Input
	Pass        int
	Read, Size  int64 // of this pass: bytes in the first, lines in later ones
}

// Status tells how far an import is. Errors: job.ErrUnknown.
func (x *Imports) Status(a record.Access, id string) (*Status, error) {
	k, done, err := x.jobs.Find(a, id)
	if err != nil {
		return nil, err
	}
	k.Work.mu.Lock()
	s := k.Work.state.copied()
	k.Work.mu.Unlock()
	out := &Status{State: done, URL: s.URL, Source: s.Source, Since: s.Since, Inputs: s.Inputs, Pass: s.Pass, Read: s.Index, Size: s.Waited}
	if s.Pass == 1 {
		out.Read, out.Size = s.At.Offset, 0
		for i := range s.Inputs {
			out.Size += s.Inputs[i].Bytes
			if i < s.Input {
				out.Read += s.Inputs[i].Bytes
			}
		}
	}
	return out, nil
}

// Outcomes gives the file that says why lines of an input were refused. Errors: job.ErrUnknown, ErrRunning.
func (x *Imports) Outcomes(a record.Access, id, name string) (content *io.SectionReader, closing func() error, err error) {
	k, done, err := x.jobs.Find(a, id)
	if err == nil && !done.Done {
		err = ErrRunning
	}
	if err != nil {
		return nil, nil, err
	}
	for i := range k.Work.state.Inputs {
		if name == OutcomesName(i) {
			content, closing, err = x.files.Open(id, name)
			if errors.Is(err, fs.ErrNotExist) {
				err = job.ErrUnknown
			}
			return content, closing, err
		}
	}
	return nil, nil, job.ErrUnknown
}

// Drop ends an import, if it is under way, and forgets it. What it has stored stays. Errors: job.ErrUnknown.
func (x *Imports) Drop(a record.Access, id string) error { return x.jobs.Drop(a, id) }
