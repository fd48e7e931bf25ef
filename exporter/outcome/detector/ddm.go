package detector

import (
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// DDM is the drift detection method of Gama, Medas, Castillo and Rodrigues, Learning with drift detection (SBIA 2004).
//
// The error rate p of n outcomes has the standard deviation s = √(p(1 − p)/n). While nothing changes, p + s falls. The
// detector keeps the p and s for which p + s was smallest. It warns while p + s > p_min + WarningLevel · s_min, and
// there is a drift once p + s > p_min + DriftLevel · s_min. It sees rates that rise only.
type DDM struct {
	// WarmUp is the number of outcomes that only count: the first to be judged is the one after.
	WarmUp uint64
	// WarningLevel and DriftLevel are numbers of standard deviations, above 0, the first smaller than the second.
	WarningLevel, DriftLevel float64

	seen ddmState
}

type ddmState struct {
	all counts
	// best is what there was when p + s was smallest, empty before WarmUp is over.
	best counts
}

// NewDDM returns a detector with the parameters 30, 2 and 3.
func NewDDM() *DDM { return &DDM{WarmUp: 30, WarningLevel: 2, DriftLevel: 3} }

// Add implements Detector.
func (d *DDM) Add(wrong bool) State {
	s := &d.seen
	s.all.add(wrong)
	if s.all.n <= d.WarmUp {
		return Stable
	}
	level := s.all.rate() + deviation(s.all)
	if s.best.n == 0 || level <= s.best.rate()+deviation(s.best) {
		s.best = s.all
	}
	p, sd := s.best.rate(), deviation(s.best)
	switch {
	case level > p+d.DriftLevel*sd:
		d.seen = ddmState{}
		return Drift
	case level > p+d.WarningLevel*sd:
		return Warning
	}
	return Stable
}

// deviation returns the standard deviation of the rate.
func deviation(c counts) float64 {
	p := c.rate()
	return math.Sqrt(p * (1 - p) / float64(c.n))
}

// Save implements Detector.
func (d *DDM) Save(e *state.Encoder) {
	d.seen.all.save(e)
	d.seen.best.save(e)
}

// Load implements Detector.
func (d *DDM) Load(from *state.Decoder) {
	s := ddmState{all: loadCounts(from), best: loadCounts(from)}
	if !s.best.within(s.all) {
		from.Fail("ddm holds more at its best than in all")
	}
	if from.Err() == nil {
		d.seen = s
	}
}
