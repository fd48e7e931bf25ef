package detector

import "github.com/drift-exporter/drift_exporter/exporter/state"

// HDDMW is the W-test of Frías-Blanco and others, Online and non-parametric drift detection methods based on
// Hoeffding's bounds (IEEE TKDE 2015): it compares exponentially weighted means of the outcomes before and after a cut.
//
// With x the outcome, 1 if it is wrong, a mean z and the sum w of its squared weights become
//
//	z ← Weight · x + (1 − Weight) z,   w ← Weight² + (1 − Weight)² w
//
// from z = 0 and w = 1 before the first outcome, except that x replaces z as long as z is exactly 0: the rule of river,
// by which the first error after nothing but right outcomes weighs as much as if it were the first of all.
//
// With ε(w) = √(w ln(1/confidence) / 2) the cut is where z + ε(w), at the confidence for a drift, was smallest for the
// mean of all outcomes. That mean at the cut is z_1, and z_2 is one that began after it. The rate has risen if
//
//	z_2 − z_1 > ε(w_1 + w_2)
//
// at the confidence for a drift, or for a warning. With TwoSided the same is asked of rates that fall, with a cut of
// their own, where z − ε(w) was largest.
type HDDMW struct {
	// DriftConfidence and WarningConfidence bound the probability of a false alarm at one comparison. They are above 0
	// and below 1, the first smaller than the second.
	DriftConfidence, WarningConfidence float64
	// Weight is that of the newest outcome, above 0 and below 1. The paper calls it λ.
	Weight   float64
	TwoSided bool

	seen hddmwState
}

type hddmwState struct {
	all weighted
	// lowest and highest are the cuts for rates that rise and fall.
	lowest, highest weightedCut
}

// weighted is an exponentially weighted mean, empty if squares is 0.
type weighted struct{ mean, squares float64 }

// weightedCut holds the mean of all outcomes up to a cut and that of those after it.
type weightedCut struct{ before, after weighted }

// NewHDDMW returns a detector with the confidences 0.001 and 0.005 and the weight 0.05, for rates that rise.
func NewHDDMW() *HDDMW { return &HDDMW{DriftConfidence: 0.001, WarningConfidence: 0.005, Weight: 0.05} }

// Add implements Detector.
func (h *HDDMW) Add(wrong bool) State {
	s, x := &h.seen, number(wrong)
	s.all.add(x, h.Weight)
	bound := func(w weighted) float64 { return hoeffding(w.squares, h.DriftConfidence) }
	here := bound(s.all)
	low, high := s.lowest.before, s.highest.before
	s.lowest.add(s.all, low.squares == 0 || s.all.mean+here < low.mean+bound(low), x, h.Weight)
	s.highest.add(s.all, high.squares == 0 || s.all.mean-here > high.mean-bound(high), x, h.Weight)
	changed := func(confidence float64) bool {
		return s.lowest.rise(1, confidence) || h.TwoSided && s.highest.rise(-1, confidence)
	}
	switch {
	case changed(h.DriftConfidence):
		h.seen = hddmwState{}
		return Drift
	case changed(h.WarningConfidence):
		return Warning
	}
	return Stable
}

func (w *weighted) add(x, weight float64) {
	if w.squares == 0 {
		w.squares = 1
	}
	if w.mean == 0 {
		w.mean = x
	} else {
		w.mean = weight*x + (1-weight)*w.mean
	}
	w.squares = weight*weight + (1-weight)*(1-weight)*w.squares
}

// add moves the cut to the newest outcome x, with which the mean of all is there, or counts x to those after the cut.
func (c *weightedCut) add(all weighted, here bool, x, weight float64) {
	if here {
		*c = weightedCut{before: all}
	} else {
		c.after.add(x, weight)
	}
}

// rise reports whether the mean after the cut exceeds that before by more than chance, or, with sign -1, falls short.
func (c *weightedCut) rise(sign, confidence float64) bool {
	return c.after.squares > 0 &&
		sign*(c.after.mean-c.before.mean) > hoeffding(c.before.squares+c.after.squares, confidence)
}

// Save implements Detector.
func (h *HDDMW) Save(e *state.Encoder) {
	for _, w := range h.seen.parts() {
		e.Float(w.mean)
		e.Float(w.squares)
	}
}

// Load implements Detector.
func (h *HDDMW) Load(from *state.Decoder) {
	var s hddmwState
	for _, w := range s.parts() {
		*w = weighted{mean: loadFloat(from, 0, 1), squares: loadFloat(from, 0, 1)}
		if w.squares == 0 && w.mean != 0 {
			from.Fail("hddm_w holds a mean of nothing")
		}
	}
	if from.Err() == nil {
		h.seen = s
	}
}

// parts returns all means, in the order of the file.
func (s *hddmwState) parts() [5]*weighted {
	return [5]*weighted{&s.all, &s.lowest.before, &s.lowest.after, &s.highest.before, &s.highest.after}
}
