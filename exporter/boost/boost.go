// Package boost fits small ensembles of regression trees by gradient boosting, and predicts with them: numbers by the
// squared loss, probabilities by the logistic one. Values are put into at most 255 bins a column, and trees grow leaf
// by leaf, the one that gains most first, as in Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision
// Tree" (2017). There is no chance in it: the same data give the same model.
package boost

import (
	"math"
	"strconv"
)

// Loss is what the trees make small.
type Loss uint8

// The losses.
const (
	// Squared is the loss of numbers: predictions are means.
	Squared Loss = iota
	// Logistic is the loss of targets that are 0 or 1: predictions are probabilities of 1.
	Logistic
)

// Column is one input.
type Column struct {
	// Values has a number for each row, NaN where there is none. Missing values go down the side of a split that suits
	// them best. Those of a category are its code, a whole number from 0 on.
	Values []float64
	// Categories is how many codes there are; 0 says that the column is numeric. The order of codes means nothing.
	Categories int
}

// Data are rows to learn from.
type Data struct {
	Columns []Column
	// Targets has a finite number for each row, and each of them becomes an output of the model. Trees are split for the
	// first one; the others have values of their own in the leaves of the same trees. The logistic loss takes only one.
	Targets [][]float64
}

// Options bound a model.
type Options struct {
	Loss Loss
	// Trees is the number of trees, fewer if nothing is left to gain, and Leaves that of the leaves of one tree, from 2 to
	// 16.
	Trees, Leaves int
	// MinRows is the smallest number of rows in a leaf, at least 1. Categories with fewer rows share one place.
	MinRows int
	// Bins is the largest number of bins of a column, from 2 to 255, missing values not counted.
	Bins int
	// Rate is the share of a tree's correction that is taken, above 0 and at most 1. Lambda, 0 or more, shrinks leaves
	// with few rows: it is added to the sum of the second derivatives of the loss, which of the squared loss is the number
	// of rows.
	Rate, Lambda float64
}

// Fit learns from the training rows. It keeps as many trees as make the loss of the first target smallest in the rows
// that are held out, none if all of them make it larger; all trees if no row is held out. There must be a training row.
func Fit(d Data, training, heldOut []int, o Options) *Model {
	if len(training) == 0 || len(d.Targets) == 0 || o.Loss == Logistic && len(d.Targets) > 1 || o.Leaves < 2 ||
		o.Leaves > maxLeaves || o.MinRows < 1 || o.Bins < 2 || o.Bins > maxBins || o.Rate <= 0 || o.Lambda < 0 {
		panic("bug: trees cannot be fitted to these data with these options")
	}
	m := &Model{Loss: o.Loss}
	for _, target := range d.Targets {
		m.Base = append(m.Base, base(target, training, o.Loss))
	}
	values := make([][]float64, len(d.Columns))
	for i := range d.Columns {
		ranks, ranked := rank(&d.Columns[i], d.Targets[0], training, o.MinRows)
		m.Ranks = append(m.Ranks, ranks)
		values[i] = ranked
	}
	g := newGrower(values, d.Targets, training, m.Base, o)
	check := newCheck(values, d.Targets[0], heldOut, m)
	best := 0
	for range o.Trees {
		tree, ok := g.grow()
		if !ok {
			break
		}
		m.Trees = append(m.Trees, tree)
		if check.better(&tree) {
			best = len(m.Trees)
		}
	}
	m.Trees = m.Trees[:best:best]
	return m
}

// base returns the constant that fits the rows best: the mean, or the logarithm of the odds. Targets that are all alike
// count as if there was half a row of the other kind, so that their odds are finite.
func base(target []float64, rows []int, loss Loss) float64 {
	var sum float64
	for _, row := range rows {
		sum += target[row]
	}
	n := float64(len(rows))
	if loss == Logistic {
		sum = min(max(sum, 0.5), n-0.5)
		return round(math.Log(sum / (n - sum)))
	}
	return round(sum / n)
}

// round leaves seven significant digits, so that models that are written as text stay small and are the same when read.
func round(x float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 7, 64), 64)
	if err != nil {
		return x // beyond the largest number
	}
	return rounded
}

// check follows the loss in rows that are held out.
type check struct {
	loss        Loss
	rows        [][]float64
	targets     []float64
	predictions []float64
	least       float64
}

func newCheck(values [][]float64, target []float64, heldOut []int, m *Model) *check {
	c := &check{loss: m.Loss}
	for _, row := range heldOut {
		inputs := make([]float64, len(values))
		for i := range values {
			inputs[i] = values[i][row]
		}
		c.rows = append(c.rows, inputs)
		c.targets = append(c.targets, target[row])
		c.predictions = append(c.predictions, m.Base[0])
	}
	c.least = c.total()
	return c
}

// better adds a tree and reports whether the loss is now less than it ever was. Without rows it always is.
func (c *check) better(t *Tree) bool {
	for i, row := range c.rows {
		c.predictions[i] += t.Leaves[t.leaf(row)][0]
	}
	loss := c.total()
	if len(c.rows) > 0 && !(loss < c.least) {
		return false
	}
	c.least = loss
	return true
}

func (c *check) total() float64 {
	var sum float64
	for i, p := range c.predictions {
		if c.loss == Logistic {
			// ln(1 + e^p) - y p, in a form that does not overflow.
			sum += max(p, 0) + math.Log1p(math.Exp(-math.Abs(p))) - c.targets[i]*p
		} else {
			sum += (p - c.targets[i]) * (p - c.targets[i])
		}
	}
	return sum
}
