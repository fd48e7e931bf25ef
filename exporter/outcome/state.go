package outcome

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// State is all that a tally holds, for files. Sums are numbers that add up to the exact sum; they are finite.
type State struct {
	N         uint64     `json:"n"`
	Wrong     uint64     `json:"wrong"`
	LeftOut   uint64     `json:"left_out,omitempty"`
	Confusion []Confused `json:"confusion,omitempty"`
	Scores    *Scores    `json:"scores,omitempty"`
	Residuals *Residuals `json:"residuals,omitempty"`
}

// Confused counts the outcomes with one prediction and one label: [prediction, label, count].
type Confused [3]uint64

// Scores is what a tally holds of scores.
type Scores struct {
	Loss    []float64 `json:"loss"`
	Squared []float64 `json:"squared"`
	// Counts, Positives and Sums are those of the calibration bins. Files of earlier versions have no Counts.
	Counts    []uint64    `json:"counts,omitempty"`
	Positives []uint64    `json:"positives"`
	Sums      [][]float64 `json:"sums"`
	// Buckets are those of the logits of scores, of width 2^(Level-20): [bucket, positives, negatives], sorted.
	Level   uint       `json:"level"`
	Buckets [][3]int64 `json:"buckets"`
}

// Residuals is what a tally holds of a regression.
type Residuals struct {
	Divisors      uint64    `json:"divisors"`
	Absolute      []float64 `json:"absolute"`
	Signed        []float64 `json:"signed"`
	Squared       []float64 `json:"squared"`
	Percentage    []float64 `json:"percentage"`
	Labels        []float64 `json:"labels"`
	SquaredLabels []float64 `json:"squared_labels"`
}

// Rules returns the rules of the tally.
func (t *Tally) Rules() Rules { return t.rules }

// State returns what the tally holds. Nothing may have been taken back that had not been added.
func (t *Tally) State() *State {
	s := &State{N: uint64(t.n), Wrong: uint64(t.wrong), LeftOut: uint64(t.leftOut)}
	for at, count := range t.confusion {
		s.Confusion = append(s.Confusion, Confused{uint64(at.prediction), uint64(at.label), uint64(count)})
	}
	slices.SortFunc(s.Confusion, func(a, b Confused) int { return slices.Compare(a[:], b[:]) })
	if t.scores.n > 0 {
		s.Scores = t.scores.state()
	}
	if r := &t.residuals; t.rules.Task == Regression && t.n > 0 {
		s.Residuals = &Residuals{
			Divisors: uint64(r.divisors), Absolute: r.absolute.terms(), Signed: r.signed.terms(), Squared: r.squared.terms(),
			Percentage: r.percentage.terms(), Labels: r.labels.terms(), SquaredLabels: r.squaredLabels.terms(),
		}
	}
	return s
}

func (s *scores) state() *Scores {
	state := &Scores{Loss: s.loss.terms(), Squared: s.squared.terms(), Level: s.ranks.level}
	for i := range s.bins {
		state.Counts = append(state.Counts, uint64(s.bins[i].n))
		state.Positives = append(state.Positives, uint64(s.bins[i].positives))
		state.Sums = append(state.Sums, s.bins[i].scores.terms())
	}
	for _, b := range s.ranks.sorted() {
		state.Buckets = append(state.Buckets, [3]int64{int64(b.key), b.positive, b.negative})
	}
	return state
}

// terms returns numbers that add up to the exact sum, the largest first.
func (s *sum) terms() []float64 {
	terms := []float64{}
	rest := s.exact()
	for rest.Sign() != 0 {
		x, _ := rest.Float64()
		terms = append(terms, x)
		rest.Sub(rest, new(big.Float).SetFloat64(x))
	}
	return terms
}

// addAll adds finite numbers; it reports whether they all are, and whether their number is sensible.
func (s *sum) addAll(terms []float64) bool {
	if len(terms) > maxTerms {
		return false
	}
	for _, x := range terms {
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return false
		}
		s.add(x)
	}
	return true
}

