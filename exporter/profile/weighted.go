package profile

import (
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// representatives is how many values at even ranks stand for a sketch when its cut points are chosen.
const representatives = 1 << 18

// distribution is a sorted sample in which every value stands for one or more.
type distribution struct {
	items []weighted
	// below[i] is the weight of all items before item i; the last one is the weight of all.
	below []uint64
}

func newDistribution(items []weighted) *distribution {
	d := &distribution{items: items, below: make([]uint64, 1, len(items)+1)}
	for _, item := range items {
		d.below = append(d.below, d.n()+item.weight)
	}
	return d
}

// n is the number of values.
func (d *distribution) n() uint64 { return d.below[len(d.below)-1] }

// at returns the value of a rank, which counts from 0.
func (d *distribution) at(rank uint64) float64 {
	i, found := slices.BinarySearch(d.below, rank)
	if !found {
		i--
	}
	return d.items[i].value
}

// quantile is stat.Quantile of the values.
func (d *distribution) quantile(prob float64) float64 {
	last := d.n() - 1
	position := float64(float64(last) * prob) // the outer conversion: see make check-rounding
	rank := min(uint64(position), last)
	if rank == last {
		return d.at(last)
	}
	return stat.Quantile([]float64{d.at(rank), d.at(rank + 1)}, position-float64(rank))
}

// deciles is stat.DecileEdges of the values.
func (d *distribution) deciles() []float64 {
	var edges []float64
	for i := 1; i <= 9; i++ {
		edges = append(edges, d.quantile(float64(i)/10))
	}
	return slices.Compact(edges)
}

// sample returns sorted values from which k cut points can be chosen.
func (d *distribution) sample(k int, whole bool) []float64 {
	switch {
	case whole && d.n() <= maxValues:
		var values []float64
		for _, item := range d.items {
			values = append(values, slices.Repeat([]float64{item.value}, int(item.weight))...)
		}
		return values
	case whole && len(d.items) <= k:
		values := make([]float64, len(d.items))
		for i, item := range d.items {
			values[i] = item.value
		}
		return values
	default:
		return d.representatives()
	}
}

// representatives returns sorted values at even ranks.
func (d *distribution) representatives() []float64 {
	last := d.n() - 1
	values := make([]float64, representatives)
	i := 0
	for j := range values {
		rank := uint64(float64(last) / (representatives - 1) * float64(j))
		for d.below[i+1] <= min(rank, last) {
			i++
		}
		values[j] = d.items[i].value
	}
	values[len(values)-1] = d.items[len(d.items)-1].value
	return values
}

// newWeighted builds the column of values that stand for several, sorted and distinct, as newNumeric does of values.
// whole says that no value is missing from them; otherwise they are what is left of a sketch.
func newWeighted(items []weighted, edges []float64, k int, whole bool) Column {
	c := Column{Kind: record.Numeric}
	d := newDistribution(items)
	if edges == nil {
		edges = d.deciles()
	}
	c.Edges = slices.Clone(edges)
	for i := range c.Edges {
		c.Edges[i] += 0 // turns -0 into 0
	}
	c.Points, _ = cutPoints(d.sample(k, whole), edges, k)
	c.Exact = whole && len(items) <= k
	c.index()
	c.Cells = make([]uint64, 2*len(c.Points)+1)
	for _, item := range items {
		c.Cells[c.Cell(item.value)] += item.weight
	}
	c.Bins = c.Coarse(c.Cells, nil)
	return c
}

// withEnds makes the smallest and the largest of the values items of their own, at the cost of their neighbours.
func withEnds(items []weighted, low, high float64) []weighted {
	empty := func(item weighted) bool { return item.weight == 0 }
	if low < items[0].value {
		items[0].weight--
		items = slices.Insert(items, 0, weighted{low, 1})
	}
	items = slices.DeleteFunc(items, empty)
	if last := len(items) - 1; high > items[last].value {
		items[last].weight--
		items = append(items, weighted{high, 1})
	}
	return slices.DeleteFunc(items, empty)
}
