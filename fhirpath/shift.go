package fhirpath

import (
	"math"
	"time"
)

// shift moves a date or time by a duration (§6.7). Parts finer than its precision are not moved to.
func shift(t Temporal, q *Quantity) (Item, bool, string) {
	unit := q.Unit
	if !q.Calendar {
		if unit = calendarUnit(q.Unit); unit == "" {
			for name, code := range calendarUnits {
				if code == q.Unit && q.System == "" {
					unit = name
				}
			}
		}
	}
	if q.System != "" || unit == "" {
		return Item{}, false, "this unit is no duration that can be added to a date or time"
	}
	if t.Kind == TimeKind && (unit == "year" || unit == "month" || unit == "week" || unit == "day") {
		return Item{}, false, "this unit cannot be added to a time of day"
	}
	moved, ok := t.shifted(q.Value, unit)
	return temporalItem(moved), ok, ""
}

// seconds of the units that have as many always, in nanoseconds.
var nanoseconds = map[string]int64{
	"week": int64(7 * 24 * time.Hour), "day": int64(24 * time.Hour), "hour": int64(time.Hour), "minute": int64(time.Minute),
	"second": int64(time.Second), "millisecond": int64(time.Millisecond),
}

// unitPrecision is what a value must know to be moved by less than its own precision.
var unitPrecision = map[string]Precision{
	"year": Year, "month": Month, "week": Day, "day": Day, "hour": Hour, "minute": Minute, "second": Second, "millisecond": Second,
}

func (t Temporal) shifted(by Decimal, unit string) (Temporal, bool) {
	if unit != "second" && unit != "millisecond" {
		by = by.truncate() // decimals are ignored above seconds
	}
	if unit == "year" || unit == "month" {
		n, ok := by.Int()
		if !ok || n > 1e6 || n < -1e6 {
			return t, false
		}
		return t.addMonths(n * map[string]int64{"year": 12, "month": 1}[unit])
	}
	if t.Precision < unitPrecision[unit] { // a coarser value moves by whole units of its own: years of 365 days, months of 30
		return t.shiftedCoarse(by, unit)
	}
	ns, ok := by.mul(decimalOfInt(nanoseconds[unit]))
	n, ok2 := ns.truncate().Int()
	if !ok || !ok2 {
		return t, false
	}
	days := n / int64(24*time.Hour)
	m := t.time()
	if unit == "week" || unit == "day" {
		if days > 4e6 || days < -4e6 {
			return t, false
		}
		m = m.AddDate(0, 0, int(days))
	} else {
		m = m.Add(time.Duration(n))
	}
	if m.Year() < 1 || m.Year() > 9999 {
		if t.Kind != TimeKind {
			return t, false
		}
	}
	t.setTime(m)
	if t.Digits < 9 { // keep the written precision, unless the sum needs more
		for unit := int(math.Pow10(9 - t.Digits)); t.Precision == Second && t.Nanosecond%unit != 0; unit /= 10 {
			t.Digits++
		}
	}
	return t, true
}

// addMonths keeps the day, or takes the month's last one.
func (t Temporal) addMonths(n int64) (Temporal, bool) {
	if t.Precision == Year {
		n = n / 12 * 12
	}
	total := int64(t.Year)*12 + int64(max(t.Month, 1)-1) + n
	if total < 12 || total >= 12*10000 {
		return t, false
	}
	t.Year = int(total / 12)
	if t.Precision >= Month {
		t.Month = int(total%12) + 1
	}
	if t.Precision >= Day {
		t.Day = min(t.Day, daysIn(t.Year, t.Month))
	}
	return t, true
}

// shiftedCoarse moves a value that is less precise than the unit: by as many whole parts of its precision as the duration has (§6.7).
func (t Temporal) shiftedCoarse(by Decimal, unit string) (Temporal, bool) {
	part := map[Precision]int64{Year: 365 * int64(24*time.Hour), Month: 30 * int64(24*time.Hour), Day: int64(24 * time.Hour),
		Hour: int64(time.Hour), Minute: int64(time.Minute)}[t.Precision]
	ns, ok := by.mul(decimalOfInt(nanoseconds[unit]))
	if !ok {
		return t, false
	}
	whole, _, ok := ns.divMod(decimalOfInt(part))
	if !ok {
		return t, false
	}
	name := map[Precision]string{Year: "year", Month: "month", Day: "day", Hour: "hour", Minute: "minute"}[t.Precision]
	return t.shifted(whole, name)
}
