package fhirpath

// parseTemporalLiteral reads what stands after @ in an expression.
func parseTemporalLiteral(s string) (Temporal, bool) {
	if s[0] == 'T' {
		return parseTime(s[1:])
	}
	for i := range len(s) {
		if s[i] == 'T' {
			return parseDateTime(s)
		}
	}
	return parseDate(s)
}

// cursor reads digits.
type cursor[T string | []byte] struct {
	s  T
	i  int
	ok bool
}

func (c *cursor[T]) number(digits int) (n int) {
	if c.i+digits > len(c.s) {
		c.ok = false
		return 0
	}
	for range digits {
		d := c.s[c.i]
		if !isDigit(d) {
			c.ok = false
			return 0
		}
		n = n*10 + int(d-'0')
		c.i++
	}
	return n
}

func (c *cursor[T]) skip(b byte) bool {
	if c.i < len(c.s) && c.s[c.i] == b {
		c.i++
		return true
	}
	return false
}

func (c *cursor[T]) done() bool { return c.i == len(c.s) }

func (c *cursor[T]) date(t *Temporal) {
	t.Year, t.Precision = c.number(4), Year
	if c.skip('-') {
		t.Month, t.Precision = c.number(2), Month
		if c.skip('-') {
			t.Day, t.Precision = c.number(2), Day
		}
	}
}

func (c *cursor[T]) time(t *Temporal) {
	t.Hour, t.Precision = c.number(2), Hour
	if !c.skip(':') {
		return
	}
	t.Minute, t.Precision = c.number(2), Minute
	if !c.skip(':') {
		return
	}
	t.Second, t.Precision = c.number(2), Second
	if !c.skip('.') {
		return
	}
	for unit := 100_000_000; !c.done() && isDigit(c.s[c.i]); unit /= 10 {
		t.Nanosecond += int(c.s[c.i]-'0') * unit
		t.Digits = min(t.Digits+1, 9) // finer than anything that is measured
		c.i++
	}
	c.ok = c.ok && t.Digits > 0
}

func (c *cursor[T]) zone(t *Temporal) {
	switch {
	case c.skip('Z'):
		t.Zoned = true
	case c.skip('+'):
		t.Zoned, t.Offset = true, c.offset()
	case c.skip('-'):
		t.Zoned, t.Offset = true, -c.offset()
	}
}

func (c *cursor[T]) offset() int {
	hours := c.number(2)
	if !c.skip(':') {
		c.ok = false
	}
	minutes := c.number(2)
	c.ok = c.ok && hours <= 14 && minutes < 60
	return hours*60 + minutes
}

func parseDate[T string | []byte](s T) (Temporal, bool) {
	c, t := cursor[T]{s: s, ok: true}, Temporal{Kind: DateKind}
	c.date(&t)
	return t, c.ok && c.done() && t.valid()
}

// parseDateTime reads a date with or without a time; a T may stand at the end, as in literals.
func parseDateTime[T string | []byte](s T) (Temporal, bool) {
	c, t := cursor[T]{s: s, ok: true}, Temporal{Kind: DateTimeKind}
	c.date(&t)
	if c.skip('T') && !c.done() {
		c.ok = c.ok && t.Precision == Day
		c.time(&t)
		c.zone(&t)
	}
	return t, c.ok && c.done() && t.valid()
}

func parseTime[T string | []byte](s T) (Temporal, bool) {
	c, t := cursor[T]{s: s, ok: true}, Temporal{Kind: TimeKind}
	c.time(&t)
	return t, c.ok && c.done() && t.valid()
}
