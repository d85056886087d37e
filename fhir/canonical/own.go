package canonical

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/validation"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/terminology"
)

// Limits.
const (
	LimitKept  = 8192            // canonicals whose definitions are kept, or that are known to have none
	LimitBytes = 32 << 20        // of the JSON of definitions that are kept
	LimitOne   = 8 << 20         // bytes of one
	LimitSame  = 32              // resources of one canonical that are looked at, those written last
	LimitMaps  = 256             // concept maps that are looked through where none is named, those written last
	limitTime  = 5 * time.Second // for finding one
)

// Record has the resources.
type Record interface {
	Definitions(ctx context.Context, typ, url, version string, most int) ([]record.Version, error)
}

// Base is what is known without the node's own resources.
type Base struct {
	Definitions *definition.Registry
	Terminology *terminology.Terminology // of Definitions
	Validator   *validation.Validator    // by them
}

// Own is what the node's own resources define. Begin comes before all but Tell.
type Own struct {
	base   Base
	record Record
	log    *slog.Logger
	now    atomic.Pointer[Known]
}

// Begin says where the resources are, and what comes before them.
func (o *Own) Begin(r Record, base Base, log *slog.Logger) { o.record, o.base, o.log = r, base, log }

// Tell says that a resource was written: all that was found before is looked up anew when it is next needed.
func (o *Own) Tell(_, _ string) { o.now.Store(nil) }

// Known gives what is known now. It is for one question: who keeps it does not hear of changes.
func (o *Own) Known() *Known {
	for {
		now := o.now.Load()
		if now != nil && !now.beyond(LimitKept/2, LimitBytes/2) {
			return now
		}
		fresh := &Known{own: o, made: map[string]any{}}
		fresh.Terminology = o.base.Terminology.Beneath(fresh)
		fresh.Validator = o.base.Validator.With(fresh.Terminology, fresh.profile)
		if o.now.CompareAndSwap(now, fresh) {
			return fresh
		}
	}
}

// Known is what R4, packages and the node's own resources define together, as it was found since some moment. It may be asked from several goroutines.
type Known struct {
	Terminology *terminology.Terminology
	Validator   *validation.Validator

	own  *Own
	mu   sync.Mutex
	made map[string]any // by type and canonical: what was read of it, nil pointers for nothing
	size int            // bytes of JSON that it was read of
	full sync.Once      // that there is more was told
}

func (k *Known) beyond(kept, bytes int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.made) >= kept || k.size >= bytes
}

// originOf names a version, for Head.
func originOf(v *record.Version) string {
	return v.Type + "/" + v.ID + "/" + strconv.FormatUint(v.Version, 10)
}

// Head gives the version of a resource that an origin stands for.
func Head(origin string) (h record.Head) {
	parts := strings.SplitN(origin, "/", 3)
	if len(parts) == 3 {
		h.Type, h.ID = parts[0], parts[1]
		h.Version, _ = strconv.ParseUint(parts[2], 10, 64) // originOf wrote it
	}
	return h
}
