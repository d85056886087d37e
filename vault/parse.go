package vault

// ParseCompartment finds a compartment by its name, see String.
func ParseCompartment(name string) (Compartment, bool) {
	for c, n := range compartmentNames {
		if n == name {
			return c, true
		}
	}
	return 0, false
}

// Top tells whether the page holds the top secret: the one page without which no other opens.
func (p *SealedPage) Top() bool { return p.Level == topLevel }
