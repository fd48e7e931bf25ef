package profile

import (
	"fmt"
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// results collects the reference's predictions with their labels: how good the model was in development.
type results struct {
	b                        *builder
	prediction, score, label int // columns, -1 if there is none
	classes                  *outcome.Classes
	outcomes                 []outcome.Outcome
	// scoreSum and scored tell the mean score of the predictions of each class, by which the positive class is found.
	scoreSum, scored map[string]float64
	labelCount       map[string]int
}

// maxClasses bounds the classes that are told apart.
const maxClasses = 1000

func newResults(b *builder) *results {
	r := &results{
		b: b, prediction: -1, score: -1, label: -1, classes: outcome.NewClasses(maxClasses),
		scoreSum: make(map[string]float64), scored: make(map[string]float64), labelCount: make(map[string]int),
	}
	for _, w := range b.columns {
		switch w.role {
		case Prediction:
			r.prediction = w.field
		case Score:
			r.score = w.field
		case Label:
			r.label = w.field
		}
	}
	return r
}

func (r *results) add(batch *record.Batch) {
	classes := r.b.profile.Rules.Task == outcome.Classification
	for row := range batch.Rows {
		o := outcome.Outcome{Score: math.NaN()}
		var predicted, labeled bool
		o.Prediction, predicted = r.value(batch, r.prediction, row)
		o.Label, labeled = r.value(batch, r.label, row)
		if r.score >= 0 {
			o.Score = batch.Columns[r.score].Numbers[row]
		}
		if classes && predicted && !math.IsNaN(o.Score) {
			class := r.classes.Name(o.Prediction.Class)
			r.scoreSum[class] += o.Score
			r.scored[class]++
		}
		if classes && labeled {
			r.labelCount[r.classes.Name(o.Label.Class)]++
		}
		if predicted && labeled {
			r.outcomes = append(r.outcomes, o)
		}
	}
}

// value returns a prediction or a label of a row, if there is one. No column, -1, has no values.
func (r *results) value(batch *record.Batch, column, row int) (outcome.Value, bool) {
	if column < 0 {
		return outcome.Value{}, false
	}
	c := &batch.Columns[column]
	if r.b.profile.Rules.Task == outcome.Regression {
		x := c.Numbers[row]
		if math.IsNaN(x) {
			return outcome.Value{}, false
		}
		return outcome.Value{Number: x}, true
	}
	span := c.Spans[row]
	if !span.IsString() {
		return outcome.Value{}, false
	}
	return outcome.Value{Class: r.classes.Code(batch.Text(span))}, true
}

// finish sets the profile's rules and performance.
func (r *results) finish() error {
	p := r.b.profile
	if p.Rules.Task == outcome.Classification {
		if err := r.findPositive(); err != nil {
			return err
		}
		for i := range r.classes.Len() {
			p.Classes = append(p.Classes, r.classes.Name(uint32(i)))
		}
	} else {
		p.Rules.Tolerance = r.tolerance()
	}
	p.Performance = outcome.NewTally(p.Rules)
	for _, o := range r.outcomes {
		p.Performance.Add(o, 1)
	}
	return nil
}

// findPositive finds the class that scores are the probability of: the configured one; else, of two classes, the one
// that is predicted at higher scores; else the one that has an affirmative name; else the rarer one among the labels.
func (r *results) findPositive() error {
	p := r.b.profile
	name := r.b.options.PositiveClass
	switch {
	case name != "":
		if _, ok := r.classes.Lookup([]byte(name)); !ok && r.classes.Len() > 0 {
			return fmt.Errorf("positive_class %q is neither among the predictions nor the labels; they have %q",
				name, r.names())
		}
		p.PositiveWhy = "configured"
	case r.classes.Len() != 2:
		return nil
	default:
		a, b := r.classes.Name(0), r.classes.Name(1)
		affirmative := []string{"1", "true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "positive"}
		switch {
		case r.scored[a] > 0 && r.scored[b] > 0:
			p.PositiveWhy = "predicted at higher scores"
			name = a
			if r.scoreSum[b]/r.scored[b] > r.scoreSum[a]/r.scored[a] {
				name = b
			}
		case slices.Contains(affirmative, a) != slices.Contains(affirmative, b):
			p.PositiveWhy = "by its name"
			name = a
			if slices.Contains(affirmative, b) {
				name = b
			}
		default:
			p.PositiveWhy = "the rarer label"
			name = a
			if r.labelCount[b] < r.labelCount[a] {
				name = b
			}
		}
	}
	p.PositiveClass = name
	p.Rules.Positive, p.Rules.HasPositive = r.classes.Code([]byte(name)), true
	return nil
}

func (r *results) names() []string {
	var names []string
	for i := range min(r.classes.Len(), 10) {
		names = append(names, r.classes.Name(uint32(i)))
	}
	return names
}

// tolerance is the absolute error beyond which a prediction counts as an error: as configured, or what nine in ten of
// the reference's errors stay within.
func (r *results) tolerance() float64 {
	if t := r.b.options.Tolerance; t > 0 || len(r.outcomes) == 0 {
		return t
	}
	errors := make([]float64, len(r.outcomes))
	for i, o := range r.outcomes {
		errors[i] = min(math.Abs(o.Prediction.Number-o.Label.Number), math.MaxFloat64)
	}
	slices.Sort(errors)
	return stat.Quantile(errors, 0.9)
}
