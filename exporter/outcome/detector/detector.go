// Package detector watches the errors of a model one by one, in the order in which its labels arrive, and tells when
// their rate has changed. Each detector says something else about "changed"; all need no reference.
//
// They follow the papers, and where those leave room, or differ from what is in use, river 0.21.0: tests hold the
// indices of all warnings and drifts against it.
//
// Nothing in it may be used by two goroutines at once.
package detector

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// State is what a detector says after an outcome. Its number is the value of a metric.
type State uint8

// The states.
const (
	Stable State = iota
	// Warning says that a drift may have begun. It may pass.
	Warning
	// Drift says that the error rate has changed. It lasts for one outcome, after which the detector starts anew.
	Drift
)

// Detector watches the errors of one model. Its memory does not grow with the number of outcomes, but for ADWIN, whose
// memory grows with the logarithm of that. The parameters may not change between outcomes.
type Detector interface {
	// Add takes in whether the next prediction was wrong. A detector that returns Drift has forgotten everything: it is
	// as if new, and the next outcome is its first. Add does not allocate, but for ADWIN, which does so once whenever
	// its window has doubled.
	Add(wrong bool) State
	// Save writes what the detector holds, without its parameters.
	Save(e *state.Encoder)
	// Load replaces what the detector holds by what Save wrote, from where it goes on to the bit as the saved one would.
	// The parameters have to be those of the saved one. If the decoder fails, the detector is unchanged.
	Load(d *state.Decoder)
}

var constructors = map[string]func() Detector{
	"adwin":        func() Detector { return NewADWIN() },
	"ddm":          func() Detector { return NewDDM() },
	"eddm":         func() Detector { return NewEDDM() },
	"hddm_a":       func() Detector { return NewHDDMA() },
	"hddm_w":       func() Detector { return NewHDDMW() },
	"page_hinkley": func() Detector { return NewPageHinkley() },
}

// Names are the names of all detectors, sorted.
var Names = slices.Sorted(maps.Keys(constructors))

// New returns a detector with its default parameters.
func New(name string) (Detector, error) {
	construct, ok := constructors[name]
	if !ok {
		return nil, fmt.Errorf("unknown detector %q; there are %s", name, strings.Join(Names, ", "))
	}
	return construct(), nil
}

// counts is how many outcomes there were, and how many of them were wrong.
type counts struct{ n, wrong uint64 }

func (c *counts) add(wrong bool) {
	c.n++
	if wrong {
		c.wrong++
	}
}

// rate returns the share of wrong outcomes. There must be one at least.
func (c counts) rate() float64 { return float64(c.wrong) / float64(c.n) }

// within reports whether c can be part of whole.
func (c counts) within(whole counts) bool {
	return c.wrong <= c.n && c.wrong <= whole.wrong && c.n-c.wrong <= whole.n-whole.wrong
}

func (c counts) save(e *state.Encoder) {
	e.Uint(c.n)
	e.Uint(c.wrong)
}

// most is the largest number of outcomes that a detector may have seen: up to it, every count is a float64. It takes
// three hundred years to get there at a million outcomes a second, so Add does not ask.
const most = 1 << 53

func loadCounts(d *state.Decoder) counts {
	c := counts{n: d.Uint(), wrong: d.Uint()}
	if c.n > most || c.wrong > c.n {
		d.Fail("%d wrong outcomes of %d", c.wrong, c.n)
		return counts{}
	}
	return c
}

// loadFloat reads a number that has to be from lowest to highest.
func loadFloat(d *state.Decoder, lowest, highest float64) float64 {
	x := d.Float()
	if !(x >= lowest && x <= highest) { // NaN is neither.
		d.Fail("a number of a detector is %g, not within %g to %g", x, lowest, highest)
		return 0
	}
	return x
}

// number returns an outcome as 0 or 1.
func number(wrong bool) float64 {
	if wrong {
		return 1
	}
	return 0
}

// hoeffding returns √(w ln(1/confidence) / 2): a weighted mean of independent values within 0 to 1, whose squared
// weights add up to w, exceeds its expectation by more with at most that probability.
func hoeffding(w, confidence float64) float64 { return math.Sqrt(w * math.Log(1/confidence) / 2) }
