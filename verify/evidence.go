package verify

// party is somebody whose key a proof rests on: a member organisation or a witness.
type party struct {
	id    string // of an organisation, its identifier; of a witness, its verifier key
	label string // for people
}

// evidence collects whose keys a receipt rests on.
//
// A key is worth something only as far as the reader knows whose it is. Members that the trust file lists, and its
// witnesses, are known. Members that only the receipt introduces are hearsay: whoever could sign the beginning of their
// epoch could also have made them up. So a receipt rests on known ∪ hearsay, or on known ∪ those who vouched for the
// hearsay, whichever is fewer. That is why a founder alone cannot rewrite its ledger with four members of its own making
// and call it the word of four.
type evidence struct {
	known, hearsay []party
	vouched        []party
}

func (e *evidence) addKnown(p party) { e.known = include(e.known, p) }

func (e *evidence) addHearsay(p party, vouched []party) {
	e.hearsay = include(e.hearsay, p)
	if e.vouched == nil || len(vouched) < len(e.vouched) {
		e.vouched = vouched
	}
}

// keys gives the parties the receipt rests on, in the order they were found.
func (e *evidence) keys() []party {
	if len(e.hearsay) == 0 {
		return e.known
	}
	direct, through := union(e.known, e.hearsay), union(e.known, e.vouched)
	if len(through) < len(direct) {
		return through
	}
	return direct
}

func union(a, b []party) []party {
	out := append([]party(nil), a...)
	for _, p := range b {
		out = include(out, p)
	}
	return out
}

func include(list []party, p party) []party {
	for _, q := range list {
		if q.id == p.id {
			return list
		}
	}
	return append(list, p)
}
