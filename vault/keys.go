package vault

import (
	"fmt"
	"iter"
)

// Want names a key: a chart, or "" for the organisation itself, and one of its compartments.
type Want struct {
	Chart       string
	Compartment Compartment
}

// creation gathers the keys that several callers want at the same time, so that they share one sync.
type creation struct {
	wants []Want // guarded by mu while it is vault.open
	done  bool   // this and err are guarded by write
	err   error
}

// Key gives the current key of a compartment and creates it when there is none. It is durable before Key returns.
func (v *Vault) Key(chart string, c Compartment) (*Key, error) {
	keys, err := v.Keys([]Want{{chart, c}})
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// Keys gives a key for each want, in their order, and creates those there are none of, all with one sync. At most
// MaxWants at once. A chart that is being erased at this moment may give ErrErased.
func (v *Vault) Keys(wants []Want) ([]*Key, error) {
	if len(wants) > MaxWants {
		return nil, fmt.Errorf("%w: %d keys at once, at most %d", ErrLimit, len(wants), MaxWants)
	}
	for _, w := range wants {
		if len(w.Chart) > MaxChart {
			return nil, fmt.Errorf("%w: a chart's name of %d bytes, at most %d", ErrLimit, len(w.Chart), MaxChart)
		}
		if !w.Compartment.Valid(w.Chart) {
			return nil, fmt.Errorf("%w: %s", ErrCompartment, w.Compartment)
		}
	}
	keys, missing, err := v.present(wants)
	if err != nil || len(missing) == 0 {
		return keys, err
	}
	if err := v.create(missing); err != nil {
		return nil, err
	}
	if keys, missing, err = v.present(wants); err == nil && len(missing) > 0 {
		err = ErrErased
	}
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// present gives the keys there are, and the wants there are none of.
func (v *Vault) present(wants []Want) (keys []*Key, missing []Want, err error) {
	keys = make([]*Key, len(wants))
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return nil, nil, ErrClosed
	}
	for i, w := range wants {
		if slot, ok := v.table.lookup(w.Chart, w.Compartment); ok {
			keys[i] = v.keyAt(slot)
		} else {
			missing = append(missing, w)
		}
	}
	return keys, missing, nil
}

// keyAt gives the key of a slot in use. The caller holds mu for reading at least.
func (v *Vault) keyAt(slot uint64) *Key {
	return v.cache.get(slot, func() *Key {
		r, _ := v.table.at(slot)
		return &Key{vault: v, slot: slot, cek: r.cek}
	})
}

// create joins the wants to those of other callers; whoever gets the write lock first creates them all.
func (v *Vault) create(wants []Want) error {
	v.mu.Lock()
	c := v.open
	if c == nil || len(c.wants)+len(wants) > MaxWants {
		c = new(creation) // a full one is left to those who wait for it
		v.open = c
	}
	c.wants = append(c.wants, wants...)
	v.mu.Unlock()

	v.write.Lock()
	defer v.write.Unlock()
	if c.done {
		return c.err
	}
	v.mu.Lock()
	if v.open == c {
		v.open = nil
	}
	v.mu.Unlock()
	c.done, c.err = true, v.createAll(c.wants)
	return c.err
}

// createAll gives each want that has no key yet the next slot. The caller holds write.
func (v *Vault) createAll(wants []Want) error {
	p := v.plan()
	taken, slot := make(map[Want]bool), v.table.next
	for _, w := range wants {
		if _, ok := v.table.lookup(w.Chart, w.Compartment); ok || taken[w] {
			continue
		}
		if slot >= MaxSlots {
			return fmt.Errorf("%w: all %d slots of the key store are used", ErrLimit, uint64(MaxSlots))
		}
		taken[w] = true
		p.slots[slot] = slotContent{compartment: w.Compartment, cek: newKey(), chart: w.Chart}
		p.touch(leafOf(slot))
		slot++
	}
	if len(p.slots) == 0 {
		return nil
	}
	return v.commit(p)
}

// Lookup gives the current key of a compartment if there is one.
func (v *Vault) Lookup(chart string, c Compartment) (*Key, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	slot, ok := v.table.lookup(chart, c)
	if !ok || v.closed {
		return nil, false
	}
	return v.keyAt(slot), true
}

// Slot gives the key with that number, and what it is for.
func (v *Vault) Slot(slot uint64) (k *Key, chart string, c Compartment, ok bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.table.at(slot)
	if !ok || v.closed {
		return nil, "", 0, false
	}
	return v.keyAt(slot), v.table.charts[r.chart].name, r.compartment, true
}

// Erased tells whether any key ever was.
func (v *Vault) Erased() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.table.erased
}

// Missing tells whether a number is of no key that is there or was erased. What was sealed under it names a key that was lost.
func (v *Vault) Missing(slot uint64) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.table.at(slot)
	return !v.closed && !ok && (r == nil || r.compartment != erasedSlot)
}

// Charts goes through the names of all charts that have a key, in no particular order, without the organisation itself.
// Charts created or erased meanwhile may be met or not. The loop's body may use the vault.
func (v *Vault) Charts() iter.Seq[string] {
	return func(yield func(string) bool) {
		const step = 256
		for from := 1; ; from += step {
			var names [step]string
			v.mu.RLock()
			end := len(v.table.charts)
			for i := from; i < min(from+step, end); i++ {
				names[i-from] = v.table.charts[i].name
			}
			v.mu.RUnlock()
			for _, name := range names {
				if name != "" && !yield(name) {
					return
				}
			}
			if from+step >= end {
				return
			}
		}
	}
}

// stillHolds tells whether a key may still be used.
func (v *Vault) stillHolds(k *Key) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.closed {
		return ErrClosed
	}
	if _, ok := v.table.at(k.slot); !ok {
		return ErrErased
	}
	return nil
}
