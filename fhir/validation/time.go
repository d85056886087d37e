package validation

// scan reads a date or time from left to right; bad is set at the first thing that does not belong.
type scan struct {
	b   []byte
	bad bool
}

func isDate(b []byte) bool {
	s := scan{b: b}
	s.date()
	return s.done()
}

func isDateTime(b []byte) bool {
	s := scan{b: b}
	if s.date() && s.more() {
		s.clock()
		s.zone()
	}
	return s.done()
}

func isInstant(b []byte) bool {
	s := scan{b: b}
	if !s.date() {
		return false
	}
	s.clock()
	s.zone()
	return s.done()
}

func isTime(b []byte) bool {
	s := scan{b: b}
	s.time()
	return s.done()
}

func (s *scan) more() bool { return len(s.b) > 0 && !s.bad }
func (s *scan) done() bool { return len(s.b) == 0 && !s.bad }

// date reads a date and tells whether it goes as far as the day.
func (s *scan) date() (whole bool) {
	year := s.number(4, 1, 9999)
	if !s.more() {
		return false
	}
	s.literal('-')
	month := s.number(2, 1, 12)
	if !s.more() {
		return false
	}
	s.literal('-')
	s.number(2, 1, days(year, month))
	return !s.bad
}

func days(year, month int) int {
	switch {
	case month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

func (s *scan) clock() {
	s.literal('T')
	s.time()
}

func (s *scan) time() {
	s.number(2, 0, 23)
	s.literal(':')
	s.number(2, 0, 59)
	s.literal(':')
	s.number(2, 0, 60) // 60 is a leap second
	if s.more() && s.b[0] == '.' {
		s.b = s.b[1:]
		s.number(1, 0, 9)
		for s.more() && isDigit(s.b[0]) {
			s.b = s.b[1:]
		}
	}
}

func (s *scan) zone() {
	if s.more() && s.b[0] == 'Z' {
		s.b = s.b[1:]
		return
	}
	if s.more() && s.b[0] == '-' {
		s.literal('-')
	} else {
		s.literal('+')
	}
	hour := s.number(2, 0, 14)
	s.literal(':')
	if minute := s.number(2, 0, 59); hour == 14 && minute > 0 {
		s.bad = true
	}
}

func (s *scan) literal(c byte) {
	if !s.more() || s.b[0] != c {
		s.bad = true
		return
	}
	s.b = s.b[1:]
}

func (s *scan) number(digits, least, most int) (n int) {
	if len(s.b) < digits {
		s.bad = true
		return least
	}
	for _, c := range s.b[:digits] {
		if !isDigit(c) {
			s.bad = true
			return least
		}
		n = n*10 + int(c-'0')
	}
	s.b = s.b[digits:]
	if n < least || n > most {
		s.bad = true
	}
	return n
}
