package search

import (
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

func takeDate(x *extraction, l *leaf, v tape.Value) {
	if at, ok := ParseDate(x.text(v)); ok {
		x.add(l, term.Term{Lo: at.Lo, Hi: at.Hi})
	}
}

func takePeriod(x *extraction, l *leaf, v tape.Value) {
	start, started := ParseDate(x.text(v.Get("start")))
	end, ended := ParseDate(x.text(v.Get("end")))
	if !started {
		start.Lo = term.Past
	}
	if !ended {
		end.Hi = term.Future
	}
	if (started || ended) && start.Lo <= end.Hi {
		x.add(l, term.Term{Lo: start.Lo, Hi: end.Hi})
	}
}

// takeTiming adds the outer bounds of a Timing (FHIR R4, 3.1.1.4.7): of its events, or of the period in which it repeats.
func takeTiming(x *extraction, l *leaf, v tape.Value) {
	outer := Span{term.Future, term.Past}
	for e := v.Get("event").First(); e.Exists(); e = e.Next() {
		if at, ok := ParseDate(x.text(e)); ok {
			outer = Span{min(outer.Lo, at.Lo), max(outer.Hi, at.Hi)}
		}
	}
	if outer.Lo <= outer.Hi {
		x.add(l, term.Term{Lo: outer.Lo, Hi: outer.Hi})
	} else if bounds := v.Get("repeat").Get("boundsPeriod"); bounds.Kind() == tape.Object {
		takePeriod(x, l, bounds)
	}
}
