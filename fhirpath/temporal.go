package fhirpath

import (
	"strconv"
	"time"
)

// Temporal is a date, a date with a time, or a time of day, as precisely as it was written.
type Temporal struct {
	Kind       Kind // Date, DateTime or Time
	Precision  Precision
	Year       int
	Month, Day int
	Hour       int
	Minute     int
	Second     int
	Nanosecond int
	Digits     int  // of the fraction of the second
	Zoned      bool // a time zone is known
	Offset     int  // in minutes east of UTC
}

// Precision is the smallest part of a date or time that is known.
type Precision uint8

// The precisions. A fraction of a second is part of the second.
const (
	Year Precision = iota + 1
	Month
	Day
	Hour
	Minute
	Second
)

func (t *Temporal) valid() bool {
	if t.Kind != TimeKind {
		if t.Year == 0 || t.Precision >= Month && (t.Month < 1 || t.Month > 12) {
			return false
		}
		if t.Precision >= Day && (t.Day < 1 || t.Day > daysIn(t.Year, t.Month)) {
			return false
		}
	}
	return t.Hour < 24 && t.Minute < 60 && t.Second < 60 || t.Second == 60 && t.Minute == 59 // a leap second
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// String writes the value as FHIR does, without the @ of literals.
func (t Temporal) String() string { return string(t.Append(nil)) }

// Append adds String to b.
func (t Temporal) Append(b []byte) []byte {
	if t.Kind != TimeKind {
		b = pad(b, t.Year, 4)
		if t.Precision >= Month {
			b = pad(append(b, '-'), t.Month, 2)
		}
		if t.Precision >= Day {
			b = pad(append(b, '-'), t.Day, 2)
		}
		if t.Precision < Hour {
			return b
		}
		b = append(b, 'T')
	}
	b = pad(b, t.Hour, 2)
	if t.Precision >= Minute {
		b = pad(append(b, ':'), t.Minute, 2)
	}
	if t.Precision >= Second {
		b = pad(append(b, ':'), t.Second, 2)
		if t.Digits > 0 {
			b = append(b, '.')
			b = append(b, pad(nil, t.Nanosecond, 9)[:t.Digits]...)
		}
	}
	if !t.Zoned {
		return b
	}
	if t.Offset == 0 {
		return append(b, 'Z')
	}
	sign, offset := byte('+'), t.Offset
	if offset < 0 {
		sign, offset = '-', -offset
	}
	b = pad(append(b, sign), offset/60, 2)
	return pad(append(b, ':'), offset%60, 2)
}

func pad(b []byte, n, width int) []byte {
	s := strconv.Itoa(n)
	for i := len(s); i < width; i++ {
		b = append(b, '0')
	}
	return append(b, s...)
}

// time gives the moment at which the value begins; its date is 1 January 1 for a time of day.
func (t *Temporal) time() time.Time {
	year, month, day := t.Year, max(t.Month, 1), max(t.Day, 1)
	if t.Kind == TimeKind {
		year = 1
	}
	return time.Date(year, time.Month(month), day, t.Hour, t.Minute, t.Second, t.Nanosecond, time.FixedZone("", t.Offset*60))
}

// setTime takes the parts over that t has by its precision.
func (t *Temporal) setTime(m time.Time) {
	t.Year, t.Month, t.Day = m.Year(), int(m.Month()), m.Day()
	t.Hour, t.Minute, t.Second, t.Nanosecond = m.Hour(), m.Minute(), m.Second(), m.Nanosecond()
	t.cut(t.Precision)
	if t.Kind == TimeKind {
		t.Year, t.Month, t.Day = 0, 0, 0
	}
}

// cut forgets what is finer than a precision.
func (t *Temporal) cut(p Precision) {
	parts := [...]*int{&t.Month, &t.Day, &t.Hour, &t.Minute, &t.Second}
	for i, part := range parts {
		if Precision(i+2) > p {
			*part = 0
		}
	}
	if p < Second {
		t.Nanosecond, t.Digits = 0, 0
	}
	if p < Hour {
		t.Zoned, t.Offset = false, 0
	}
	t.Precision = p
}

// order says how two values compare. ok is false where that cannot be known: they are the same as far as both are precise, and one is
// more precise; or one has a time zone and the other has none.
func (t Temporal) order(u Temporal) (cmp int, ok bool) {
	if (t.Kind == TimeKind) != (u.Kind == TimeKind) {
		return 0, false
	}
	if t.Kind != TimeKind && t.Zoned != u.Zoned && t.Precision >= Hour && u.Precision >= Hour {
		return 0, false
	}
	if t.Zoned && u.Zoned && t.Offset != u.Offset {
		t.toUTC()
		u.toUTC()
	}
	a := [...]int{t.Year, t.Month, t.Day, t.Hour, t.Minute, t.Second}
	b := [...]int{u.Year, u.Month, u.Day, u.Hour, u.Minute, u.Second}
	for i := range a {
		p := Precision(i + 1)
		if p > t.Precision || p > u.Precision {
			return 0, t.Precision == u.Precision
		}
		if a[i] != b[i] {
			return sign(a[i] - b[i]), true
		}
	}
	return sign(t.Nanosecond - u.Nanosecond), true
}

func (t *Temporal) toUTC() {
	if t.Precision >= Hour {
		t.setTime(t.time().UTC())
		t.Offset = 0
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
