package search

import "time"

// Span is what a FHIR date, dateTime or instant stands for, in Unix milliseconds, both ends inclusive: "2020-05" is the whole of that May.
type Span struct{ Lo, Hi int64 }

// ParseDate reads YYYY, YYYY-MM, YYYY-MM-DD and YYYY-MM-DDThh:mm[:ss[.f…]][Z|±hh:mm]. Where no zone is given, UTC is meant.
func ParseDate(s string) (Span, bool) {
	d := dateScanner{s: s, ok: true}
	year, month, day := d.number(4, 0, 9999), 1, 1
	if s = d.s; s == "" {
		return d.span(year, 1, 1, 1, 0, 0)
	}
	d.literal('-')
	if month = d.number(2, 1, 12); d.s == "" {
		return d.span(year, month, 1, 0, 1, 0)
	}
	d.literal('-')
	if day = d.number(2, 1, 31); d.s == "" {
		return d.span(year, month, day, 0, 0, 1)
	}
	return d.clock(year, month, day)
}

// dateScanner reads a date from left to right; ok becomes false at the first thing that does not belong.
type dateScanner struct {
	s  string
	ok bool
}

func (d *dateScanner) number(digits, least, most int) (n int) {
	if len(d.s) < digits {
		d.s, d.ok = "", false
		return least
	}
	for _, c := range []byte(d.s[:digits]) {
		if c < '0' || c > '9' {
			d.ok = false
		}
		n = n*10 + int(c-'0')
	}
	d.s = d.s[digits:]
	if n < least || n > most {
		d.ok = false
	}
	return n
}

func (d *dateScanner) literal(c byte) { d.ok = d.take(c) && d.ok }

func (d *dateScanner) take(c byte) bool {
	if d.s == "" || d.s[0] != c {
		return false
	}
	d.s = d.s[1:]
	return true
}

// span is one of whole years, months or days.
func (d *dateScanner) span(year, month, day, years, months, days int) (Span, bool) {
	from := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !d.ok || from.Day() != day {
		return Span{}, false
	}
	return Span{from.UnixMilli(), from.AddDate(years, months, days).UnixMilli() - 1}, true
}

// clock reads from the "T" on.
func (d *dateScanner) clock(year, month, day int) (Span, bool) {
	d.literal('T')
	hour := d.number(2, 0, 23)
	d.literal(':')
	minute, second, millis, length := d.number(2, 0, 59), 0, 0, int64(60_000)
	if d.take(':') {
		second, length = d.number(2, 0, 60), 1000 // 60 is a leap second
		if d.take('.') {
			millis, length = d.fraction(), 1
		}
	}
	offset := d.zone()
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !d.ok || d.s != "" || midnight.Day() != day {
		return Span{}, false
	}
	lo := midnight.UnixMilli() + int64(hour*3600+minute*60+second)*1000 + int64(millis) - offset
	return Span{lo, lo + length - 1}, true
}

// fraction reads the digits after the point; those beyond milliseconds are passed over.
func (d *dateScanner) fraction() (millis int) {
	n := 0
	for ; n < len(d.s) && d.s[n] >= '0' && d.s[n] <= '9'; n++ {
		if n < 3 {
			millis = millis*10 + int(d.s[n]-'0')
		}
	}
	d.ok = d.ok && n > 0
	d.s = d.s[n:]
	for ; n < 3; n++ {
		millis *= 10
	}
	return millis
}

// zone reads the offset from UTC, in milliseconds.
func (d *dateScanner) zone() int64 {
	if d.s == "" || d.take('Z') {
		return 0
	}
	sign := int64(1)
	if !d.take('+') {
		sign = -1
		d.literal('-')
	}
	hours := d.number(2, 0, 14)
	d.literal(':')
	return sign * int64(hours*60+d.number(2, 0, 59)) * 60_000
}
