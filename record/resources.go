package record

import (
	"slices"
	"sync"
)

// resources keeps two writes of one resource apart, and holds up no write of another: a transaction may hold thousands for as long as the disk
// takes.
type resources struct {
	mu   sync.Mutex
	held map[string]*resource // by "Type/id"
}

type resource struct {
	sync.Mutex
	users int // guarded by resources.mu
}

// lock locks the resources that the changes touch, each once, in the order of their names.
func (r *resources) lock(changes []Change) (unlock func()) {
	refs := make([]string, len(changes))
	for i := range changes {
		refs[i] = changes[i].Type + "/" + changes[i].ID
	}
	slices.Sort(refs)
	refs = slices.Compact(refs)
	held := make([]*resource, len(refs))
	for i, ref := range refs {
		held[i] = r.use(ref)
		held[i].Lock()
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, ref := range refs {
			held[i].Unlock()
			if held[i].users--; held[i].users == 0 {
				delete(r.held, ref)
			}
		}
	}
}

func (r *resources) use(ref string) *resource {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = make(map[string]*resource)
	}
	h := r.held[ref]
	if h == nil {
		h = new(resource)
		r.held[ref] = h
	}
	h.users++
	return h
}
