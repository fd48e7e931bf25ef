package profile

import (
	"fmt"
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// results collects the reference's predictions with their labels: how good the model was in development. What the task
// is turns out only at the end, so values are kept as classes and as numbers.
type results struct {
	b *builder
	// prediction, score and label are the columns that are taken for them so far, nil if there is none.
	prediction, score, label *sighting
	classes                  *outcome.Classes
	// kept are the rows with prediction and label as long as there are at most maxValues; after that they are in
	// tallies.
	kept    pieces[judged]
	tallies *tallies
	// seen is what was seen of each class, by its code: by that the positive one of two is found.
	seen []seenClass
}

// seenClass is the sum and the number of the scores that predictions of a class had, and the number of its labels.
type seenClass struct {
	scoreSum, scored float64
	labels           int
}

func (c *seenClass) meanScore() float64 { return c.scoreSum / c.scored }

// judged is a row with a prediction and a label.
type judged struct {
	prediction, label either
	score             float64
}

// either is a value as a class and as a number, as far as it is one; else the number is NaN.
type either struct {
	number  float64
	class   uint32
	isClass bool
}

func (e *either) isNumber() bool { return !math.IsNaN(e.number) }

// maxClasses bounds the classes that are told apart.
const maxClasses = 1000

func newResults(b *builder) *results {
	return &results{b: b, classes: outcome.NewClasses(maxClasses)}
}

// find finds the columns of prediction, score and label among those known after a number of rows. One that turns up
// late and takes the place of another is an error: what has been read cannot be judged anew.
func (r *results) find(all []*sighting, rows int) error {
	prediction, score, label := outcomes(all, r.b.options.Names, make(map[*sighting]bool))
	for _, c := range []struct {
		role     Role
		was, now *sighting
	}{{Prediction, r.prediction, prediction}, {Score, r.score, score}, {Label, r.label, label}} {
		if rows > 0 && c.was != nil && c.was != c.now {
			return fmt.Errorf("%q turns up as the %s after %d rows in which it was %q: name the one that is meant in "+
				"fields, and rename the other", c.now.name, c.role, rows, c.was.name)
		}
	}
	r.prediction, r.score, r.label = prediction, score, label
	return nil
}

// add takes in the rows of a chunk.
func (r *results) add(b *record.Batch) {
	if r.prediction == nil && r.label == nil {
		return
	}
	for row := range b.Rows {
		j := judged{score: math.NaN()}
		j.prediction = r.value(b, r.prediction, row)
		j.label = r.value(b, r.label, row)
		if r.score != nil {
			j.score = b.Columns[r.score.numberField].Numbers[row]
		}
		if j.prediction.isClass && !math.IsNaN(j.score) {
			c := r.see(j.prediction.class)
			c.scoreSum += j.score
			c.scored++
		}
		if j.label.isClass {
			r.see(j.label.class).labels++
		}
		switch {
		case (!j.prediction.isClass || !j.label.isClass) && (!j.prediction.isNumber() || !j.label.isNumber()):
		case r.tallies != nil:
			r.tallies.add(&j)
		default:
			r.kept.add(j)
		}
	}
	if r.kept.n > maxValues {
		r.tallies = newTallies(r)
		for j := range r.kept.each() {
			r.tallies.add(j)
		}
		r.kept = pieces[judged]{}
	}
}

// see returns what was seen of a class.
func (r *results) see(code uint32) *seenClass {
	if code == outcome.Other {
		return new(seenClass) // there are so many that none will be taken for the positive one
	}
	if missing := int(code) + 1 - len(r.seen); missing > 0 {
		r.seen = append(r.seen, make([]seenClass, missing)...)
	}
	return &r.seen[code]
}

// value returns a prediction or a label of a row. No column has no values.
func (r *results) value(b *record.Batch, s *sighting, row int) either {
	if s == nil {
		return either{number: math.NaN()}
	}
	v := either{number: b.Columns[s.numberField].Numbers[row]}
	if span := b.Columns[s.nameField].Spans[row]; span.IsString() {
		v.class, v.isClass = r.classes.Code(b.Text(span)), true
		if r.tallies != nil && v.class == r.tallies.positive {
			r.tallies.met = true
		}
	}
	return v
}

// classesOf takes in the classes of a reference of which only the counts of values are known.
func (r *results) classesOf(prediction, _, label *sighting) {
	for _, s := range []*sighting{prediction, label} {
		if s == nil || s.asNames == nil {
			continue
		}
		for _, c := range s.asNames.byFrequency() {
			class := r.see(r.classes.Code([]byte(c.name)))
			if s == label {
				class.labels += int(c.count)
			}
		}
	}
}

// outcome returns a row as the task sees it, if it does.
func (j *judged) outcome(task outcome.Task) (outcome.Outcome, bool) {
	if task == outcome.Regression {
		return outcome.Outcome{
			Prediction: outcome.Value{Number: j.prediction.number}, Label: outcome.Value{Number: j.label.number},
			Score: math.NaN(),
		}, j.prediction.isNumber() && j.label.isNumber()
	}
	return outcome.Outcome{
		Prediction: outcome.Value{Class: j.prediction.class}, Label: outcome.Value{Class: j.label.class}, Score: j.score,
	}, j.prediction.isClass && j.label.isClass
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
	}
	if r.tallies != nil {
		return r.tallies.finish(p, r.b.options.Tolerance)
	}
	if p.Rules.Task == outcome.Regression {
		p.Rules.Tolerance = r.tolerance()
	}
	p.Performance = outcome.NewTally(p.Rules)
	for j := range r.kept.each() {
		if o, ok := j.outcome(p.Rules.Task); ok {
			p.Performance.Add(o, 1)
		}
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
		_, known := r.classes.Lookup([]byte(name))
		if r.tallies != nil {
			known = r.tallies.hasPositive()
		}
		if !known && r.classes.Len() > 0 {
			return fmt.Errorf("positive_class %q is neither among the predictions nor the labels; they have %q",
				name, r.names())
		}
		p.PositiveWhy = "configured"
	case r.classes.Len() != 2:
		return nil
	default:
		a, b := r.classes.Name(0), r.classes.Name(1)
		first, second := *r.see(0), *r.see(1)
		affirmative := []string{"1", "true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "positive"}
		switch {
		case first.scored > 0 && second.scored > 0:
			p.PositiveWhy = "predicted at higher scores"
			name = a
			if second.meanScore() > first.meanScore() {
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
			if second.labels < first.labels {
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
	configured := r.b.options.Tolerance
	if configured > 0 {
		return configured
	}
	var errors []float64
	for j := range r.kept.each() {
		if o, ok := j.outcome(outcome.Regression); ok {
			errors = append(errors, miss(o))
		}
	}
	if len(errors) == 0 {
		return configured
	}
	sortFloats(errors)
	return stat.Quantile(errors, 0.9)
}

// miss is the absolute error of a regression.
func miss(o outcome.Outcome) float64 {
	return min(math.Abs(o.Prediction.Number-o.Label.Number), math.MaxFloat64)
}
