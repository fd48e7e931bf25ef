// Package outcome takes in predictions and ground-truth labels and gives out how good the predictions were: it joins
// the two by id, keeps tallies of the pairs in panes of event time, and computes performance metrics from a tally.
//
// Nothing in it may be used by two goroutines at once: one goroutine owns each monitor.
package outcome

import "math"

// Task is what a model predicts.
type Task uint8

// The tasks.
const (
	// Classification models predict one class out of several.
	Classification Task = iota
	// Regression models predict a number.
	Regression
)

// Value is a predicted or a true value. The task says which field counts; the other one must be 0 in all values.
type Value struct {
	// Class is a code of a Classes dictionary.
	Class uint32
	// Number is a finite number in the unit of the label.
	Number float64
}

// Outcome is a prediction with the label that it turned out to have.
type Outcome struct {
	Prediction, Label Value
	// Score is the predicted probability of the positive class, NaN if there is none.
	Score float64
}

// Rules say how outcomes are judged. Tallies can be merged only if their rules are equal.
type Rules struct {
	Task Task
	// HasPositive says that the classification is binary and that Positive is the class whose probability the score is;
	// all other classes are negative. Without it, precision, recall and f1 are averages over the classes, and the
	// metrics that are about a positive class are absent.
	HasPositive bool
	Positive    uint32
	// Tolerance is the absolute error above which a regression's prediction counts as an error, in the label's unit.
	Tolerance float64
	// Cells are what a regression's labels are counted in, so that they can be compared with those of a reference; nil
	// if they are not.
	Cells *Cells
}

// Wrong reports whether the prediction of an outcome is an error.
func (r Rules) Wrong(o Outcome) bool {
	if r.Task == Regression {
		return math.Abs(o.Prediction.Number-o.Label.Number) > r.Tolerance
	}
	return o.Prediction.Class != o.Label.Class
}

// Counts reports whether an outcome is one of those that error ratios are taken over: of a regression, those are left
// out whose numbers cannot be summed.
func (r Rules) Counts(o Outcome) bool {
	return r.Task != Regression || summable(o.Prediction.Number) && summable(o.Label.Number)
}

// Metric is one computed performance metric. Its value is always finite.
type Metric struct {
	Name  string
	Value float64
}

// Tally accumulates outcomes. It keeps counts and sums only, so that tallies of panes, versions or processes add up and
// an outcome can be taken back when a later label corrects it. Its size depends on the number of classes and on the
// resolution of the scores, not on the number of outcomes, and what it holds not on their order.
type Tally struct {
	rules Rules
	// n is the number of outcomes, wrong how many of them are errors.
	n, wrong int64
	// leftOut counts scores outside [0, 1] and regression outcomes with numbers that cannot be summed.
	leftOut   int64
	confusion confusion
	scores    scores
	residuals residuals
	labels    labelCells
}

// NewTally returns an empty tally.
func NewTally(rules Rules) *Tally {
	return &Tally{rules: rules}
}

// Add adds an outcome if sign is +1 and takes back one that was added before if it is -1. Regression outcomes with a
// number that is not finite or exceeds 1e140 in magnitude are left out, as their squares cannot be summed; see LeftOut.
func (t *Tally) Add(o Outcome, sign int) {
	x := t.rules.scored(o)
	t.addScored(o, &x, sign)
}

// scored is what tallies need of an outcome's score, if it counts.
func (r Rules) scored(o Outcome) scored {
	if r.Task != Classification || !r.HasPositive || !(o.Score >= 0 && o.Score <= 1) {
		return scored{}
	}
	return newScored(o.Score, o.Label.Class == r.Positive)
}

// addScored is Add of an outcome that several tallies get, whose score was made ready once.
func (t *Tally) addScored(o Outcome, x *scored, sign int) {
	if sign != 1 && sign != -1 {
		panic("bug: the sign of an outcome is neither 1 nor -1")
	}
	by := int64(sign)
	if t.rules.Task == Regression {
		t.addNumber(o, by)
	} else {
		t.addClass(o, x, by)
	}
	if t.n == 0 {
		// Frees memory, and a score histogram that has become coarse starts anew.
		*t = Tally{rules: t.rules, leftOut: t.leftOut}
	}
}

