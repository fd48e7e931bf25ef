package estimate

import (
	"math"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// unit is the probability 1. Probabilities are summed as whole numbers, so that sums do not depend on the order: each
// is right to 3e-8.
const unit = 1 << 24

// Point is a calibrated score.
type Point struct {
	segment     int
	probability uint64 // of unit
}

// At calibrates a score; ok is false if it is none from 0 to 1. It does not allocate.
func (c *Calibration) At(score float64) (p Point, ok bool) {
	if !(score >= 0 && score <= 1) {
		return Point{}, false
	}
	p.segment = c.segment(score)
	if c.probabilities != nil {
		score = c.probabilities[p.segment]
	}
	p.probability = uint64(score*unit + 0.5)
	return p, true
}

// Binary accumulates predictions of one of two classes (CBPE). Its size depends on the calibration, not on how many
// there are.
type Binary struct {
	// cells are those of the segments, first of predictions of the negative class and then of the positive one.
	cells []cell
}

// cell counts the predictions of a segment and a class. probability is the sum of the probabilities that they are
// positive, of unit.
type cell struct{ n, probability uint64 }

// NewBinary returns a Binary without predictions.
func (c *Calibration) NewBinary() *Binary {
	return &Binary{cells: make([]cell, 2*(len(c.cuts)+1))}
}

// Add takes in a prediction by its calibrated score and whether it is of the positive class.
func (b *Binary) Add(at Point, positive bool) {
	i := 2 * at.segment
	if positive {
		i++
	}
	b.cells[i].n++
	b.cells[i].probability += at.probability
}

// Merge adds what another one of the same calibration holds.
func (b *Binary) Merge(o *Binary) {
	for i := range o.cells {
		b.cells[i].n += o.cells[i].n
		b.cells[i].probability += o.cells[i].probability
	}
}

// N returns the number of predictions.
func (b *Binary) N() uint64 {
	var n uint64
	for i := range b.cells {
		n += b.cells[i].n
	}
	return n
}

// Metrics returns the expected performance, in the order below and without what is not defined. A prediction with the
// probability p of being positive is so much of a true positive, and 1 - p of a false one, if it is of the positive
// class; else it is p of a false negative and 1 - p of a true one. With tp, fp, fn and tn as the sums,
//
//	accuracy     (tp + tn) / n
//	error_ratio  (fp + fn) / n
//	precision    tp / (tp + fp)
//	recall       tp / (tp + fn)
//	f1           2 tp / (2 tp + fp + fn)
//	roc_auc      P(score of a positive > that of a negative), scores of one segment half
func (b *Binary) Metrics() []outcome.Metric {
	var tp, fp, fn, tn float64
	var won, below, positives float64
	for i := 0; i < len(b.cells); i += 2 {
		p, n := [2]float64{}, [2]float64{}
		for k, c := range b.cells[i : i+2] {
			p[k] = float64(c.probability) / unit
			n[k] = float64(c.n) - p[k]
		}
		fn, tn, tp, fp = fn+p[0], tn+n[0], tp+p[1], fp+n[1]
		won += (p[0] + p[1]) * (below + (n[0]+n[1])/2)
		below += n[0] + n[1]
		positives += p[0] + p[1]
	}
	n := tp + fp + fn + tn
	var metrics []outcome.Metric
	ratio := func(name string, part, whole float64) {
		if x := part / whole; !math.IsNaN(x) && !math.IsInf(x, 0) {
			metrics = append(metrics, outcome.Metric{Name: name, Value: x})
		}
	}
	ratio("accuracy", tp+tn, n)
	ratio("error_ratio", fp+fn, n)
	ratio("precision", tp, tp+fp)
	ratio("recall", tp, tp+fn)
	ratio("f1", 2*tp, 2*tp+fp+fn)
	ratio("roc_auc", won, positives*below)
	return metrics
}

// Save writes what has been accumulated.
func (b *Binary) Save(e *state.Encoder) {
	used := 0
	for i := range b.cells {
		if b.cells[i].n > 0 {
			used++
		}
	}
	e.Uint(uint64(used))
	for i := range b.cells {
		if c := &b.cells[i]; c.n > 0 {
			e.Uint(uint64(i))
			e.Uint(c.n)
			e.Uint(c.probability)
		}
	}
}

// Load reads what Save wrote of one of the same calibration into one without predictions.
func (b *Binary) Load(d *state.Decoder) {
	next := uint64(0)
	for range d.Count(3) {
		i, c := d.Uint(), cell{n: d.Uint(), probability: d.Uint()}
		if i < next || i >= uint64(len(b.cells)) || c.n == 0 || c.n > maxCount || c.probability > c.n*unit {
			d.Fail("the cells of an estimate are broken")
			return
		}
		b.cells[i] = c
		next = i + 1
	}
}

// maxCount is more than a window will ever hold. Sums of as many probabilities do not overflow.
const maxCount = 1<<39 - 1
