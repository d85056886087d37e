package fhirpath

// The syntax tree. Each part knows the offset where it stands in the expression.
type (
	// expr is any of the types below.
	expr interface{ offset() int }

	place int

	literal struct {
		place
		item Item
	}
	emptySet struct{ place }
	special  struct { // $this, $index, $total
		place
		name string
	}
	external struct { // %name
		place
		name string
	}
	member struct { // on.name; on is nil at the beginning of a path
		place
		on   expr
		name string
	}
	invocation struct { // on.name(args)
		place
		on   expr
		name string
		args []expr
	}
	indexer struct { // on[index]
		place
		on, index expr
	}
	unary struct { // + or -
		place
		op string
		x  expr
	}
	binary struct {
		place
		op          string
		left, right expr
	}
	typeTest struct { // x is T, x as T
		place
		op   string
		x    expr
		name typeName
	}
)

func (p place) offset() int { return int(p) }

// typeName is a type as it is written: namespace may be "".
type typeName struct{ namespace, name string }
