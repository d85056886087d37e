package terminology

// Verdict is an answer of three values. They are ordered, so that min is "and", max is "or".
type Verdict uint8

// The verdicts.
const (
	No        Verdict = iota
	Undecided         // the content that it depends on is not known here
	Yes
)

func (v Verdict) String() string { return [...]string{"no", "undecided", "yes"}[v] }

// not turns a verdict round.
func (v Verdict) not() Verdict { return Yes - v }

func verdict(yes bool) Verdict {
	if yes {
		return Yes
	}
	return No
}
