package stat

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// smoothFilled is the smallest expected count of a bin, on either side, at which it is drawn from a smooth law instead
// of as a gamma and a binomial variable, which takes ten times as long.
const smoothFilled = 20

// shareSeed is one of a few seeds: where counts are not so few that scores jump from one value to the next, the floors
// of the usual 3000 windows are within 6% (psi 12%) of those of many more, and 2% above them in the mean.
const shareSeed = 10

// windows draws windows of n values without drift, under one law of the true shares.
type windows struct {
	n uint64
	// thin are the bins whose share and then count is drawn. Those of all others together have the law rest, if
	// there are any; values are divided among them by splits, and the last takes what is left.
	thin   []int
	gammas []distuv.Gamma
	rest   distuv.Gamma
	splits []split
	last   int

	shares    []float64 // of the thin bins
	forShares *rand.Rand
	forCounts *rand.Rand
}

// split takes the part of one bin off what some bins have together. A multinomial count under a Dirichlet law of the
// shares is a beta-binomial part of what the bins before it have left; here it is a normal variable with the mean,
// variance and skewness of that, the latter by the first term of Cornish and Fisher.
type split struct {
	bin int
	// share is the bin's part of the whole, and whole the sum of the shapes of the Dirichlet law.
	share, whole float64
	// spread and bend are the factors of the variance and of the skewness that do not depend on the count.
	spread, bend float64
}

func newWindows(n uint64, law shareLaw) *windows {
	// The same shares for every n keep the floors from jumping up and down as a window grows.
	w := &windows{n: n, forShares: newRandom(2, shareSeed), forCounts: newRandom(3, n)}
	var total float64
	for i, shape := range law.shapes {
		total += shape * law.scales[i]
	}
	var smooth []int
	for i, shape := range law.shapes {
		scale := law.scales[i]
		// Only gamma variables of one scale make a Dirichlet law.
		if shape >= smoothFilled && shape*scale/total*float64(n) >= smoothFilled &&
			(len(smooth) == 0 || scale == law.scales[smooth[0]]) {
			smooth = append(smooth, i)
			continue
		}
		w.thin = append(w.thin, i)
		w.gammas = append(w.gammas, distuv.Gamma{Alpha: shape, Beta: 1 / scale, Src: w.forShares})
	}
	w.shares = make([]float64, len(w.thin))
	if len(smooth) == 0 {
		return w
	}
	var whole float64
	for _, i := range smooth {
		whole += law.shapes[i]
	}
	w.last = smooth[len(smooth)-1]
	w.rest = distuv.Gamma{Alpha: whole, Beta: 1 / law.scales[w.last], Src: w.forShares}
	for _, i := range smooth[:len(smooth)-1] {
		share := law.shapes[i] / whole
		w.splits = append(w.splits, split{
			bin: i, share: share, whole: whole,
			spread: share * (1 - share) / (whole + 1), bend: (1 - 2*share) / (whole + 2) / 6,
		})
		whole -= law.shapes[i]
	}
	return w
}

// draw draws the shares of all bins in a window.
func (w *windows) draw(q []float64) {
	n, some := float64(w.n), w.rest.Alpha > 0
	var total float64
	for j, gamma := range w.gammas {
		w.shares[j] = gamma.Rand()
		total += w.shares[j]
	}
	if some {
		total += w.rest.Rand()
	}
	count := w.n
	for j, i := range w.thin {
		k := count
		if j < len(w.thin)-1 || some {
			k = binomial(w.forCounts, count, w.shares[j]/total)
		}
		q[i] = float64(k) / n
		count -= k
		total -= w.shares[j]
	}
	if !some {
		return
	}
	left := float64(count)
	for i := range w.splits {
		s := &w.splits[i]
		g := w.forShares.NormFloat64()
		bend := s.bend * (s.whole + 2*left)
		deviation := math.Sqrt(max(0, left*(left+s.whole)*s.spread-2*bend*bend))
		k := max(0, min(left, left*s.share+deviation*g+bend*(g*g-1)))
		q[s.bin] = k / n
		left -= k
	}
	q[w.last] = left / n
}

// shareScores computes all scores of bins at once, from shares: with fewer logarithms than the scores one by one, which
// counts for the thousands of windows that are drawn. It has what they take of each share of the reference.
type shareScores []struct {
	p, root, pLogP      float64
	floored, logFloored float64 // as PSI takes p
}

func newShareScores(counts []uint64) shareScores {
	s, m := make(shareScores, len(counts)), float64(sum(counts))
	for i, count := range counts {
		r := &s[i]
		r.p = float64(count) / m
		r.root, r.pLogP = math.Sqrt(r.p), xLog(r.p)
		r.floored = max(r.p, smallestShare)
		r.logFloored = math.Log(r.floored)
	}
	return s
}

// xLog returns x ln x, which is 0 at 0.
func xLog(x float64) float64 {
	if x == 0 {
		return 0
	}
	return x * math.Log(x)
}

// of returns psi, jensen_shannon, hellinger, total_variation and chebyshev of the shares of a window, up to 1e-8 of
// each. With c = (p + q)/2 and x = (q − p)/(q + p) a bin adds to
//
//	psi                  (q − p) ln(q/p) = 2 (q − p) (x + x³/3 + x⁵/5 + …)
//	the Jensen–Shannon divergence, in nats
//	                     (p ln p + q ln q)/2 − c ln c = c/2 (x² + x⁴/6 + x⁶/15 + …)
//	(√p − √q)²           2c (1 − √(1 − x²)) = c (x² + x⁴/4 + x⁶/8 + …)
//
// and near the reference's share the series do without logarithms.
func (s shareScores) of(window []float64) [5]float64 {
	var psi, nats, squares, total, largest float64
	for i, q := range window {
		r := &s[i]
		d, c := q-r.p, (q+r.p)/2
		size := math.Abs(d)
		total += size
		largest = max(largest, size)
		if x := d / (2 * c); x*x < 0.02 && r.p > 2*smallestShare {
			x2 := x * x
			psi += 2 * d * x * (1 + x2*(1./3+x2*(1./5+x2/7)))
			nats += c / 2 * x2 * (1 + x2*(1./6+x2*(1./15+x2/28)))
			squares += c * x2 * (1 + x2*(1./4+x2*(1./8+x2*5/64)))
			continue
		}
		floored, logFloored := smallestShare, logSmallestShare
		if q > 0 {
			logQ := math.Log(q)
			nats += q * logQ / 2
			if q > smallestShare {
				floored, logFloored = q, logQ
			}
		}
		nats += r.pLogP/2 - xLog(c)
		psi += (floored - r.floored) * (logFloored - r.logFloored)
		root := math.Sqrt(q) - r.root
		squares += root * root
	}
	return [5]float64{
		psi, math.Sqrt(max(0, min(1, nats/math.Ln2))), math.Sqrt(min(1, squares/2)), min(1, total/2), largest,
	}
}

var logSmallestShare = math.Log(smallestShare)
