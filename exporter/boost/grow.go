package boost

import "math"

// grower grows one tree after the other, each to correct the sum of those before.
type grower struct {
	o Options
	// cuts, bins and cells are by column: the cut points, the bin of each training row, and where the column's cells
	// begin in a histogram, one for each bin and one for missing values.
	cuts  [][]float64
	bins  [][]uint8
	cells []int
	size  int // of a histogram
	// targets and predictions are by output, of the training rows. derivatives are those of the loss of the first one.
	targets, predictions [][]float64
	derivatives          []derivative
	rows, spare          []int32
	free                 [][]cell // histograms that can be used again
}

// derivative holds the first and the second derivative of the loss by the prediction.
type derivative struct{ first, second float64 }

// cell is what a histogram knows of the rows of a leaf that are in one bin.
type cell struct {
	derivative
	n int
}

func (c *cell) add(o *cell) {
	c.first += o.first
	c.second += o.second
	c.n += o.n
}

// leaf is a leaf of a tree that grows.
type leaf struct {
	rows      []int32 // ascending, a part of grower.rows
	histogram []cell
	total     cell
	best      split
	// parent is the node above and right the side of it on which the leaf hangs; -1 at the top.
	parent int
	right  bool
}

// split is a way to part a leaf.
type split struct {
	gain        float64 // 0 if there is none
	column, bin int     // what is in the bin or in one before goes to the left
	missingLeft bool
}

func newGrower(values, targets [][]float64, rows []int, base []float64, o Options) *grower {
	g := &grower{
		o: o, derivatives: make([]derivative, len(rows)),
		rows: make([]int32, len(rows)), spare: make([]int32, len(rows)),
	}
	for _, column := range values {
		cuts := cutPoints(column, rows, o.Bins)
		bins := make([]uint8, len(rows))
		for i, row := range rows {
			if bins[i] = binOf(column[row], cuts); bins[i] == missingBin {
				bins[i] = uint8(len(cuts) + 1)
			}
		}
		g.cuts, g.bins, g.cells = append(g.cuts, cuts), append(g.bins, bins), append(g.cells, g.size)
		g.size += len(cuts) + 2
	}
	for k, target := range targets {
		own, predictions := make([]float64, len(rows)), make([]float64, len(rows))
		for i, row := range rows {
			own[i], predictions[i] = target[row], base[k]
		}
		g.targets, g.predictions = append(g.targets, own), append(g.predictions, predictions)
	}
	return g
}

// grow returns the next tree and adds it to the predictions; ok is false if nothing is to be gained by a tree.
func (g *grower) grow() (t Tree, ok bool) {
	g.derive()
	for i := range g.rows {
		g.rows[i] = int32(i)
	}
	top := &leaf{rows: g.rows, histogram: g.histogram(g.rows), parent: -1}
	for i := range g.derivatives {
		top.total.add(&cell{g.derivatives[i], 1})
	}
	g.seek(top)
	leaves := []*leaf{top}
	for len(leaves) < g.o.Leaves {
		at := 0
		for i, l := range leaves {
			if l.best.gain > leaves[at].best.gain {
				at = i
			}
		}
		l := leaves[at]
		if l.best.gain == 0 {
			break
		}
		left, right := g.part(l, &t)
		leaves[at] = left
		leaves = append(leaves, right)
	}
	for i, l := range leaves {
		if l.parent >= 0 {
			t.Nodes[l.parent].setChild(l.right, ^i)
		}
		t.Leaves = append(t.Leaves, g.settle(l))
		g.free = append(g.free, l.histogram)
	}
	return t, len(t.Nodes) > 0
}

// derive computes the derivatives of the loss at the predictions.
func (g *grower) derive() {
	for i, p := range g.predictions[0] {
		y := g.targets[0][i]
		if g.o.Loss == Logistic {
			p = sigmoid(p)
			g.derivatives[i] = derivative{p - y, p * (1 - p)}
		} else {
			g.derivatives[i] = derivative{p - y, 1}
		}
	}
}

// histogram counts rows in the cells of all columns.
func (g *grower) histogram(rows []int32) []cell {
	h := g.empty()
	for k, bins := range g.bins {
		cells := h[g.cells[k]:]
		for _, row := range rows {
			c, d := &cells[bins[row]], &g.derivatives[row]
			c.first += d.first
			c.second += d.second
			c.n++
		}
	}
	return h
}

