package vault

import (
	"fmt"
	"testing"
)

// With this many charts a few share a hash; erasing every other one must keep the rest.
func TestTableWithManyCharts(t *testing.T) {
	const n = 250_000
	tab := newTable()
	for i := range n {
		tab.put(tab.next, slotContent{compartment: Log, chart: fmt.Sprint("Patient/", i)})
	}
	alike := 0
	for _, c := range tab.charts {
		if c.alike != 0 {
			alike++
		}
	}
	if alike == 0 {
		t.Error("no two charts share a hash: the test proves little")
	}
	for i := 0; i < n; i += 2 {
		tab.forget(fmt.Sprint("Patient/", i))
	}
	for i := range n {
		slot, ok := tab.lookup(fmt.Sprint("Patient/", i), Log)
		if ok != (i%2 == 1) || ok && slot != uint64(slotsPerLeaf+i) {
			t.Fatalf("chart %d: slot %d, %v", i, slot, ok)
		}
	}
	charts := len(tab.charts)
	for i := range n / 2 {
		tab.put(tab.next, slotContent{compartment: Log, chart: fmt.Sprint("New/", i)})
	}
	if len(tab.charts) != charts {
		t.Error("numbers of erased charts are not used again")
	}
}
