package stat

import (
	"math"
	"math/rand/v2"
	"slices"
)

// noiseProbability is the probability with which a score stays below its noise floor if nothing drifted.
const noiseProbability = 0.999

// Bound is the noise floor of one score, in the score's unit, if OK.
type Bound struct {
	Value float64
	OK    bool
}

// FloorValues are the noise floors of all scores at one number of live values.
type FloorValues struct {
	PSI, JensenShannon, Hellinger, TotalVariation, Chebyshev Bound

	KolmogorovSmirnov, Wasserstein, MeanShift Bound
}

// Floors computes noise floors of one column: the values that its scores stay below 99.9% of the time if the live
// values come from the distribution that the reference was drawn from.
//
// The reference is a finite sample itself. With m reference and n live values, shares differ by chance with a
// variance of v = 1/n + 1/m times that of one value, so floors do not fall to 0 however large n is.
//
// Floors may be used by several goroutines at once.
type Floors struct {
	bins    *binNoise
	numeric *numericNoise
}

// NewFloors prepares the floors of a column from its reference: bins are the counts that the coarse scores read,
// points and cells the fine counts (nil for a column that is not numeric), and sd its standard deviation. A bin with
// a count of 0, such as that of categories that the reference lacks, takes part. Points and cells must not change.
func NewFloors(bins []uint64, points []float64, cells []uint64, sd float64) *Floors {
	f := &Floors{}
	if sum(bins) > 0 {
		f.bins = newBinNoise(bins)
	}
	return f.With(points, cells, sd)
}

// With returns the floors of another column that has the same bins. What is simulated of the bins is shared: columns of
// continuous values all have a tenth of the reference in each bin.
func (f *Floors) With(points []float64, cells []uint64, sd float64) *Floors {
	f = &Floors{bins: f.bins}
	if len(points) > 0 {
		checkCells(points, cells)
		if sum(cells) > 0 {
			f.numeric = newNumericNoise(points, cells, sd)
		}
	}
	return f
}

// At returns the floors at n live values.
//
// Where bins are filled too little for the limiting laws it simulates, for n rounded down to the next of sixteen
// steps to the doubling, and keeps the result. The floors of a step are too high by at most 2.2% (psi 4.5%) at the
// other n that it stands for, and as results of chance uncertain by some 5%. The first call for a step takes about
// 1.5 ms for a dozen bins and 40 ms for 500. The first call for a numeric column takes some tenths of a millisecond,
// that for any 5 ms more. All other calls take a microsecond or two.
func (f *Floors) At(n uint64) FloorValues {
	var values FloorValues
	if n == 0 {
		return values
	}
	if f.bins != nil {
		values = f.bins.floors(n)
	}
	if f.numeric != nil {
		f.numeric.floors(n, &values)
	}
	return values
}

// roundDown returns the largest of the numbers 2^(i/16), rounded down, that is at most n.
func roundDown(n uint64) uint64 {
	step := math.Floor(16 * math.Log2(float64(n)))
	rounded := uint64(math.Exp2(step / 16))
	// A power of 2 may come out one too large or small by rounding.
	return max(1, min(n, rounded))
}

// tailQuantile returns the 0.999 quantile of simulated scores; there must be some hundreds. Of the order statistic at
// that place, which so few scores leave uncertain, and the quantile of an exponential law fitted to the largest of
// them, it takes the larger: the second follows a smooth tail closely but cannot see a rare jump, the first sees it.
func tailQuantile(scores []float64) float64 {
	n := len(scores)
	beyond := max(25, n/100)
	tail := largest(scores, beyond+1)
	threshold := tail[0]
	var excess float64
	for _, x := range tail[1:] {
		excess += x - threshold
	}
	share := float64(beyond) / float64(n)
	smooth := threshold + excess/float64(beyond)*math.Log(share/(1-noiseProbability))
	// Equal scores may differ in the last bits by the order in which bins were added up, and must not exceed each
	// other.
	return max(smooth, tail[len(tail)-max(1, n/1000)]) * (1 + 1e-9)
}

// largest returns the k largest scores in ascending order. It sorts only those above the mean and a deviation, if these
// are enough: sorting all of them took longer than most simulations.
func largest(scores []float64, k int) []float64 {
	var m Moments
	m.Add(scores)
	sd, _ := m.StandardDeviation()
	high := make([]float64, 0, len(scores)/4)
	for _, x := range scores {
		if x > m.Mean+sd {
			high = append(high, x)
		}
	}
	if len(high) < k {
		high = append(high[:0], scores...)
	}
	slices.Sort(high)
	return high[len(high)-k:]
}

// newRandom returns a source of random numbers that depends on its arguments only, so that floors are the same at every
// start and in whatever order they are asked for.
func newRandom(purpose, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(0x6472696674<<8|purpose, n))
}
