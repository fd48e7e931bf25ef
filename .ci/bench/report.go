package main

import (
	"fmt"
	"io"
	"slices"
)

// report prints what was measured, each beside the floor that it is held to.
type report struct {
	out           io.Writer
	held, missed  int
	missedFigures []string
}

// floor is what a figure is held to.
type floor struct {
	limit float64
	least bool // the figure must be at least that, not at most
}

func atLeast(limit float64) *floor { return &floor{limit, true} }
func atMost(limit float64) *floor  { return &floor{limit, false} }

func (r *report) heading(text string) { fmt.Fprintf(r.out, "\n== %s\n", text) }

// note prints what is no figure, such as that a tool is missing.
func (r *report) note(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

// figure prints a figure. Without a floor it is only told.
func (r *report) figure(what string, value float64, unit string, f *floor) {
	verdict := ""
	if f != nil {
		sign, ok := "<=", value <= f.limit
		if f.least {
			sign, ok = ">=", value >= f.limit
		}
		r.held++
		verdict = "ok"
		if !ok {
			verdict = "MISSED"
			r.missed++
			r.missedFigures = append(r.missedFigures, what)
		}
		verdict = fmt.Sprintf("%s %-9s %s", sign, number(f.limit), verdict)
	}
	fmt.Fprintf(r.out, "%-62s %10s %-10s %s\n", what, number(value), unit, verdict)
}

// number prints three or four digits.
func number(x float64) string {
	switch {
	case x == float64(int64(x)) || x >= 1000:
		return fmt.Sprintf("%.0f", x)
	case x >= 100:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	default:
		return fmt.Sprintf("%.3f", x)
	}
}

func (r *report) finish() {
	fmt.Fprintf(r.out, "\n%d of %d floors hold\n", r.held-r.missed, r.held)
	for _, what := range r.missedFigures {
		fmt.Fprintf(r.out, "missed: %s\n", what)
	}
}

// median is the middle one of some figures, 0 of none.
func median(all []float64) float64 { return quantile(all, 0.5) }

// quantile is the nearest-rank quantile of some figures, 0 of none.
func quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
