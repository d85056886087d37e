package search

// systemOf gives the one code system that a value set draws its codes from; "" where there are several, or none is known.
func systemOf(valueSet string) string { return "" }
