package outcome

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// Cells are what the labels of a regression are counted in: the cells of the reference's column of labels.
type Cells struct {
	// Points are the cut points c_0 < … < c_{k-1}, at least one, in the label's unit. Of the 2k+1 cells, cell 2i lies
	// strictly between c_{i-1} and c_i, and cell 2i+1 is the point c_i itself.
	Points []float64
	// Find returns the cell of a finite number.
	Find func(x float64) int
	// Apart is how many different labels that are no cut point are told apart as well; 0 for none.
	Apart int
}

// Apart is a label that is no cut point, and how often it occurred.
type Apart struct {
	Value float64
	Count uint64
}

// Labels is what a tally holds of the labels of a regression.
type Labels struct {
	// Moments are those of the labels, rounded once.
	Moments stat.Moments
	// Cells counts them in the cells of the rules.
	Cells []uint64
	// Apart are those that are no cut point, ascending; nil if they were too many.
	Apart []Apart
	// Tail sums the distances of labels beyond the outermost cut points.
	Tail stat.Tail
}

// Labels returns what the tally holds of the labels of a regression whose rules have Cells.
func (t *Tally) Labels() Labels {
	r := &t.residuals
	l := Labels{Moments: stat.Moments{N: uint64(t.n)}, Cells: t.labels.counts(2*len(t.rules.Cells.Points) + 1)}
	if t.n > 0 {
		n := new(big.Float).SetPrec(exactBits).SetInt64(t.n)
		l.Moments.Mean, _ = n.Quo(r.labels.exact(), n).Float64()
		if spread := r.labelSpread(t.n); spread > 0 { // It is NaN where all labels are equal.
			l.Moments.M2 = spread
		}
	}
	for x, n := range t.labels.apart {
		l.Apart = append(l.Apart, Apart{x, uint64(n)})
	}
	slices.SortFunc(l.Apart, func(a, b Apart) int { return cmp.Compare(a.Value, b.Value) })
	l.Tail = stat.Tail{Below: t.labels.below.value(), Above: t.labels.above.value()}
	return l
}

// LabelClasses returns how many labels of each class a classification has.
func (t *Tally) LabelClasses() map[uint32]uint64 {
	classes := make(map[uint32]uint64)
	for at, n := range t.confusion {
		classes[at.label] += uint64(n)
	}
	return classes
}

// pageCells is how many cells are counted together, so that few labels take little memory.
const pageCells = 32

// labelCells counts labels in cells. The zero value holds none.
type labelCells struct {
	pages []*[pageCells]int64 // nil where there was no label
	// below and above sum the distances of labels beyond the outermost points.
	below, above sum
	// apart counts the labels that are no cut point. Once they are more than the limit none is told apart any more:
	// which ones came first would depend on the order in which logs are read.
	apart   map[float64]int64
	crowded bool
}

func (l *labelCells) add(c *Cells, x float64, by int64) {
	cell, last := c.Find(x), 2*len(c.Points)
	l.count(cell, last+1, by)
	switch cell {
	case 0:
		l.below.add((c.Points[0] - x) * float64(by))
	case last:
		l.above.add((x - c.Points[len(c.Points)-1]) * float64(by))
	}
	if cell%2 == 0 {
		l.tell(x, by, c.Apart)
	}
}

// count adds to one of so many cells.
func (l *labelCells) count(cell, cells int, by int64) {
	if l.pages == nil {
		l.pages = make([]*[pageCells]int64, (cells+pageCells-1)/pageCells)
	}
	page := &l.pages[cell/pageCells]
	if *page == nil {
		*page = new([pageCells]int64)
	}
	(*page)[cell%pageCells] += by
}

// tell counts a label apart, if there are no more of them than the limit.
func (l *labelCells) tell(x float64, by int64, limit int) {
	if l.crowded {
		return
	}
	if l.apart == nil {
		l.apart = make(map[float64]int64)
	}
	if n := l.apart[x] + by; n != 0 {
		l.apart[x] = n
	} else {
		delete(l.apart, x)
	}
	if len(l.apart) > limit {
		l.crowded, l.apart = true, nil
	}
}

func (l *labelCells) merge(c *Cells, other *labelCells) {
	if l.pages == nil && other.pages != nil {
		l.pages = make([]*[pageCells]int64, len(other.pages))
	}
	for i, page := range other.pages {
		if page == nil {
			continue
		}
		if l.pages[i] == nil {
			l.pages[i] = new([pageCells]int64)
		}
		for k, n := range page {
			l.pages[i][k] += n
		}
	}
	l.below.merge(&other.below)
	l.above.merge(&other.above)
	if other.crowded {
		l.crowded, l.apart = true, nil
	}
	for x, n := range other.apart {
		l.tell(x, n, c.Apart)
	}
}

// counts returns the counts of so many cells.
func (l *labelCells) counts(cells int) []uint64 {
	counts := make([]uint64, cells)
	for i, page := range l.pages {
		if page == nil {
			continue
		}
		for k, n := range page[:min(pageCells, cells-i*pageCells)] {
			counts[i*pageCells+k] = uint64(n)
		}
	}
	return counts
}
