package detector

import (
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// EDDM is the early drift detection method of Baena-García and others, Early drift detection method (IWKDDS 2006).
//
// The distance of an error is the number of outcomes since the error before, or since the start. The mean m of the
// distances and their standard deviation s (k − 1 below) change with each error; while a model learns, m + 2 s grows.
// The detector keeps the largest, of errors after WarmUp outcomes. Once there are more than WarmUp errors too, an error
// that makes no new maximum is judged by the ratio of m + 2 s to it: below DriftRatio there is a drift, below
// WarningRatio a warning, which stays until an error is judged and found to be fine. It sees errors that come closer
// only.
type EDDM struct {
	// WarmUp is the number of outcomes, and of errors, that only count.
	WarmUp uint64
	// WarningRatio and DriftRatio are within 0 to 1, the first larger than the second. The paper calls them α and β.
	WarningRatio, DriftRatio float64

	seen eddmState
}

type eddmState struct {
	all counts
	// last is the number of outcomes up to the last error, so that last / all.wrong is the mean distance.
	last uint64
	// squares is the sum of the squared deviations of the distances from their mean.
	squares float64
	// highest is the largest m + 2 s, 0 if there is none yet.
	highest float64
	warning bool
}

// NewEDDM returns a detector with the parameters 30, 0.95 and 0.9.
func NewEDDM() *EDDM { return &EDDM{WarmUp: 30, WarningRatio: 0.95, DriftRatio: 0.9} }

// Add implements Detector.
func (d *EDDM) Add(wrong bool) State {
	s := &d.seen
	s.all.add(wrong)
	if wrong {
		level := s.level()
		switch {
		case level > s.highest:
			if s.all.n > d.WarmUp {
				s.highest = level
			}
		case s.all.wrong <= d.WarmUp:
		case level/s.highest < d.DriftRatio:
			d.seen = eddmState{}
			return Drift
		default:
			s.warning = level/s.highest < d.WarningRatio
		}
	}
	if s.warning {
		return Warning
	}
	return Stable
}

// level takes in the distance of the newest outcome, an error, and returns m + 2 s.
func (s *eddmState) level() float64 {
	distance, k := float64(s.all.n-s.last), float64(s.all.wrong)
	before := 0.0
	if k > 1 {
		before = float64(s.last) / (k - 1)
	}
	s.last = s.all.n
	mean := float64(s.last) / k
	if k == 1 {
		return mean
	}
	// Welford's update. It loses nothing to cancellation, as the difference of two sums would.
	s.squares += (distance - mean) * (distance - before)
	return mean + 2*math.Sqrt(s.squares/(k-1))
}

// Save implements Detector.
func (d *EDDM) Save(e *state.Encoder) {
	s := &d.seen
	s.all.save(e)
	e.Uint(s.last)
	e.Float(s.squares)
	e.Float(s.highest)
	e.Bool(s.warning)
}

// Load implements Detector.
func (d *EDDM) Load(from *state.Decoder) {
	// No distance is longer than most, so neither is m + 2 s more than three times that.
	s := eddmState{
		all: loadCounts(from), last: from.Uint(), squares: loadFloat(from, 0, most*most),
		highest: loadFloat(from, 0, 3*most), warning: from.Bool(),
	}
	if s.last > s.all.n || s.last < s.all.wrong || s.all.wrong == 0 && s.last > 0 {
		from.Fail("the last of %d errors in %d outcomes is the outcome %d", s.all.wrong, s.all.n, s.last)
	}
	if from.Err() == nil {
		d.seen = s
	}
}
