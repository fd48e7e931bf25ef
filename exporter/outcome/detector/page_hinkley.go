package detector

import (
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// PageHinkley is the test of Page, Continuous inspection schemes (Biometrika 1954), with the mean so far in the place
// of a known one, as by Hinkley (1971), and with forgetting.
//
// With x the outcome, 1 if it is wrong, and m the mean of all including x, two sums are kept:
//
//	increase ← Forgetting · increase + x − m − Tolerance
//	decrease ← Forgetting · decrease + x − m + Tolerance
//
// There is a drift once increase is more than Threshold above its smallest value, or decrease more than that below its
// largest one; both sums, and so these two values, start at 0. There are no warnings.
type PageHinkley struct {
	// MinRecords is the number of the first outcome at which there can be a drift.
	MinRecords uint64
	// Tolerance is the change of the error rate that is none, 0 or more. The literature calls it δ.
	Tolerance float64
	// Threshold is above 0, in wrong outcomes more than expected. The literature calls it λ.
	Threshold float64
	// Forgetting is above 0 and at most 1, which forgets nothing. The literature calls it α.
	Forgetting float64
	// Directions are those in which a change counts.
	Directions Directions

	seen pageHinkleyState
}

// Directions are those in which an error rate can change.
type Directions uint8

// The directions.
const (
	Both Directions = iota
	// Up is a rate that rises.
	Up
	// Down is a rate that falls.
	Down
)

type pageHinkleyState struct {
	all                counts
	increase, decrease float64
	// lowest is the smallest increase, highest the largest decrease.
	lowest, highest float64
}

// NewPageHinkley returns a detector with the parameters 30, 0.005, 50 and 0.9999 for both directions.
func NewPageHinkley() *PageHinkley {
	return &PageHinkley{MinRecords: 30, Tolerance: 0.005, Threshold: 50, Forgetting: 0.9999}
}

// Add implements Detector.
func (p *PageHinkley) Add(wrong bool) State {
	s := &p.seen
	s.all.add(wrong)
	difference := number(wrong) - s.all.rate()
	s.increase = p.Forgetting*s.increase + difference - p.Tolerance
	s.decrease = p.Forgetting*s.decrease + difference + p.Tolerance
	s.lowest = min(s.lowest, s.increase)
	s.highest = max(s.highest, s.decrease)
	if s.all.n < p.MinRecords {
		return Stable
	}
	if p.Directions != Down && s.increase-s.lowest > p.Threshold ||
		p.Directions != Up && s.highest-s.decrease > p.Threshold {
		p.seen = pageHinkleyState{}
		return Drift
	}
	return Stable
}

// Save implements Detector.
func (p *PageHinkley) Save(e *state.Encoder) {
	s := &p.seen
	s.all.save(e)
	e.Float(s.increase)
	e.Float(s.decrease)
	e.Float(s.lowest)
	e.Float(s.highest)
}

// Load implements Detector.
func (p *PageHinkley) Load(from *state.Decoder) {
	const largest = math.MaxFloat64
	s := pageHinkleyState{
		all: loadCounts(from), increase: loadFloat(from, -largest, largest), decrease: loadFloat(from, -largest, largest),
		lowest: loadFloat(from, -largest, 0), highest: loadFloat(from, 0, largest),
	}
	if s.lowest > s.increase || s.highest < s.decrease {
		from.Fail("page_hinkley holds sums beyond their extremes")
	}
	if from.Err() == nil {
		p.seen = s
	}
}
