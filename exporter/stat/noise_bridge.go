package stat

import (
	"math"
	"math/rand/v2"
	"sort"
	"sync"
)

const (
	// bridgeTrials is how many bridges are drawn: a quantile of so many integrals is uncertain by 4%.
	bridgeTrials = 4000
	// bridgeStep is the distance of two places of the bridges in ln(u/(1−u)), and bridgeFirst about the first of them.
	// Half the step, or a tenth of the first place, changes no quantile by more than 1%.
	bridgeStep, bridgeFirst = 0.25, 1e-5
	// bridgeSeed is one of a few seeds: where the quantile is known, that of these bridges is within 2% of it.
	bridgeSeed = 3
)

// bridges are drawn when they are first needed, which takes some 10 ms. They serve all columns: bridges of their own
// would take as long for each.
var bridges = sync.OnceValue(func() *bridgeSample { return drawBridges(newRandom(4, bridgeSeed)) })

// bridgeSample is a sample of Brownian bridges B at places u between 0 and 1.
type bridgeSample struct {
	// ends[i] is where the part of [0, 1] ends that the i-th place stands for; the last part ends at 1.
	ends []float64
	// sizes[i] holds |B(u)|/√(u(1−u)) of all bridges at four places, the 4i-th and those after it. Four at a time are
	// added up three times as fast as one.
	sizes [][][4]float32

	// mu guards integrals, memory that is used again: thousands of columns may ask, one after the other.
	mu        sync.Mutex
	integrals [bridgeTrials]float64
}

func drawBridges(r *rand.Rand) *bridgeSample {
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	first := 2 * math.Round(math.Log(bridgeFirst)/bridgeStep/2)
	s := &bridgeSample{}
	var places []float64
	for x := first + 0.5; x < -first; x++ {
		places = append(places, logistic(x*bridgeStep))
		s.ends = append(s.ends, logistic((x+0.5)*bridgeStep))
	}
	s.ends = s.ends[:len(places)-1]
	s.sizes = make([][][4]float32, len(places)/4)
	for i := range s.sizes {
		s.sizes[i] = make([][4]float32, bridgeTrials)
	}
	path := make([]float64, len(places))
	for t := range bridgeTrials {
		// A random walk, less the straight line to its end.
		var w, last float64
		for i, u := range places {
			w += math.Sqrt(u-last) * r.NormFloat64()
			path[i], last = w, u
		}
		end := w + math.Sqrt(1-last)*r.NormFloat64()
		for i, u := range places {
			s.sizes[i/4][t][i%4] = float32(math.Abs(path[i]-end*u) / math.Sqrt(u*(1-u)))
		}
	}
	return s
}

// quantile returns the 0.999 quantile of ∫ |B(F(x))| dx in the unit of the points, where F is the distribution of the
// cells and B a Brownian bridge: the limit of the distance of an empirical distribution from F, times the root of its
// size. The points must be finite, and more than one.
//
// For B(F(x)) it takes the bridge at the nearest place with the deviation of B(F(x)). So only how values of the bridge
// that are near each other depend on each other is not exact. From one point to the next the bridge is a straight line,
// as F is for Wasserstein. Where that changes its sign, half of |B| at both ends is too much, but there it is small.
func (s *bridgeSample) quantile(points []float64, cells []uint64) float64 {
	n := float64(sum(cells))
	whole := points[len(points)-1] - points[0]
	weights := make([][4]float32, len(s.sizes))
	weigh := func(below uint64, width float64) {
		u := float64(below) / n
		place := sort.SearchFloat64s(s.ends, u)
		weights[place/4][place%4] += float32(width / whole * math.Sqrt(u*(1-u)))
	}
	below := cells[0]
	for i := 1; i < len(points); i++ {
		half := (points[i] - points[i-1]) / 2
		below += cells[2*i-1]
		weigh(below, half)
		below += cells[2*i]
		weigh(below, half)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	integrals := s.integrals[:]
	clear(integrals)
	for i, w := range weights {
		if w != [4]float32{} {
			for t, x := range s.sizes[i] {
				integrals[t] += float64(w[0]*x[0] + w[1]*x[1] + w[2]*x[2] + w[3]*x[3])
			}
		}
	}
	return tailQuantile(integrals) * whole
}