// maxTerms is more than a sum can have: each term has 53 of the 2100 bits of the range of float64.
const maxTerms = 64

// FromState returns a tally of these rules that holds what State returned.
func FromState(rules Rules, s *State) (*Tally, error) {
	t := NewTally(rules)
	if err := t.restore(s); err != nil {
		return nil, fmt.Errorf("performance: %w", err)
	}
	return t, nil
}

func (t *Tally) restore(s *State) error {
	if s.N > math.MaxInt64/2 || s.Wrong > s.N || s.LeftOut > math.MaxInt64/2 {
		return errors.New("its numbers of outcomes contradict each other")
	}
	t.n, t.wrong, t.leftOut = int64(s.N), int64(s.Wrong), int64(s.LeftOut)
	if t.rules.Task == Regression {
		return t.restoreResiduals(s)
	}
	if s.Residuals != nil {
		return errors.New("a classification has residuals")
	}
	var n, wrong uint64
	for _, c := range s.Confusion {
		if c[0] > math.MaxUint32 || c[1] > math.MaxUint32 || c[2] == 0 || c[2] > s.N-n {
			return errors.New("the confusion matrix is broken")
		}
		n += c[2]
		if c[0] != c[1] {
			wrong += c[2]
		}
		t.confusion.add(cell{prediction: uint32(c[0]), label: uint32(c[1])}, int64(c[2]))
	}
	if n != s.N || wrong != s.Wrong {
		return errors.New("the confusion matrix holds other outcomes than it should")
	}
	if s.Scores == nil {
		return nil
	}
	if !t.rules.HasPositive {
		return errors.New("there are scores without a positive class")
	}
	return t.scores.restore(s.Scores, s.N)
}

func (t *Tally) restoreResiduals(s *State) error {
	if s.Confusion != nil || s.Scores != nil {
		return errors.New("a regression has classes")
	}
	if s.N == 0 {
		return nil
	}
	from, r := s.Residuals, &t.residuals
	if from == nil || from.Divisors > s.N {
		return errors.New("the residuals are missing or broken")
	}
	r.divisors = int64(from.Divisors)
	if !r.absolute.addAll(from.Absolute) || !r.signed.addAll(from.Signed) || !r.squared.addAll(from.Squared) ||
		!r.percentage.addAll(from.Percentage) || !r.labels.addAll(from.Labels) ||
		!r.squaredLabels.addAll(from.SquaredLabels) {
		return errors.New("the residuals have sums that are none")
	}
	return nil
}

// restore takes in the scores of at most n outcomes.
func (s *scores) restore(from *Scores, n uint64) error {
	if len(from.Positives) != calibrationBins || len(from.Sums) != calibrationBins || from.Level > coarsestLevel ||
		from.Counts != nil && len(from.Counts) != calibrationBins {
		return errors.New("the scores have another shape")
	}
	if !s.loss.addAll(from.Loss) || !s.squared.addAll(from.Squared) {
		return errors.New("the scores have sums that are none")
	}
	for i := range s.bins {
		count := from.Positives[i]
		if from.Counts != nil {
			count = from.Counts[i]
			s.bins[i].n = int64(count)
		}
		if count > n || from.Positives[i] > count || !s.bins[i].scores.addAll(from.Sums[i]) {
			return errors.New("the scores' calibration is broken")
		}
		s.bins[i].positives = int64(from.Positives[i])
	}
	s.ranks.level = from.Level
	farthest := int64(logitLimit) << finestExponent >> from.Level
	left := int64(n)
	for i, b := range from.Buckets {
		if b[0] < -farthest || b[0] > farthest || i > 0 && b[0] <= from.Buckets[i-1][0] || b[1] < 0 || b[2] < 0 ||
			b[1] > left || b[2] > left-b[1] {
			return errors.New("the scores' histogram is broken")
		}
		left -= b[1] + b[2]
		s.n += b[1] + b[2]
		s.ranks.count(int32(b[0]), sides{positive: b[1], negative: b[2]})
	}
	return nil
}
