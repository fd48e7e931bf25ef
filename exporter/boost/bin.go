package boost

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

const (
	// maxBins is how many bins of values one byte tells apart.
	maxBins = 255
	// missingBin is the bin of missing values, behind all others.
	missingBin = 255
)

// rank orders the categories of a column by the mean of the target in their rows, and returns the place of each code
// and the column with places instead of codes: among splits into two sets of categories the best one of the squared
// loss is a split of that order (Fisher, "On Grouping for Maximum Homogeneity", 1958). Categories with fewer than few
// rows would find a place by chance and share one. The values of a numeric column are returned as they are.
func rank(c *Column, target []float64, rows []int, few int) (ranks []int, values []float64) {
	if c.Categories == 0 {
		return nil, c.Values
	}
	type group struct{ sum, n float64 }
	groups := make([]group, c.Categories+1) // the last one is of all that are rare
	rare := c.Categories
	for _, row := range rows {
		if code, ok := codeOf(c.Values[row], c.Categories); ok {
			groups[code].sum += target[row]
			groups[code].n++
		}
	}
	var order []int
	for code := range rare {
		if groups[code].n >= float64(few) {
			order = append(order, code)
			continue
		}
		groups[rare].sum += groups[code].sum
		groups[rare].n += groups[code].n
	}
	if groups[rare].n > 0 {
		order = append(order, rare)
	}
	mean := func(code int) float64 { return groups[code].sum / groups[code].n }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(mean(a), mean(b)) })
	places := make([]int, c.Categories+1)
	for i := range places {
		places[i] = noRank
	}
	for place, code := range order {
		places[code] = place
	}
	for code := range rare {
		if places[code] == noRank {
			places[code] = places[rare]
		}
	}
	ranks = places[:rare:rare]
	values = slices.Clone(c.Values)
	for i, x := range values {
		values[i] = place(x, ranks)
	}
	return ranks, values
}

// noRank is the place of a category of which no row is known: it counts as missing.
const noRank = -1

// codeOf returns the code that a value stands for, if there is one.
func codeOf(x float64, categories int) (code int, ok bool) {
	if !(x >= 0 && x < float64(categories)) {
		return 0, false
	}
	return int(x), true
}

// place returns the place of a code, NaN if it has none.
func place(x float64, ranks []int) float64 {
	code, ok := codeOf(x, len(ranks))
	if !ok || ranks[code] == noRank {
		return math.NaN()
	}
	return float64(ranks[code])
}

// cutPoints divides the values of rows into at most limit bins with about as many rows each. Bin i holds the values up
// to cut i that are in no bin before; what is above all cuts is in the last one. All cuts are values of the rows.
func cutPoints(values []float64, rows []int, limit int) []float64 {
	sorted := make([]float64, 0, len(rows))
	for _, row := range rows {
		if x := values[row]; !math.IsNaN(x) {
			sorted = append(sorted, x)
		}
	}
	slices.Sort(sorted)
	distinct := slices.Compact(slices.Clone(sorted))
	if len(distinct) == 0 {
		return nil
	}
	if len(distinct) <= limit {
		return distinct[:len(distinct)-1]
	}
	var cuts []float64
	for i := 1; i < limit; i++ {
		x := sorted[len(sorted)*i/limit-1]
		if x < sorted[len(sorted)-1] && (len(cuts) == 0 || x > cuts[len(cuts)-1]) {
			cuts = append(cuts, x)
		}
	}
	return cuts
}

// binOf returns the bin of a value.
func binOf(x float64, cuts []float64) uint8 {
	if math.IsNaN(x) {
		return missingBin
	}
	return uint8(sort.SearchFloat64s(cuts, x))
}
