package vault

import "fmt"

// Compartment is a part of a chart with a key of its own, so that it can be granted, withheld and erased by itself. The
// numbers are part of the key store's format and never change their meaning.
type Compartment uint8

// Compartments of a chart; the organisation itself (chart "") has them too, for what concerns no patient.
const (
	Log         Compartment = 1 // the entries: who did what to the chart, when and why
	General     Compartment = 2
	Labs        Compartment = 3
	Imaging     Compartment = 4
	Medications Compartment = 5
	Mental      Compartment = 6
	Sexual      Compartment = 7 // sexual and reproductive health
	Genomic     Compartment = 8
)

// Compartments of the organisation only.
const (
	Audit  Compartment = 64 // manifests of batches
	Index  Compartment = 65 // the search index and its files
	Guide  Compartment = 66 // Vault.Guide; made by Create
	Backup Compartment = 67
)

const erasedSlot = 0xff // in a page, where a compartment's number would stand

var compartmentNames = map[Compartment]string{
	Log: "log", General: "general", Labs: "labs", Imaging: "imaging", Medications: "medications",
	Mental: "mental", Sexual: "sexual", Genomic: "genomic",
	Audit: "audit", Index: "index", Guide: "guide", Backup: "backup",
}

// String gives the compartment's name as configuration and reports write it.
func (c Compartment) String() string {
	if name, ok := compartmentNames[c]; ok {
		return name
	}
	return fmt.Sprintf("compartment-%d", uint8(c))
}

// Clinical tells whether resources are sealed under the compartment.
func (c Compartment) Clinical() bool { return c >= General && c <= Genomic }

// Valid tells whether a chart of that name can have the compartment.
func (c Compartment) Valid(chart string) bool {
	_, known := compartmentNames[c]
	return known && (c < Audit || chart == "")
}
