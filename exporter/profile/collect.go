package profile

import (
	"maps"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// What is kept of a column is bounded however long the reference is; docs/configuration.md states the bounds.
const (
	// maxValues is how many values of a column, and how many outcomes, are kept one by one.
	maxValues = 200_000
	// maxNames and maxNameBytes bound the categories that are counted by name.
	maxNames, maxNameBytes = 100_000, 16 << 20
	// maxIntegerNames and maxNumberNames bound them in a column that has shown nothing but integers, or nothing but
	// numbers, and so will hardly be categorical.
	maxIntegerNames, maxNumberNames = 10_000, 1000
	// maxHashes bounds the further categories that are known by their hash.
	maxHashes = 1 << 20
)

// numbers collects the values of a column that may be numeric.
type numbers struct {
	missing, invalid uint64
	// values holds all of them as long as there are at most maxValues. After that it holds those of a batch, counts
	// counts them, as long as no more than limit are distinct, and sketch after that.
	values    pieces[float64]
	counts    map[float64]uint64
	sketch    *sketch
	limit     int
	moments   stat.Moments
	low, high float64
	// imported are the items of a sketch that somebody else has made, and variance is that of their ranks.
	imported []weighted
	variance float64
}

// add takes in the numbers of a batch.
func (n *numbers) add(c *record.Column) {
	for _, x := range c.Numbers {
		if math.IsNaN(x) {
			n.missing++
			continue
		}
		n.values.add(x)
	}
	n.missing -= uint64(len(c.Wrong))
	n.invalid += uint64(len(c.Wrong))
	switch {
	case n.counts != nil || n.sketch != nil:
		n.countValues()
		n.values.clear()
	case n.values.n > maxValues:
		n.counts = make(map[float64]uint64)
		n.low, n.high = math.Inf(1), math.Inf(-1)
		n.countValues()
		n.values = pieces[float64]{}
	}
}

// countValues takes in the values as those that are not to be kept one by one.
func (n *numbers) countValues() {
	for _, values := range n.values.all {
		n.count(values)
	}
}

// count takes in values that are not to be kept one by one.
func (n *numbers) count(values []float64) {
	n.moments.Add(values)
	for _, x := range values {
		x += 0 // turns -0 into 0
		n.low, n.high = min(n.low, x), max(n.high, x)
		if n.counts == nil {
			n.sketch.add(x, 1)
			continue
		}
		n.counts[x]++
		if len(n.counts) > n.limit {
			n.sketch = newSketch()
			for _, item := range n.items() {
				n.sketch.add(item.value, item.weight)
			}
			n.counts = nil
		}
	}
}

// items returns what is counted, sorted and distinct.
func (n *numbers) items() []weighted {
	if n.counts == nil {
		return withEnds(n.sketch.items(), n.low, n.high)
	}
	items := make([]weighted, 0, len(n.counts))
	for _, x := range slices.Sorted(maps.Keys(n.counts)) {
		items = append(items, weighted{x, n.counts[x]})
	}
	return items
}

// column returns the column of the collected values; ok is false if there are none.
func (n *numbers) column(edges []float64) (c Column, ok bool) {
	switch {
	case n.imported != nil:
		c = newWeighted(n.imported, edges, n.limit, n.variance == 0)
		c.RankError = rankError(n.variance, n.moments.N, len(c.Points))
	case n.counts != nil:
		c = newWeighted(n.items(), edges, n.limit, true)
	case n.sketch != nil:
		c = newWeighted(n.items(), edges, n.limit, false)
		c.RankError = n.sketch.rankError(len(c.Points))
	case n.values.n == 0:
		return c, false
	default:
		values := n.values.joined()
		n.values = pieces[float64]{}
		sortFloats(values)
		return newNumeric(values, edges, n.limit), true
	}
	c.Moments = n.moments
	return c, true
}

// names collects the values of a column that may be categorical.
type names struct {
	missing, invalid uint64
	// index numbers the counts of the categories.
	index  nameIndex
	counts []uint64
	bytes  int
	// beyond are the hashes of categories for which counts had no more room, and beyondValues counts their values.
	beyond       map[uint64]struct{}
	beyondValues uint64
	// counted says that there are values.
	counted bool
}

// add takes in the texts of a batch, for which there are as many names. With none, only missing and invalid values are
// counted.
func (n *names) add(b *record.Batch, c *record.Column, limit int) {
	for _, span := range c.Spans {
		switch {
		case span == record.Absent:
			n.missing++
		case span == record.Wrong:
			n.invalid++
		case limit > 0:
			n.count(b, span, limit)
		}
	}
}

func (n *names) count(b *record.Batch, span record.Span, limit int) {
	n.counted = true
	if i, ok := n.index.find(b, span); ok {
		n.counts[i]++
		return
	}
	name := b.Text(span)
	room := len(n.counts) < limit && n.bytes+len(name) <= maxNameBytes
	if len(n.beyond) > 0 && room {
		_, before := n.beyond[xxhash.Sum64(name)]
		room = !before
	}
	if room {
		n.put(string(name), 1)
		return
	}
	n.beyondValues++
	if limit == maxNames && len(n.beyond) < maxHashes {
		n.beyond[xxhash.Sum64(name)] = struct{}{}
	}
}

func (n *names) byFrequency() []categoryCount {
	counts := make(map[string]uint64, len(n.counts))
	n.index.each(func(name string, i int32) { counts[name] = n.counts[i] })
	return byFrequency(counts)
}

// put takes in a new category.
func (n *names) put(name string, count uint64) {
	n.counted = true
	n.bytes += len(name)
	n.index.put(name, int32(len(n.counts)))
	n.counts = append(n.counts, count)
}

// column returns the column of the collected values; ok is false if there are none.
func (n *names) column(limit int) (c Column, ok bool) {
	if !n.counted {
		return c, false
	}
	c = newCategorical(n.byFrequency(), limit)
	c.Cells[c.OtherCell()] += n.beyondValues
	c.beyond = slices.Sorted(maps.Keys(n.beyond))
	return c, true
}

// newNames returns a collection for a column that has been missing in so many rows.
func newNames(missing uint64) *names {
	return &names{missing: missing, beyond: make(map[uint64]struct{})}
}
