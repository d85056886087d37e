package match

import "math"

// Grade is a code of http://terminology.hl7.org/CodeSystem/match-grade.
type Grade string

// The grades.
const (
	Certain      Grade = "certain"
	Probable     Grade = "probable"
	Possible     Grade = "possible"
	CertainlyNot Grade = "certainly-not"
)

// Result is what comes of a comparison.
type Result struct {
	Grade Grade
	Score float64 // 0 to 1, three decimals
}

// Weights, in points. A name has those of names.go; documentation lists all.
const (
	identifierSame    = 9.0
	identifierDiffers = -3.0 // another value of the same system
	birthSame         = 6.0
	birthPart         = 2.0
	birthSwapped      = 4.0
	birthSlipped      = 3.0
	birthDiffers      = -6.0
	genderSame        = 0.5
	genderDiffers     = -4.0
	telecomSame       = 3.0
	addressSame       = 2.0 // the line, or the postal code and the city
	citySame          = 0.5
)

// Points from which a grade is given.
const (
	certainFrom  = 12.0
	probableFrom = 9.5
	possibleFrom = 6.0
)

// Compare says whether two are one.
func Compare(a, b *Person) Result {
	e := gather(a, b)
	grade := CertainlyNot
	switch {
	case e.points >= certainFrom && e.certain():
		grade = Certain
	case e.points >= probableFrom && !e.name.other && e.birth != otherDate:
		grade = Probable
	case e.points >= possibleFrom:
		grade = Possible
	}
	return Result{grade, math.Round(1000/(1+math.Exp((possibleFrom+2-e.points)/2))) / 1000}
}

// evidence is all that speaks for and against.
type evidence struct {
	points     float64
	name       naming
	named      bool
	birth      agreement
	identified bool // an identifier is the same
	other      bool // another identifier of the same system
	gender     bool // differs
	beside     bool // a number or an address is the same
}

func gather(a, b *Person) (e evidence) {
	e.name, e.named = compareNames(a, b)
	e.points = e.name.points
	e.birth = a.birth.agrees(b.birth)
	e.points += [...]float64{sameDate: birthSame, partDate: birthPart, swappedDate: birthSwapped, slippedDate: birthSlipped, otherDate: birthDiffers}[e.birth]
	if a.gender != "" && b.gender != "" {
		if e.gender = a.gender != b.gender; e.gender {
			e.points += genderDiffers
		} else {
			e.points += genderSame
		}
	}
	e.identify(a, b)
	if shares(a.telecoms, b.telecoms) {
		e.points, e.beside = e.points+telecomSame, true
	}
	e.live(a, b)
	return e
}

// identify compares identifiers. Two without a system are compared as if they had the same.
func (e *evidence) identify(a, b *Person) {
	for _, x := range a.identifiers {
		for _, y := range b.identifiers {
			if x.system != y.system && x.system != "" && y.system != "" {
				continue
			}
			if x.value == y.value {
				e.identified = true
			} else if x.system == y.system && x.system != "" {
				e.other = true
			}
		}
	}
	if e.identified {
		e.points, e.other = e.points+identifierSame, false
	} else if e.other {
		e.points += identifierDiffers
	}
}

// live compares addresses.
func (e *evidence) live(a, b *Person) {
	best := 0.0
	for _, x := range a.addresses {
		for _, y := range b.addresses {
			city := x.city != "" && x.city == y.city
			switch {
			case x.line != "" && x.line == y.line, city && x.postal != "" && x.postal == y.postal:
				best = addressSame
			case city:
				best = max(best, citySame)
			}
		}
	}
	e.points, e.beside = e.points+best, e.beside || best == addressSame
}

// certain tells whether nothing contradicts, and more than a name and a birth date agrees: an identifier, three words of the name, or a number
// or an address. Twins have different first names.
func (e *evidence) certain() bool {
	if e.name.other || e.name.weak || e.name.differs > 0 || e.gender || e.other || e.birth == otherDate || !e.named {
		return false
	}
	if e.identified {
		return e.name.words >= 1 && e.birth != unknownDate
	}
	return e.birth == sameDate && (e.name.words >= 3 || e.name.words == 2 && e.beside)
}

func shares(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
