package match

import (
	"fmt"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
)

// date is a birth date; month and day are 0 where they are not known.
type date struct{ year, month, day int }

// dateOf reads a date, in the digits of any script; the zero date for none.
func dateOf(s string) (d date) {
	s = search.Fold(s)
	var n int
	switch len(s) {
	case 4:
		n, _ = fmt.Sscanf(s, "%4d", &d.year)
	case 7:
		n, _ = fmt.Sscanf(s, "%4d-%2d", &d.year, &d.month)
	case 10:
		n, _ = fmt.Sscanf(s, "%4d-%2d-%2d", &d.year, &d.month, &d.day)
	}
	if n == 0 || n != len(s)/3 || d.year < 1 || d.month > 12 || d.day > 31 {
		return date{}
	}
	return d
}

func (d date) full() bool { return d.day > 0 }

// agreement says how two dates go together.
type agreement int

const (
	unknownDate agreement = iota // one is not known
	sameDate
	partDate    // as far as both are known
	swappedDate // day and month have changed places
	slippedDate // one digit differs, or two neighbours have changed places
	otherDate
)

func (d date) agrees(o date) agreement {
	switch {
	case d.year == 0 || o.year == 0:
		return unknownDate
	case d == o && d.full():
		return sameDate
	case !d.full() || !o.full():
		if d.year == o.year && (d.month == o.month || d.month == 0 || o.month == 0) {
			return partDate
		}
		return otherDate
	case d.year == o.year && d.month == o.day && d.day == o.month:
		return swappedDate
	case slipped(d.digits(), o.digits()):
		return slippedDate
	}
	return otherDate
}

func (d date) digits() string { return fmt.Sprintf("%04d%02d%02d", d.year, d.month, d.day) }

// slipped tells whether two dates differ in one digit, in two, or in two neighbours that have changed places.
func slipped(a, b string) bool {
	var at []int
	for i := range a {
		if a[i] != b[i] {
			at = append(at, i)
		}
	}
	return len(at) == 1 || len(at) == 2 && at[1] == at[0]+1 && a[at[0]] == b[at[1]] && a[at[1]] == b[at[0]]
}

// variants are the dates that a slip may have made of a full date, itself first.
func (d date) variants() (list []date) {
	seen := map[date]bool{}
	add := func(v date) {
		t := time.Date(v.year, time.Month(v.month), v.day, 0, 0, 0, 0, time.UTC)
		if !seen[v] && v.year > 0 && v.month > 0 && v.day > 0 && t.Day() == v.day && int(t.Month()) == v.month && t.Year() == v.year {
			seen[v] = true
			list = append(list, v)
		}
	}
	add(d)
	add(date{d.year, d.day, d.month})
	digits := d.digits()
	for i := range digits {
		for c := byte('0'); c <= '9'; c++ {
			if i >= 2 || i == 1 && (c == '9' || c == '0') || i == 0 && (c == '1' || c == '2') { // no centuries that nobody was born in
				add(digitsOf(digits[:i] + string(c) + digits[i+1:]))
			}
		}
		if i > 0 {
			add(digitsOf(digits[:i-1] + string(digits[i]) + string(digits[i-1]) + digits[i+1:]))
		}
	}
	return list
}

func digitsOf(s string) (d date) {
	_, _ = fmt.Sscanf(s, "%4d%2d%2d", &d.year, &d.month, &d.day)
	return d
}

// span gives the milliseconds of a day, month or year, both inclusive.
func (d date) span() (from, to int64) {
	start := time.Date(d.year, time.Month(max(d.month, 1)), max(d.day, 1), 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 0, 1)
	switch {
	case d.month == 0:
		end = start.AddDate(1, 0, 0)
	case d.day == 0:
		end = start.AddDate(0, 1, 0)
	}
	return start.UnixMilli(), end.UnixMilli() - 1
}
