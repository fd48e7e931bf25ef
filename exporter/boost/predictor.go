package boost

import (
	"math"
	"math/bits"
)

const (
	// maxLeaves is the largest number of leaves of a tree: one bit for each of them.
	maxLeaves = 16
	// lanes is how many trees share a word.
	lanes = 64 / maxLeaves
)

// Predictor predicts with a model. It walks down no tree, which would cost a wrongly guessed branch at every second
// node: for each input it looks up the leaves, of all trees at once, that the input's value leaves open, and takes of
// each tree the first leaf that all inputs leave open (Lucchese et al., "QuickScorer: A Fast Algorithm to Rank
// Documents with Additive Ensembles of Regression Trees", 2015). It may not be used by two goroutines at once.
type Predictor struct {
	loss    Loss
	base    []float64
	columns []inputTable
	// values are by output those of all leaves, maxLeaves for each tree.
	values [][]float64
	// open and leaves are what a prediction works on: the leaves that are left, a bit for each, the leftmost lowest; and
	// the leaf of each tree.
	open   []uint64
	leaves []uint8
}

// inputTable has for each bin of an input, and behind them for missing values, the leaves that it leaves open; nothing
// for an input that no tree looks at.
type inputTable struct {
	cuts []float64 // thresholds, ascending; bin i is up to cut i
	// categories is the number of codes, which are bins; 0 for a numeric input.
	categories int
	open       [][]uint64
}

// Predictor returns a predictor of the model, which must be one of Fit or have passed Check.
func (m *Model) Predictor() *Predictor {
	words := (len(m.Trees) + lanes - 1) / lanes
	p := &Predictor{
		loss: m.Loss, base: m.Base, open: make([]uint64, words), leaves: make([]uint8, len(m.Trees)),
		values: make([][]float64, len(m.Base)),
	}
	for k := range p.values {
		p.values[k] = make([]float64, len(m.Trees)*maxLeaves)
	}
	closed := make([][]uint64, len(m.Trees)) // by tree and node: the leaves left of it, which it closes
	for i := range m.Trees {
		t := &m.Trees[i]
		closed[i] = make([]uint64, len(t.Nodes))
		next := 0
		p.lay(t, i, 0, &next, closed[i])
	}
	for column, ranks := range m.Ranks {
		p.columns = append(p.columns, m.table(column, ranks, words, closed))
	}
	return p
}

// lay numbers the leaves below a node from left to right, from next on, and notes which of them are left of each node.
func (p *Predictor) lay(t *Tree, tree, node int, next *int, closed []uint64) {
	below := func(child int) {
		if child >= 0 {
			p.lay(t, tree, child, next, closed)
			return
		}
		for k, x := range t.Leaves[^child] {
			p.values[k][tree*maxLeaves+*next] = x
		}
		*next++
	}
	first := *next
	below(t.Nodes[node].Left)
	closed[node] = 1<<*next - 1<<first
	below(t.Nodes[node].Right)
}

// table returns what the values of a column leave open.
func (m *Model) table(column int, ranks []int, words int, closed [][]uint64) inputTable {
	open := func(right func(n *Node) bool) []uint64 {
		row := make([]uint64, words)
		for i := range row {
			row[i] = math.MaxUint64
		}
		for i := range m.Trees {
			for k := range m.Trees[i].Nodes {
				if n := &m.Trees[i].Nodes[k]; n.Column == column && right(n) {
					row[i/lanes] &^= closed[i][k] << (i % lanes * maxLeaves)
				}
			}
		}
		return row
	}
	cuts := m.thresholds(column)
	if len(cuts) == 0 {
		return inputTable{}
	}
	at := func(x float64) []uint64 { return open(func(n *Node) bool { return x > n.At }) }
	missing := open(func(n *Node) bool { return !n.MissingLeft })
	t := inputTable{categories: len(ranks)}
	if ranks != nil {
		for code := range ranks {
			row := missing
			if x := place(float64(code), ranks); !math.IsNaN(x) {
				row = at(x)
			}
			t.open = append(t.open, row)
		}
		t.open = append(t.open, missing)
		return t
	}
	t.cuts = cuts
	for _, cut := range cuts {
		t.open = append(t.open, at(cut))
	}
	t.open = append(t.open, at(math.Inf(1)), missing)
	return t
}

// bin returns the bin of a value.
func (t *inputTable) bin(x float64) int {
	if t.cuts == nil {
		if code, ok := codeOf(x, t.categories); ok {
			return code
		}
		return len(t.open) - 1
	}
	if math.IsNaN(x) {
		return len(t.open) - 1
	}
	// The first cut that is not below x. Whether one is is taken as a number: a branch on it would be guessed wrongly half
	// of the time.
	cuts, from := t.cuts, 0
	for n := len(cuts); n > 1; {
		half := n / 2
		below := 0
		if cuts[from+half-1] < x {
			below = 1
		}
		from += half & -below
		n -= half
	}
	if cuts[from] < x {
		from++
	}
	return from
}

// find sets the leaf of each tree.
func (p *Predictor) find() {
	rest := p.leaves
	for _, open := range p.open {
		for lane := range min(lanes, len(rest)) {
			rest[lane] = uint8(bits.TrailingZeros64(open))
			open >>= maxLeaves
		}
		rest = rest[min(lanes, len(rest)):]
	}
}

// Predict writes the outputs for a row into out. The row has an input for each column, as Column.Values has. It does
// not allocate.
func (p *Predictor) Predict(row, out []float64) {
	open := p.open
	for i := range open {
		open[i] = math.MaxUint64
	}
	for i := range p.columns {
		t := &p.columns[i]
		if len(t.open) == 0 {
			continue
		}
		mask := t.open[t.bin(row[i])][:len(open)]
		for k := range open {
			open[k] &= mask[k]
		}
	}
	p.find()
	for k, sum := range p.base {
		values := p.values[k]
		for i, leaf := range p.leaves {
			sum += values[i*maxLeaves+int(leaf)]
		}
		out[k] = sum
	}
	if p.loss == Logistic {
		out[0] = sigmoid(out[0])
	}
}
