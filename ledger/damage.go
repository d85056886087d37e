package ledger

import "fmt"

// Damage is something on disk that is not what it must be. It is an error, so that whoever meets one while working can
// return it, and a finding, so that Audit can list all there are.
type Damage struct {
	What   string `json:"what"`             // what is damaged, e.g. "plan 17"
	File   string `json:"file,omitempty"`   // the file that holds it; empty when it is missing altogether
	Detail string `json:"detail,omitempty"` // what was found, and what was expected
}

// Error says what is damaged, where, and how.
func (d *Damage) Error() string {
	if d.File == "" {
		return fmt.Sprintf("ledger: %s: %s", d.What, d.Detail)
	}
	return fmt.Sprintf("ledger: %s is damaged in %s: %s", d.What, d.File, d.Detail)
}