func (g *grower) empty() []cell {
	last := len(g.free) - 1
	if last < 0 {
		return make([]cell, g.size)
	}
	h := g.free[last]
	g.free = g.free[:last]
	clear(h)
	return h
}

// part parts a leaf by its best split, which becomes a node of the tree. The new leaves hang on it.
func (g *grower) part(l *leaf, t *Tree) (left, right *leaf) {
	s, bins := l.best, g.bins[l.best.column]
	missing := uint8(len(g.cuts[s.column]) + 1)
	var few, spare int
	for _, row := range l.rows {
		bin := bins[row]
		if int(bin) <= s.bin || bin == missing && s.missingLeft {
			l.rows[few] = row
			few++
		} else {
			g.spare[spare] = row
			spare++
		}
	}
	copy(l.rows[few:], g.spare[:spare])
	number := len(t.Nodes)
	at := math.MaxFloat64
	if s.bin < len(g.cuts[s.column]) {
		at = g.cuts[s.column][s.bin]
	}
	t.Nodes = append(t.Nodes, Node{Column: s.column, At: at, MissingLeft: s.missingLeft})
	if l.parent >= 0 {
		t.Nodes[l.parent].setChild(l.right, number)
	}
	left = &leaf{rows: l.rows[:few], parent: number}
	right = &leaf{rows: l.rows[few:], parent: number, right: true}
	// Only the smaller side is counted: the other one is the rest.
	smaller, larger := left, right
	if len(left.rows) > len(right.rows) {
		smaller, larger = right, left
	}
	smaller.histogram, larger.histogram = g.histogram(smaller.rows), l.histogram
	for i := range larger.histogram {
		c, o := &larger.histogram[i], &smaller.histogram[i]
		c.add(&cell{derivative{-o.first, -o.second}, -o.n})
	}
	for _, side := range []*leaf{left, right} {
		for _, row := range side.rows {
			side.total.add(&cell{g.derivatives[row], 1})
		}
		g.seek(side)
	}
	return left, right
}

// seek finds the best split of a leaf: the one that gains most, the first of those that gain the same.
func (g *grower) seek(l *leaf) {
	if len(l.rows) < 2*g.o.MinRows {
		return
	}
	whole := g.score(&l.total)
	// Less than that is rounding.
	least := 1e-10 * math.Abs(whole)
	for k, cuts := range g.cuts {
		cells := l.histogram[g.cells[k]:][:len(cuts)+2]
		missing := cells[len(cuts)+1]
		for _, missingLeft := range []bool{false, true} {
			if missing.n == 0 && missingLeft {
				break
			}
			var left cell
			bins := len(cuts)
			switch {
			case missingLeft:
				left = missing
			case missing.n > 0:
				bins++ // behind the last bin are only missing values
			}
			for bin := range bins {
				left.add(&cells[bin])
				right := cell{
					derivative{l.total.first - left.first, l.total.second - left.second}, l.total.n - left.n,
				}
				if left.n < g.o.MinRows || right.n < g.o.MinRows {
					continue
				}
				if gain := g.score(&left) + g.score(&right) - whole; gain > l.best.gain && gain > least {
					// Where no value is missing, those to come go where most rows do.
					l.best = split{gain, k, bin, missingLeft || missing.n == 0 && left.n > right.n}
				}
			}
		}
	}
}

// score is twice what the best constant saves of the loss in some rows, up to the second order.
func (g *grower) score(c *cell) float64 {
	if weight := c.second + g.o.Lambda; weight > 0 {
		return c.first * c.first / weight
	}
	return 0
}

// settle gives a leaf its values, one for each output, and adds them to the predictions of its rows.
func (g *grower) settle(l *leaf) []float64 {
	values := make([]float64, len(g.targets))
	if weight := l.total.second + g.o.Lambda; weight > 0 {
		values[0] = round(-g.o.Rate * l.total.first / weight)
	}
	for k := 1; k < len(values); k++ {
		var rest float64
		for _, row := range l.rows {
			rest += g.targets[k][row] - g.predictions[k][row]
		}
		values[k] = round(g.o.Rate * rest / (float64(len(l.rows)) + g.o.Lambda))
	}
	for k, x := range values {
		for _, row := range l.rows {
			g.predictions[k][row] += x
		}
	}
	return values
}
