package profile

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// sketchWidth is the number of values that the highest level of a sketch holds. The levels below hold two thirds of
	// it, and so on, which makes three times sketchWidth values in all, 400 kB.
	sketchWidth = 16384
	// leastWidth is the smallest capacity of a level.
	leastWidth = 8
	// sketchRisk is the probability with which some rank is off by more than rankError says.
	sketchRisk = 1e-3
)

// weighted is a value that stands for several.
type weighted struct {
	value  float64
	weight uint64
}

// sketch keeps a sample of any number of values from which the rank of each can be told with a small error: that of
// Karnin, Lang and Liberty, "Optimal Quantile Approximation in Streams" (2016). A value of level h stands for 2^h of
// the values that were added. A level that is full is sorted, and every other value of it, the odd or the even ones by
// the toss of a coin, moves up a level. Sketches add up: the items of one, with their weights, may be added to another.
//
// The coin is seeded, so that the same values in the same order always give the same sketch.
type sketch struct {
	levels [][]float64
	n      uint64
	// variance bounds the variance of a rank: a tossed coin at level h changes no rank by more than 2^h, with mean 0.
	variance float64
	coin     *rand.Rand
}

func newSketch() *sketch {
	return &sketch{coin: rand.New(rand.NewPCG(1, 2))}
}

// add adds a finite value that stands for weight values.
func (s *sketch) add(x float64, weight uint64) {
	s.n += weight
	for h := 0; weight > 0; h, weight = h+1, weight>>1 {
		if weight&1 == 1 {
			s.put(h, x)
		}
	}
}

// put adds a value to level h, and makes room where it is needed.
func (s *sketch) put(h int, x float64) {
	for len(s.levels) <= h {
		s.levels = append(s.levels, nil)
	}
	s.levels[h] = append(s.levels[h], x)
	for ; h < len(s.levels) && len(s.levels[h]) >= s.capacity(h); h++ {
		s.compact(h)
	}
}

func (s *sketch) capacity(h int) int {
	width := float64(sketchWidth)
	for range len(s.levels) - 1 - h {
		width *= 2. / 3
	}
	return max(leastWidth, int(width))
}

// compact moves half of a level up. Of an odd number the largest value stays, which changes no rank.
func (s *sketch) compact(h int) {
	if h == len(s.levels)-1 {
		s.levels = append(s.levels, nil)
	}
	level := s.levels[h]
	slices.Sort(level)
	pairs := len(level) / 2
	first := s.coin.IntN(2)
	for i := range pairs {
		s.levels[h+1] = append(s.levels[h+1], level[2*i+first])
	}
	s.levels[h] = level[:copy(level, level[2*pairs:])]
	s.variance += math.Ldexp(1, 2*h)
}

// items returns what is left, sorted. The weights add up to the number of values.
func (s *sketch) items() []weighted {
	var all []weighted
	for h, level := range s.levels {
		for _, x := range level {
			all = append(all, weighted{x, 1 << h})
		}
	}
	return sortWeighted(all)
}

// sortWeighted sorts items by value and joins equal ones.
func sortWeighted(items []weighted) []weighted {
	slices.SortFunc(items, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	joined := items[:0]
	for _, item := range items {
		if last := len(joined) - 1; last >= 0 && joined[last].value == item.value {
			joined[last].weight += item.weight
		} else {
			joined = append(joined, item)
		}
	}
	return joined
}

// rankError is the share of the values by which the rank of none of so many points is off, but for sketchRisk.
func (s *sketch) rankError(points int) float64 { return rankError(s.variance, s.n, points) }

// rankError follows from Hoeffding's inequality, P(|error| > t) ≤ 2 exp(-t² / 2v) for a sum of independent terms of
// mean 0 that are bounded by b_i, with v = Σ b_i², and from adding that up over all points.
func rankError(variance float64, n uint64, points int) float64 {
	if variance == 0 {
		return 0
	}
	return min(1, math.Sqrt(2*variance*math.Log(2*float64(points)/sketchRisk))/float64(n))
}
