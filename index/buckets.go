package index

import (
	"encoding/binary"

	"github.com/sijil-health/sijil/index/term"
)

// An ordered value stands on an axis, and lies in one bucket of each of seven levels, each 16 times as wide as the one below. A range is a union of
// whole buckets, at most 15 at either end of each level, and of the two narrowest that its ends lie in, where documents must be looked at.
type axis [7]uint // how many low bits of a value lie within a bucket, narrowest level first

var (
	// times are milliseconds from the year -2490 on: the levels are 35 minutes, 9 hours, 6 days, 99 days, 4 years, 70 years, 1,115 years.
	times = axis{21, 25, 29, 33, 37, 41, 45}
	// numbers are floating-point numbers in their order: the narrowest level tells values apart that differ by one in 16,000.
	numbers = axis{38, 42, 46, 50, 54, 58, 62}
)

const (
	firstTime = -1 << 47
	lastTime  = 1<<48 - 1
)

// onTimes gives the place of a time; open ends and what is far away stand at the axis's ends.
func onTimes(ms int64) uint64 { return uint64(min(max(ms, firstTime), lastTime) - firstTime) }

const endOfTimes = uint64(lastTime - firstTime)

func onNumbers(f float64) uint64 { return term.OrderedFloat(f) }

// bucket names one bucket of a level; as bytes, behind the letter of the end it is for: see ends.
func bucket(end byte, level int, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{end, byte(level)}, n)
}

// The ends of a range that a bucket may hold.
const (
	bothEnds = 'B'
	lowEnd   = 'L'
	highEnd  = 'H'
)

// of calls fn with the buckets that a range lies in by its ends.
func (a *axis) of(low, high uint64, fn func(end byte, level int, n uint64)) {
	for level, shift := range a {
		l, h := low>>shift, high>>shift
		if l == h {
			fn(bothEnds, level, l)
			continue
		}
		fn(lowEnd, level, l)
		fn(highEnd, level, h)
	}
}

// stretch is a part of an axis. The first and the last place stand for all that lies beyond, too: only where the stretch is open there does it hold
// them whole.
type stretch struct {
	from, to          uint64
	openLow, openHigh bool
}

// cover calls whole with buckets that lie within a stretch, which together are all of it but for what part is called with: those of the narrowest
// level in which it begins and ends. end is the axis's last place.
func (a *axis) cover(s stretch, end uint64, whole, part func(level int, n uint64)) {
	shift := a[0]
	l, h := s.from>>shift, s.to>>shift
	openLow := s.openLow || s.from > 0 && l<<shift == s.from
	openHigh := s.openHigh || s.to < end && h<<shift|(1<<shift-1) == s.to
	if l == h && !(openLow && openHigh) {
		part(0, l)
		return
	}
	if !openLow {
		part(0, l)
		l++
	}
	if !openHigh {
		part(0, h)
		if h == 0 {
			return
		}
		h--
	}
	for level := 0; l <= h; level++ {
		if level == len(a)-1 {
			for ; l <= h; l++ {
				whole(level, l)
			}
			return
		}
		last := h == end>>a[level] // nothing lies beyond: the wider bucket is whole, too
		fan := uint64(1)<<(a[level+1]-a[level]) - 1
		for ; l <= h && l&fan != 0; l++ {
			whole(level, l)
		}
		for ; l <= h && h&fan != fan && !last; h-- {
			whole(level, h)
			if h == 0 {
				return
			}
		}
		if l > h {
			return
		}
		l >>= a[level+1] - a[level]
		h >>= a[level+1] - a[level]
	}
}
