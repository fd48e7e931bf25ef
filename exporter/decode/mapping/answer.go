package mapping

import (
	"math"
	"strconv"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

// answer finds the prediction and the score of a row in the values of its response that had no name of theirs:
//
//   - Where either was found by its name, the values without one are nothing. A single value of a name that says
//     nothing counts as one without a name; several are nothing.
//   - A single list, and several values, are one list. If all are numbers from 0 to 1 and their sum is 1, or if they
//     are more than two numbers and the model has a score, they are probabilities of the classes, in order: the class
//     of the largest is the prediction, and of two the second is the score.
//   - Of any other list the first value is the prediction and, of a model that has a score, the second is the score.
//   - A single value is the prediction. Of a model that has a score, a number between 0 and 1 that is neither is the
//     score.
//   - With two classes given, a score alone also makes a prediction, by the threshold.
func (d *Decoder) answer() {
	if d.prediction == none && d.score == none {
		return
	}
	values := d.looseValues()
	if len(values) == 1 && values[0].Kind() == decode.List {
		d.loose = d.loose[:0]
		parts := values[0].Parts()
		for v, ok := parts.NextScalar(); ok; v, ok = parts.NextScalar() {
			d.loose = append(d.loose, v)
		}
		values = d.loose
	}
	named := d.cell(d.prediction).Kind() != decode.None || d.cell(d.score).Kind() != decode.None
	switch {
	case named || len(values) == 0:
	case len(values) == 1:
		d.answerOne(values[0])
	default:
		d.answerList(values)
	}
	d.judge()
}

// looseValues returns the values that may be an answer, though no name says so.
func (d *Decoder) looseValues() []decode.Value {
	if len(d.loose) == 0 && len(d.strange) == 1 {
		return d.strange
	}
	return d.loose
}

// cell returns the value of a field of the row at hand.
func (d *Decoder) cell(field int) decode.Value {
	if field == none {
		return decode.Value{}
	}
	return d.cells[field]
}

func (d *Decoder) setCell(field int, v decode.Value) {
	if field != none {
		d.cells[field] = v
	}
}

func (d *Decoder) answerOne(v decode.Value) {
	x, ok := v.Number()
	if ok && d.score != none && x > 0 && x < 1 {
		d.setCell(d.score, v)
		return
	}
	d.setCell(d.prediction, v)
}

func (d *Decoder) answerList(values []decode.Value) {
	best, most, sum, within := 0, math.Inf(-1), 0.0, true
	numbers := true
	for i, v := range values {
		x, ok := v.Number()
		numbers = numbers && ok
		within = within && ok && x >= 0 && x <= 1
		sum += x
		if ok && x > most {
			best, most = i, x
		}
	}
	shares := within && math.Abs(sum-1) < 0.01
	if !shares && (!numbers || len(values) == 2 || d.score == none) {
		d.setCell(d.prediction, values[0])
		d.setCell(d.score, values[1])
		return
	}
	d.setCell(d.prediction, d.class(best))
	if len(values) == 2 {
		d.setCell(d.score, values[1])
	}
}

// class returns the name of a class by its number.
func (d *Decoder) class(i int) decode.Value {
	if i < len(d.spec.Classes) {
		return d.bareText(d.spec.Classes[i])
	}
	return d.bareText(strconv.Itoa(i))
}

// bareText adds a text that may be a number.
func (d *Decoder) bareText(s string) decode.Value {
	from, to := d.tree.AddString(s).Span()
	return d.tree.AddText(decode.Bare, from, to)
}

// judge makes a prediction of a score alone.
func (d *Decoder) judge() {
	if len(d.spec.Classes) != 2 || d.cell(d.prediction).Kind() != decode.None {
		return
	}
	if x, ok := d.cell(d.score).Number(); ok {
		if x >= d.threshold {
			d.setCell(d.prediction, d.class(1))
		} else {
			d.setCell(d.prediction, d.class(0))
		}
	}
}

// truth finds the label in the values of a truth that had no name.
func (d *Decoder) truth() {
	values := d.looseValues()
	if d.label == none || d.cells[d.label].Kind() != decode.None || len(values) != 1 {
		return
	}
	v := values[0]
	if v.Kind() == decode.List {
		v = v.Index(0)
	}
	d.setCell(d.label, v)
}