func (t *Tally) addNumber(o Outcome, by int64) {
	if !t.rules.Counts(o) {
		t.leftOut += by
		return
	}
	t.n += by
	if t.rules.Wrong(o) {
		t.wrong += by
	}
	t.residuals.add(o.Prediction.Number, o.Label.Number, by)
	if t.rules.Cells != nil {
		t.labels.add(t.rules.Cells, o.Label.Number, by)
	}
}

func (t *Tally) addClass(o Outcome, x *scored, by int64) {
	t.n += by
	if t.rules.Wrong(o) {
		t.wrong += by
	}
	t.confusion.add(cell{prediction: o.Prediction.Class, label: o.Label.Class}, by)
	switch {
	case !t.rules.HasPositive || math.IsNaN(o.Score):
	case o.Score < 0 || o.Score > 1:
		t.leftOut += by
	default:
		t.scores.add(x, by)
	}
}

// Merge adds everything that other holds. Both must have the same rules.
func (t *Tally) Merge(other *Tally) {
	if t.rules != other.rules {
		panic("bug: merging tallies of different rules")
	}
	t.n += other.n
	t.wrong += other.wrong
	t.leftOut += other.leftOut
	t.confusion.merge(other.confusion)
	t.scores.merge(&other.scores)
	t.residuals.merge(&other.residuals)
	if t.rules.Cells != nil {
		t.labels.merge(t.rules.Cells, &other.labels)
	}
}

// Errors returns how many of the n outcomes are errors: of a classification, those whose class differs from the
// label's; of a regression, those further from the label than the tolerance.
func (t *Tally) Errors() (x, n uint64) {
	return uint64(t.wrong), uint64(t.n)
}

// LeftOut returns how many scores lay outside [0, 1], and so are in none of the metrics that need a score, or, for a
// regression, how many outcomes had numbers that cannot be summed, and so are in no metric at all.
func (t *Tally) LeftOut() uint64 {
	return uint64(t.leftOut)
}

// Metrics returns the performance metrics that can be computed, always in the same order. What is not defined for these
// outcomes, such as precision where nothing was predicted positive, is absent.
//
// Classification, with tp, fp, fn and tn counting the positive class against the rest:
//
//	accuracy                    share of predictions equal to the label, in [0, 1]
//	precision                   tp / (tp + fp)
//	recall                      tp / (tp + fn)
//	f1                          2 tp / (2 tp + fp + fn)
//	specificity                 tn / (tn + fp)
//	matthews_correlation        R_K of Gorodkin (2004) over all classes, in [-1, 1]; for two classes the usual phi
//	positive_prediction_ratio   (tp + fp) / n
//	positive_label_ratio        (tp + fn) / n
//	roc_auc                     P(score of a positive > that of a negative), ties half, in [0, 1], within 1e-3
//	log_loss                    mean of -ln P(label), scores first clipped to [1e-15, 1 - 1e-15]
//	brier                       mean of (score - [label is positive])², in [0, 1]
//	expected_calibration_error  sum over ten bins of share · abs(mean score - positive rate), in [0, 1]
//
// Without a positive class precision, recall and f1 are unweighted means over all classes that occur in predictions or
// labels, where a class that is never predicted has precision 0 and one that is never a label has recall 0.
//
// Regression, with error e = prediction - label:
//
//	mae   mean of abs(e), in the label's unit
//	rmse  square root of the mean of e², in the label's unit
//	mape  mean of abs(e / label) over the labels that are not 0, as a ratio
//	r2    1 - sum of e² / sum of (label - mean label)², at most 1
//	bias  mean of e, in the label's unit
func (t *Tally) Metrics() []Metric {
	var m metrics
	if t.rules.Task == Regression {
		t.residuals.metrics(&m, t.n)
		return m
	}
	m.ratio("accuracy", float64(t.n-t.wrong), float64(t.n))
	t.confusion.metrics(&m, t.rules)
	t.scores.metrics(&m)
	return m
}

// metrics collects those that can be computed.
type metrics []Metric

func (m *metrics) add(name string, value float64) {
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		*m = append(*m, Metric{Name: name, Value: value})
	}
}

func (m *metrics) ratio(name string, part, whole float64) {
	m.add(name, part/whole)
}
