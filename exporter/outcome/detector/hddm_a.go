package detector

import "github.com/drift-exporter/drift_exporter/exporter/state"

// HDDMA is the A-test of Frías-Blanco and others, Online and non-parametric drift detection methods based on
// Hoeffding's bounds (IEEE TKDE 2015): it compares the mean of the first outcomes with that of all.
//
// With p the error rate of n outcomes and ε(n) = √(ln(1/DriftConfidence) / 2n), the cut of n_0 outcomes with the rate
// p_0 is the latest for which p + ε was smallest. The rate has risen if
//
//	p − p_0 ≥ √((1/n_0 − 1/n) ln(2/confidence) / 2)
//
// at the confidence for a drift, or for a warning. With TwoSided the same is asked of rates that fall, with a cut of
// their own, for which p − ε was largest.
type HDDMA struct {
	// DriftConfidence and WarningConfidence bound the probability of a false alarm at one comparison. They are above 0
	// and below 1, the first smaller than the second.
	DriftConfidence, WarningConfidence float64
	TwoSided                           bool

	seen hddmaState
}

type hddmaState struct {
	all counts
	// lowest and highest are the cuts for rates that rise and fall, empty only if all is.
	lowest, highest counts
}

// NewHDDMA returns a detector with the confidences 0.001 and 0.005, for rates that rise.
func NewHDDMA() *HDDMA { return &HDDMA{DriftConfidence: 0.001, WarningConfidence: 0.005} }

// Add implements Detector.
func (h *HDDMA) Add(wrong bool) State {
	s := &h.seen
	s.all.add(wrong)
	if s.all.n == 1 {
		s.lowest, s.highest = s.all, s.all
	}
	bound := func(c counts) float64 { return hoeffding(1/float64(c.n), h.DriftConfidence) }
	p, here := s.all.rate(), bound(s.all)
	if p+here <= s.lowest.rate()+bound(s.lowest) {
		s.lowest = s.all
	}
	if p-here >= s.highest.rate()-bound(s.highest) {
		s.highest = s.all
	}
	changed := func(confidence float64) bool {
		return differ(s.all, s.lowest, p-s.lowest.rate(), confidence) ||
			h.TwoSided && differ(s.all, s.highest, s.highest.rate()-p, confidence)
	}
	switch {
	case changed(h.DriftConfidence):
		h.seen = hddmaState{}
		return Drift
	case changed(h.WarningConfidence):
		return Warning
	}
	return Stable
}

// differ reports whether the rates of all outcomes and of those up to a cut differ by more than chance.
func differ(all, cut counts, by, confidence float64) bool {
	if cut.n == all.n {
		return false
	}
	weight := float64(all.n-cut.n) / float64(cut.n) / float64(all.n)
	return by >= hoeffding(weight, confidence/2)
}

// Save implements Detector.
func (h *HDDMA) Save(e *state.Encoder) {
	h.seen.all.save(e)
	h.seen.lowest.save(e)
	h.seen.highest.save(e)
}

// Load implements Detector.
func (h *HDDMA) Load(from *state.Decoder) {
	s := hddmaState{all: loadCounts(from), lowest: loadCounts(from), highest: loadCounts(from)}
	for _, cut := range []counts{s.lowest, s.highest} {
		if !cut.within(s.all) || (cut.n == 0) != (s.all.n == 0) {
			from.Fail("hddm_a holds a cut that is none")
		}
	}
	if from.Err() == nil {
		h.seen = s
	}
}
