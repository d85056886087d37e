package main

import (
	"fmt"
	"strconv"
	"strings"
)

// figure is one line of the table.
type figure struct {
	Name  string  `json:"name"`
	Nodes int     `json:"nodes,omitempty"` // 0: of the machine
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  float64 `json:"goal,omitempty"`
	Less  bool    `json:"less_is_better,omitempty"`
	Met   *bool   `json:"met,omitempty"` // nil without a goal
	// Beside is what the figure is compared with, a limit or a peer measured in the same run, and Ratio the figure divided by it.
	Beside string  `json:"beside,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"`
	Note   string  `json:"note,omitempty"` // what else there is to say
}

// most gives the figure a goal that it may not exceed, least one that it shall reach.
func (f figure) most(goal float64) figure  { f.Goal, f.Less = goal, true; return f }
func (f figure) least(goal float64) figure { f.Goal, f.Less = goal, false; return f }

// beside compares the figure with another one; with 0, one that was not measured in this run, it does not.
func (f figure) beside(name string, value float64) figure {
	if value > 0 {
		f.Beside, f.Ratio = name, f.Value/value
	}
	return f
}

// add puts a figure into the table and, for people, prints it at once.
func (b *bench) add(f figure) {
	if f.Goal > 0 {
		met := f.Less == (f.Value <= f.Goal) || f.Value == f.Goal
		f.Met = &met
	}
	if f.Beside == "" {
		f = f.beside(fmt.Sprintf("the peer (%s)", number(b.peer[f.Name])), b.peer[f.Name])
	}
	b.figures = append(b.figures, f)
	if !b.asJSON {
		fmt.Fprintln(b.out, f.line())
	}
}

func (f *figure) line() string {
	where, goal, verdict, ratio := "machine", "", "", ""
	if f.Nodes > 0 {
		where = fmt.Sprintf("%d node(s)", f.Nodes)
	}
	if f.Goal > 0 {
		sign := "≥"
		if f.Less {
			sign = "≤"
		}
		goal, verdict = sign+" "+strconv.FormatFloat(f.Goal, 'f', -1, 64), "NOT met"
		if *f.Met {
			verdict = "met"
		}
	}
	if f.Beside != "" {
		ratio = fmt.Sprintf("%.2f × %s", f.Ratio, f.Beside)
	}
	if f.Note != "" {
		ratio = strings.TrimLeft(ratio+"; "+f.Note, "; ")
	}
	return strings.TrimRight(fmt.Sprintf("%-10s %-58s %12s %-7s %-9s %-8s %s",
		where, f.Name, number(f.Value), f.Unit, goal, verdict, ratio), " ")
}

// number writes a value with as many digits as it is worth.
func number(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
