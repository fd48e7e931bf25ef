package stat

import (
	"math"
	"slices"
)

// shareLaw is what the true shares of bins may be, given the counts of a reference: independent gamma variables up to a
// common factor, which makes a Dirichlet law where all scales are equal.
type shareLaw struct {
	shapes, scales []float64
}

// sparse returns the mean count of so many filled bins below which a single law of their shares does not do.
// That law misses that counts which are small by luck weigh more, a part of about 2/mean of a score, which chance
// makes vary by a part of √(2/filled): the more bins, the fuller they must be for the one to be lost in the other.
func sparse(filled float64) float64 { return max(20, 9*math.Sqrt(filled)) }

// prior is what is assumed of the shares of bins with counts up to limit: that they vary from bin to bin with a gamma
// law of this shape around the mean count. A limit of 0 is no prior.
type prior struct {
	limit       uint64
	shape, mean float64
}

// shareLaws returns the laws to draw the shares of bins from. The first takes each bin for itself: the share of a
// bin with count c is gamma distributed with shape c, so its mean is what was counted.
//
// Where bins have few values each, large counts are large by luck as well and the true shares are closer to each
// other. The second law assumes that, in the way of empirical Bayes: shares vary from bin to bin with a gamma law of
// the mean and spread that the counts suggest, so that the share of a bin lies between its count and the mean. It
// leaves out the bins with more than twice the median count, which are large by more than luck and would make the
// spread too large for the others. A window may score higher under either of the two.
func shareLaws(bins []uint64) []shareLaw {
	laws := []shareLaw{newShareLaw(bins, prior{})}
	var counts []uint64
	for _, count := range bins {
		if count > 0 {
			counts = append(counts, count)
		}
	}
	slices.Sort(counts)
	p := prior{limit: 2 * counts[len(counts)/2]}
	var filled, total, squares float64
	for _, count := range counts {
		if count <= p.limit {
			filled++
			total += float64(count)
			squares += float64(count) * float64(count)
		}
	}
	p.mean = total / filled
	if p.mean >= sparse(filled) {
		return laws
	}
	// A gamma law of shape a makes counts vary by mean + mean²/a, where equal shares make them vary by the mean, which a
	// sample of them misses by mean·√(2/filled) as its standard error. Three of these are no sign that shares differ:
	// references whose counts vary much by luck are those that live counts are far from.
	p.shape = 1e6
	chance := 3 * p.mean * math.Sqrt(2/filled)
	if excess := squares/filled - p.mean*p.mean - p.mean - chance; excess > 0 {
		p.shape = min(p.shape, p.mean*p.mean/excess)
	}
	return append(laws, newShareLaw(bins, p))
}

// newShareLaw returns the law of the shares under a prior.
//
// Bins without reference values share what Good and Turing estimate for values not seen yet: as much as the values
// that were seen once, f_1/m, with a variance of (f_1 + 2 f_2)/m². One is added to both because no reference can
// exclude a value that is rarer than 1/m.
func newShareLaw(bins []uint64, p prior) shareLaw {
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
		switch {
		case count == 0:
			l.shapes[i], l.scales[i] = unseen*unseen/variance/times[0], variance/unseen
		case count <= p.limit:
			l.shapes[i], l.scales[i] = float64(count)+p.shape, seen/(1+p.shape/p.mean)
		default:
			l.shapes[i], l.scales[i] = float64(count), seen
		}
	}
	return l
}
