package vault

import "fmt"

// EraseChart destroys every key of a chart. When it returns nil, nothing in the directory opens any of them, old
// versions of its files and the root key included. Erasing a chart without keys does nothing, so that an erasure can be
// repeated after a crash.
//
// What is to be sealed under the chart's keys at the same moment may be sealed and never opened again: the caller keeps
// writers out.
func (v *Vault) EraseChart(chart string) error {
	if chart == "" {
		return fmt.Errorf("%w: the organisation's own keys are not erased", ErrCompartment)
	}
	v.write.Lock()
	defer v.write.Unlock()
	if err := v.writable(); err != nil {
		return err
	}
	slots := v.table.slotsOf(chart)
	if len(slots) == 0 {
		return nil
	}
	p := v.plan()
	p.forgets = chart
	for _, slot := range slots {
		p.slots[slot] = slotContent{compartment: erasedSlot}
		p.rekey(leafOf(slot))
	}
	if err := v.commit(p); err != nil {
		return err
	}
	v.cache.drop(slots)
	v.erasures.Add(1)
	return nil
}
