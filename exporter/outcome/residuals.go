package outcome

import (
	"math"
	"math/big"
)

const (
	// largestNumber keeps the sums of squares of 1e20 numbers finite.
	largestNumber = 1e140
	// smallestDivisor keeps percentage errors finite. Labels that are closer to 0 count as 0 there.
	smallestDivisor = 1e-140
)

func summable(x float64) bool {
	return math.Abs(x) <= largestNumber // False for NaN.
}

// residuals accumulates the errors of a regression.
type residuals struct {
	// divisors is the number of labels that are not 0.
	divisors int64
	// The sums are of abs(e), e, e², abs(e / label), label and label².
	absolute, signed, squared, percentage, labels, squaredLabels sum
}

func (r *residuals) add(prediction, label float64, by int64) {
	e, sign := prediction-label, float64(by)
	r.absolute.add(math.Abs(e) * sign)
	r.signed.add(e * sign)
	r.squared.addSquare(e, by)
	if math.Abs(label) >= smallestDivisor {
		r.divisors += by
		r.percentage.add(math.Abs(e/label) * sign)
	}
	r.labels.add(label * sign)
	r.squaredLabels.addSquare(label, by)
}

func (r *residuals) merge(other *residuals) {
	r.divisors += other.divisors
	r.absolute.merge(&other.absolute)
	r.signed.merge(&other.signed)
	r.squared.merge(&other.squared)
	r.percentage.merge(&other.percentage)
	r.labels.merge(&other.labels)
	r.squaredLabels.merge(&other.squaredLabels)
}

func (r *residuals) metrics(m *metrics, n int64) {
	if n == 0 {
		return
	}
	count := float64(n)
	m.ratio("mae", r.absolute.value(), count)
	m.add("rmse", math.Sqrt(r.squared.value()/count))
	m.ratio("mape", r.percentage.value(), float64(r.divisors))
	m.add("r2", 1-r.squared.value()/r.labelSpread(n))
	m.ratio("bias", r.signed.value(), count)
}

// labelSpread returns Σ (label - mean)² = (n Σ label² - (Σ label)²) / n, NaN where all labels are equal. The
// difference is taken without rounding, as a float64 loses all its digits in it where the mean is large.
func (r *residuals) labelSpread(n int64) float64 {
	squares, total := r.squaredLabels.exact(), r.labels.exact()
	squares.Mul(squares, new(big.Float).SetInt64(n))
	spread, _ := squares.Sub(squares, total.Mul(total, total)).Float64()
	if spread <= 0 {
		return math.NaN()
	}
	return spread / float64(n)
}
