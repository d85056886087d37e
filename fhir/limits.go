package fhir

import (
	"time"

	"github.com/sijil-health/sijil/record"
)

// Limits bound what one request, and all of them together, may take. A zero field stands for the one of DefaultLimits.
type Limits struct {
	Resource int   // bytes of a single resource
	Bundle   int   // bytes of a Bundle; one that is stored as a resource has at most record.MaxSource
	Import   int64 // bytes of the lines of one import that are sent as a body, compressed and not
	Entries  int   // entries of a transaction or batch
	Deletes  int   // resources that one conditional delete may delete, where it names no number itself
	Depth    int   // of arrays and objects within one another
	Bodies   int64 // bytes of request bodies and answers held at once; a request beyond waits
	Requests int   // requests served at once, until they are answered; one beyond waits

	Admission time.Duration // how long a request waits for its turn before 503
	Ack       time.Duration // how long a write waits for its block before it is answered as journalled
	Receipt   time.Duration // how long a receipt waits for its block before 503
	Idle      time.Duration // how long nothing of a body may come before 408
}

// DefaultLimits suit a small machine: with the node lists of what is being parsed, and what answers are made of, about three times Bodies is taken.
var DefaultLimits = Limits{
	Resource:  4 << 20,
	Bundle:    32 << 20,
	Import:    64 << 30,
	Entries:   10_000,
	Deletes:   1,
	Depth:     64,
	Bodies:    64 << 20,
	Requests:  512,
	Admission: 5 * time.Second,
	Ack:       2 * time.Second,
	Receipt:   30 * time.Second,
	Idle:      5 * time.Second,
}

// Fixed limits of a request.
const (
	MaxDetail = 2048 // bytes of Access.Detail
	maxQuery  = 16 << 10

	defaultCount = 50
	maxCount     = 1000

	maxTerms      = 1 << 16 // by which one resource is found; each search that is not sure of it looks at all of them
	bundleNodes   = 1 << 21 // JSON values in one Bundle
	resourceNodes = 1 << 19
)

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	setDefault(&l.Resource, d.Resource)
	setDefault(&l.Bundle, d.Bundle)
	setDefault(&l.Import, d.Import)
	setDefault(&l.Entries, d.Entries)
	setDefault(&l.Deletes, d.Deletes)
	setDefault(&l.Depth, d.Depth)
	setDefault(&l.Bodies, max(d.Bodies, int64(l.Bundle)))
	setDefault(&l.Requests, d.Requests)
	setDefault(&l.Admission, d.Admission)
	setDefault(&l.Ack, d.Ack)
	setDefault(&l.Receipt, d.Receipt)
	setDefault(&l.Idle, d.Idle)
	return l
}

// of gives the bytes that a resource of a type may have to be stored, alone or in a transaction or batch.
func (l Limits) of(typ string) int {
	if typ == "Bundle" {
		return min(l.Bundle, record.MaxSource)
	}
	return l.Resource
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
