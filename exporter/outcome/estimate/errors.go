package estimate

import (
	"math"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/boost"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// How the errors of a reference are learnt: see FitErrors.
const (
	// minRows is how many rows it takes.
	minRows = 200
	// Every fifth of 25 blocks of neighbouring rows is held out.
	blocks, everyBlock = 25, 5
)

// FitErrors learns from the reference how large the errors of a regression are: the absolute and, in the same trees,
// the squared error of a prediction by the features and the prediction itself. The inputs are the columns in their
// order and the prediction behind them. ok is false if there are fewer than 200 rows.
//
// How many trees there are is found on a fifth of the rows that the trees have not seen, in blocks of neighbours,
// because neighbours resemble each other; then as many are fitted to all rows. If inputs tell nothing of the error
// there is no tree, and every prediction has the reference's mean error. The estimate is of the errors that the
// reference has: if its predictions are for rows that the regression has learnt from, so are these errors, and too
// small.
func FitErrors(columns []boost.Column, predictions, labels []float64) (m *boost.Model, ok bool) {
	n := len(predictions)
	if n < minRows {
		return nil, false
	}
	data := boost.Data{Columns: append(slices.Clip(columns), boost.Column{Values: predictions})}
	absolute, squared := make([]float64, n), make([]float64, n)
	var all, training, heldOut []int
	for i := range n {
		absolute[i] = math.Abs(predictions[i] - labels[i])
		squared[i] = absolute[i] * absolute[i]
		all = append(all, i)
		if i*blocks/n%everyBlock == everyBlock/2 {
			heldOut = append(heldOut, i)
		} else {
			training = append(training, i)
		}
	}
	data.Targets = [][]float64{absolute, squared}
	// Errors are mostly noise: many rows in few leaves tell more than few in many.
	o := boost.Options{Trees: 32, Leaves: 8, MinRows: 50, Bins: 64, Rate: 0.2, Lambda: 1}
	o.Trees = len(boost.Fit(data, training, heldOut, o).Trees)
	return boost.Fit(data, all, nil, o), true
}

// Errors accumulates expected errors of predictions (DLE).
type Errors struct {
	n                 uint64
	absolute, squared float64
}

// Add takes in a prediction by what the model of FitErrors says of it. An error below 0, which trees may come to,
// counts as 0.
func (r *Errors) Add(absolute, squared float64) {
	r.n++
	r.absolute += max(absolute, 0)
	r.squared += max(squared, 0)
}

// Merge adds what another one holds.
func (r *Errors) Merge(o *Errors) {
	r.n += o.n
	r.absolute += o.absolute
	r.squared += o.squared
}

// N returns the number of predictions.
func (r *Errors) N() uint64 { return r.n }

// Metrics returns the expected performance, both in the label's unit: mae, the mean of the expected absolute errors,
// and rmse, the square root of the mean of the expected squared ones.
func (r *Errors) Metrics() []outcome.Metric {
	if r.n == 0 {
		return nil
	}
	n := float64(r.n)
	return []outcome.Metric{{Name: "mae", Value: r.absolute / n}, {Name: "rmse", Value: math.Sqrt(r.squared / n)}}
}

// Save writes what has been accumulated.
func (r *Errors) Save(e *state.Encoder) {
	e.Uint(r.n)
	e.Float(r.absolute)
	e.Float(r.squared)
}

// Load reads what Save wrote.
func (r *Errors) Load(d *state.Decoder) {
	*r = Errors{n: d.Uint(), absolute: d.Float(), squared: d.Float()}
	if !(r.absolute >= 0 && r.squared >= 0) || r.n == 0 && (r.absolute > 0 || r.squared > 0) ||
		math.IsInf(r.absolute, 0) || math.IsInf(r.squared, 0) {
		d.Fail("the expected errors of %d predictions are %g and %g", r.n, r.absolute, r.squared)
		*r = Errors{}
	}
}
