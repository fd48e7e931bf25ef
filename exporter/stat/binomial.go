package stat

import (
	"math"
	"math/rand/v2"
)

// binomial draws the number of successes in n trials of probability p, exactly up to rounding, in a time that does not
// grow with n.
func binomial(r *rand.Rand, n uint64, p float64) uint64 {
	switch {
	case n == 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(r, n, 1-p)
	case float64(n)*p < 10:
		return binomialBySearch(r, n, p)
	default:
		return binomialByRejection(r, float64(n), p)
	}
}

// binomialBySearch walks up the distribution until it has passed a uniform number, in about n·p steps.
func binomialBySearch(r *rand.Rand, n uint64, p float64) uint64 {
	odds := p / (1 - p)
	mass := math.Exp(float64(n) * math.Log1p(-p))
	u := r.Float64()
	var k uint64
	// Rounding may leave u a speck above all the masses together, which end at 0.
	for u > mass && mass > 0 && k < n {
		u -= mass
		mass *= odds * float64(n-k) / float64(k+1)
		k++
	}
	return k
}

// binomialByRejection is Hörmann's BTRS ("The generation of binomial random variates", 1993) for n·p of at least 10
// and p of at most ½: a ratio of uniforms under a hat that fits so well that most draws need no logarithm.
func binomialByRejection(r *rand.Rand, n, p float64) uint64 {
	sd := math.Sqrt(n * p * (1 - p))
	b := 1.15 + 2.53*sd
	a := -0.0873 + 0.0248*b + 0.01*p
	center := n*p + 0.5
	sure := 0.92 - 4.2/b
	scale := (2.83 + 5.1/b) * sd
	odds := p / (1 - p)
	mode := math.Floor((n + 1) * p)
	for {
		u, v := r.Float64()-0.5, r.Float64()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + center)
		if us >= 0.07 && v <= sure {
			return uint64(k)
		}
		if k < 0 || k > n {
			continue
		}
		// ln of the mass at k over that at the mode, by Stirling's formula and its remainders.
		ratio := (mode+0.5)*math.Log((mode+1)/(odds*(n-mode+1))) +
			(n+1)*math.Log((n-mode+1)/(n-k+1)) +
			(k+0.5)*math.Log(odds*(n-k+1)/(k+1)) +
			stirlingRemainder(mode) + stirlingRemainder(n-mode) - stirlingRemainder(k) - stirlingRemainder(n-k)
		if math.Log(v*scale/(a/(us*us)+b)) <= ratio {
			return uint64(k)
		}
	}
}

// stirlingRemainder returns ln k! − ((k + ½) ln(k + 1) − (k + 1) + ½ ln 2π).
func stirlingRemainder(k float64) float64 {
	if k < 10 {
		logGamma, _ := math.Lgamma(k + 1)
		return logGamma - ((k+0.5)*math.Log(k+1) - (k + 1) + 0.5*math.Log(2*math.Pi))
	}
	x := k + 1
	return (1.0/12 - (1.0/360-1/(1260*x*x))/(x*x)) / x
}
