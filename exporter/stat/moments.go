package stat

import "math"

// Moments are the number, mean and spread of values. They add up: moments of parts, merged in any order, are the
// moments of the whole. The zero value is that of no values.
//
// Values near the limits of float64 (about 1e308) overflow Mean and M2. Once that happens it stays, and every result
// derived from the moments is then "cannot be computed"; Mean itself must be checked by who reads it.
type Moments struct {
	// N is the number of values.
	N uint64
	// Mean is their mean, in the unit of the values.
	Mean float64
	// M2 is the sum of their squared distances from the mean.
	M2 float64
}

// Add adds values, of which those that are not finite are passed over.
//
// A first pass finds the mean of the slice relative to its first value, a second one the squares around that mean,
// and corrects both by what the first one rounded off. A constant slice therefore has exactly its value as mean and
// an M2 of exactly 0, however large the value; a plain sum of squares would lose every digit to a large offset.
func (m *Moments) Add(values []float64) {
	n, first, total := relativeSum(values)
	// Most slices have nothing that is to be passed over, which their sum tells.
	clean := isFinite(total)
	if !clean {
		n, first, total = finiteSum(values)
	}
	if n == 0 {
		return
	}
	mean := first + total/float64(n)
	rest, squares := around(mean, values, clean)
	rest /= float64(n)
	m.Merge(Moments{N: n, Mean: mean + rest, M2: max(0, squares-rest*rest*float64(n))})
}

// around returns the sum of the distances of values from a mean, and of their squares, of those that are finite. clean
// says that all are.
func around(mean float64, values []float64, clean bool) (rest, squares float64) {
	if clean {
		for _, x := range values {
			d := x - mean
			rest += d
			squares += d * d
		}
		return rest, squares
	}
	for _, x := range values {
		if isFinite(x) {
			d := x - mean
			rest += d
			squares += d * d
		}
	}
	return rest, squares
}

// relativeSum returns the number of values, the first of them, and the sum of all relative to that.
func relativeSum(values []float64) (n uint64, first, total float64) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	first = values[0]
	for _, x := range values {
		total += x - first
	}
	return uint64(len(values)), first, total
}

// finiteSum is relativeSum of the values that are finite.
func finiteSum(values []float64) (n uint64, first, total float64) {
	for _, x := range values {
		if !isFinite(x) {
			continue
		}
		if n == 0 {
			first = x
		}
		n++
		total += x - first
	}
	return n, first, total
}

// Merge adds the values that o was made of (Chan, Golub and LeVeque). It is exact where one side is empty, and adds no
// rounding to M2 where the means are equal.
func (m *Moments) Merge(o Moments) {
	switch {
	case o.N == 0:
		return
	case m.N == 0:
		*m = o
		return
	}
	n := m.N + o.N
	delta := o.Mean - m.Mean
	weight := float64(o.N) / float64(n)
	m.M2 += o.M2 + delta*delta*float64(m.N)*weight
	m.Mean += delta * weight
	m.N = n
}

// Variance returns the sample variance, M2/(N − 1), in the squared unit of the values. It needs two values.
func (m Moments) Variance() (float64, bool) {
	if m.N < 2 {
		return 0, false
	}
	v := m.M2 / float64(m.N-1)
	return v, isFinite(v)
}

// StandardDeviation returns the square root of Variance, in the unit of the values. It needs two values.
func (m Moments) StandardDeviation() (float64, bool) {
	v, ok := m.Variance()
	return math.Sqrt(v), ok
}

// sameConstant reports whether all values of both sides are one and the same.
func sameConstant(p, q Moments) bool {
	return p.N > 0 && q.N > 0 && p.M2 == 0 && q.M2 == 0 && p.Mean == q.Mean && isFinite(p.Mean)
}
