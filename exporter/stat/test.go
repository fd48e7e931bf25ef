package stat

import "math"

// Test is the outcome of a test of the hypothesis that nothing drifted.
type Test struct {
	// Statistic is what the test is named after; its sign, where it has one, is that of live minus reference.
	Statistic float64
	// DegreesOfFreedom is the parameter of the law that P is taken from; 0 for the normal law.
	DegreesOfFreedom float64
	// P is the probability, in [0, 1], of a statistic at least as extreme if nothing drifted.
	P float64
}

// noDifference is the outcome where both sides are constant and equal, so that nothing could differ by chance.
var noDifference = Test{P: 1}

// normalTest returns the two-sided test of a statistic that is standard normal if nothing drifted.
func normalTest(z float64) Test {
	return Test{Statistic: z, P: math.Erfc(math.Abs(z) / math.Sqrt2)}
}
