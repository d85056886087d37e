package fhirpath

// treeFunctions are those of FHIRPath N1, §5.8.
var treeFunctions = map[string]*function{
	"children": {result: inAnyOrder, eval: func(r *Run, _ *call, in span) error {
		for i := in.from; i < in.to; i++ {
			r.children(r.stack[i])
			if err := r.spend(1); err != nil {
				return err
			}
		}
		return nil
	}},
	"descendants": {result: inAnyOrder, eval: descendants},
}

func inAnyOrder(static, []static) static { return static{any: true, unordered: true} }

// descendants adds the children of the input, then those of each item that was added: level by level.
func descendants(r *Run, _ *call, in span) error {
	for from := in; from.len() > 0; {
		added := r.top()
		for i := from.from; i < from.to; i++ {
			r.children(r.stack[i])
			if err := r.spend(1); err != nil {
				return err
			}
		}
		from = span{added, r.top()}
	}
	return nil
}
