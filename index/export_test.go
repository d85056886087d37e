package index

// FewEnds makes searches gather what is at the other end of references only where it is so few.
func FewEnds(n int) (was int) {
	was, fewEnds = fewEnds, n
	return was
}
