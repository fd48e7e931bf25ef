package stat

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// shareLaw is what the true shares of bins may be, given the counts of a reference: independent gamma variables up to a
// common factor, which makes a Dirichlet law where all scales are equal.
type shareLaw struct {
	shapes, scales []float64
}

// draw draws the shares of all bins, up to a common factor.
func (l shareLaw) draw(r rand.Source, shares []float64) {
	for i, shape := range l.shapes {
		shares[i] = l.scales[i] * distuv.Gamma{Alpha: shape, Beta: 1, Src: r}.Rand()
	}
}

// sparse returns the mean count of so many filled bins below which a single law of their shares does not do.
// That law misses that counts which are small by luck weigh more, a part of about 2/mean of a score, which chance
// makes vary by a part of √(2/filled): the more bins, the fuller they must be for the one to be lost in the other.
func sparse(filled float64) float64 { return max(20, 9*math.Sqrt(filled)) }

// shareLaws returns the laws to draw the shares of bins from. The first takes each bin for itself: the share of a
// bin with count c is gamma distributed with shape c, so its mean is what was counted.
//
// Where bins have few values each, large counts are large by luck as well and the true shares are closer to each
// other. The second law assumes that, in the way of empirical Bayes: shares vary from bin to bin with a gamma law of
// the mean and spread that the counts suggest, so that the share of a bin lies between its count and the mean. A
// window may score higher under either of the two.
func shareLaws(bins []uint64) []shareLaw {
	var filled, squares float64
	for _, count := range bins {
		if count > 0 {
			filled++
			squares += float64(count) * float64(count)
		}
	}
	mean := float64(sum(bins)) / filled
	laws := []shareLaw{newShareLaw(bins, 0, mean)}
	if mean >= sparse(filled) {
		return laws
	}
	// A gamma law of shape a makes counts vary by mean + mean²/a, where equal shares make them vary by the mean, which a
	// sample of them misses by mean·√(2/filled) as its standard error. Three of these are no sign that shares differ:
	// references whose counts vary much by luck are those that live counts are far from.
	a := 1e6
	chance := 3 * mean * math.Sqrt(2/filled)
	if excess := squares/filled - mean*mean - mean - chance; excess > 0 {
		a = min(a, mean*mean/excess)
	}
	return append(laws, newShareLaw(bins, a, mean))
}

// newShareLaw returns the law with a prior of shape a around the mean count; a = 0 is no prior.
//
// Bins without reference values share what Good and Turing estimate for values not seen yet: as much as the values
// that were seen once, f_1/m, with a variance of (f_1 + 2 f_2)/m². One is added to both because no reference can
// exclude a value that is rarer than 1/m.
func newShareLaw(bins []uint64, a, mean float64) shareLaw {
	// times[k] is the number of bins that hold k values of the reference.
	var times [3]float64
	for _, count := range bins {
		if count < 3 {
			times[count]++
		}
	}
	seen := 1.0
	if times[0] > 0 {
		m := float64(sum(bins))
		seen = max(1, m-times[1]) / m
	}
	unseen, variance := times[1]+1, times[1]+2*times[2]+1
	l := shareLaw{make([]float64, len(bins)), make([]float64, len(bins))}
	for i, count := range bins {
		if count == 0 {
			l.shapes[i], l.scales[i] = unseen*unseen/variance/times[0], variance/unseen
		} else {
			l.shapes[i], l.scales[i] = float64(count)+a, seen/(1+a/mean)
		}
	}
	return l
}
