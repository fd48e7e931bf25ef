package profile

import (
	"container/heap"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// cutPoints returns the cut points of sorted values, the coarse edges among them. Where there are at most k distinct
// values they are all cut points, which exact tells.
//
// Otherwise half of the k are quantiles, which bound the error of Kolmogorov-Smirnov distances by the share 2/k of the
// reference. The rest goes, one by one, to the open cell that adds most to the error of the Wasserstein distance, which
// is its width times what it holds: so a long tail of few values gets its share of points.
func cutPoints(sorted, edges []float64, k int) (points []float64, exact bool) {
	if points, exact = distinct(sorted, k); !exact {
		points = points[:0]
		for i := range k / 2 {
			points = append(points, stat.Quantile(sorted, float64(i)/float64(k/2-1)))
		}
	}
	points = append(points, edges...)
	for i := range points {
		points[i] += 0 // turns -0 into 0
	}
	slices.Sort(points)
	points = slices.Compact(points)
	if !exact {
		points = spread(points, sorted, k)
	}
	return points, exact
}

// distinct returns the distinct ones of sorted values; ok is false if there are more than k.
func distinct(sorted []float64, k int) (values []float64, ok bool) {
	for i, x := range sorted {
		if i > 0 && x == sorted[i-1] {
			continue
		}
		if len(values) == k {
			return values, false
		}
		values = append(values, x)
	}
	return values, true
}

// gap is an open cell between two cut points and the sorted values in it.
type gap struct {
	low, high float64
	values    []float64
	weight    float64
}

// gaps is a heap with the weightiest on top.
type gaps []gap

func (h gaps) Len() int           { return len(h) }
func (h gaps) Less(i, j int) bool { return h[i].weight > h[j].weight }
func (h gaps) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *gaps) Push(g any)        { *h = append(*h, g.(gap)) }
func (h *gaps) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// spread adds points until there are k, each in the middle of the values of the weightiest gap.
func spread(points, sorted []float64, k int) []float64 {
	open := make(gaps, 0, len(points))
	add := func(low, high float64, values []float64) {
		from, _ := slices.BinarySearch(values, low)
		for from < len(values) && values[from] == low {
			from++
		}
		to, _ := slices.BinarySearch(values, high)
		if from < to {
			heap.Push(&open, gap{low, high, values[from:to], (high - low) * float64(to-from)})
		}
	}
	for i := range len(points) - 1 {
		add(points[i], points[i+1], sorted)
	}
	for len(points) < k && len(open) > 0 {
		g := heap.Pop(&open).(gap)
		middle := g.values[len(g.values)/2]
		points = append(points, middle)
		add(g.low, middle, g.values)
		add(middle, g.high, g.values)
	}
	slices.Sort(points)
	return points
}
