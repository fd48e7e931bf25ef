package stat

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// exactScores draws the count of every bin, and takes the scores one by one.
func exactScores(bins []uint64, law shareLaw, n uint64, trials int) (drawn [5][]float64) {
	r := rand.New(rand.NewPCG(35, 36))
	shares, live := make([]float64, len(bins)), make([]uint64, len(bins))
	c := &column{bins: bins}
	for range trials {
		for i, shape := range law.shapes {
			shares[i] = law.scales[i] * distuv.Gamma{Alpha: shape, Beta: 1, Src: r}.Rand()
		}
		multinomial(r, n, shares, live)
		for i, x := range c.scores(live, nil, Tail{}, Moments{}) {
			drawn[i] = append(drawn[i], x)
		}
	}
	return drawn
}

func TestDrawnWindowsScoreAsThoseOfExactCounts(t *testing.T) {
	even := func(count uint64, k int, more ...uint64) []uint64 {
		return append(slices.Repeat([]uint64{count}, k), more...)
	}
	for _, c := range []struct {
		name string
		bins []uint64
		n    uint64
	}{
		{"ten even bins, few values on either side", even(20, 10), 200},
		{"ten even bins in a small reference", even(20, 10), 100_000},
		{"ten even bins, few values", even(5000, 10), 230},
		{"ten even bins", even(100, 10), 1000},
		{"bins of all sizes", []uint64{500, 250, 125, 60, 30, 15, 7, 3, 1, 1, 0}, 1000},
		{"large bins and empty ones", []uint64{15_736, 6530, 4957, 4274, 3725, 3360, 0, 0}, 83_000},
		{"large bins and empty ones, many values", []uint64{15_736, 6530, 4957, 4274, 3725, 3360, 0, 0}, 2_000_000},
		{"one large bin", []uint64{900, 60, 40}, 900},
		{"a hundred even bins", even(60, 100), 6000},
		{"a hundred even bins with few values and one with many", even(5, 100, 5000), 3000},
	} {
		for i, law := range shareLaws(c.bins) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				const trials = 20_000
				exact := exactScores(c.bins, law, c.n, trials)
				w, scores, live := newWindows(c.n, law), newShareScores(c.bins), make([]float64, len(c.bins))
				var drawn [5][]float64
				for range trials {
					w.draw(live)
					if all := sumOf(live); all < 1-1e-9 || all > 1+1e-9 || slices.Min(live) < 0 {
						t.Fatalf("shares %g add up to %g", live, all)
					}
					for i, x := range scores.of(live) {
						drawn[i] = append(drawn[i], x)
					}
				}
				for k := range drawn {
					slices.Sort(exact[k])
					slices.Sort(drawn[k])
					// Beside chance, few values leave counts few places for quantiles.
					near(t, statistics[k]+", law "+string(rune('0'+i)), drawn[k][trials*995/1000], exact[k][trials*995/1000], 0.05)
				}
			})
		}
	}
}

func sumOf(shares []float64) float64 {
	var total float64
	for _, x := range shares {
		total += x
	}
	return total
}

func TestScoresOfSharesAreThoseOfCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(37, 38))
	for range 2000 {
		bins, live := make([]uint64, 2+r.IntN(12)), make([]uint64, 14)
		live = live[:len(bins)]
		// From nearly the same shares to quite different ones, with empty bins on either side and on both.
		spread := 1 + r.IntN(1<<r.IntN(16))
		for i := range bins {
			bins[i] = uint64(r.IntN(1 << r.IntN(16)))
			live[i] = max(0, 7*bins[i]+uint64(r.IntN(spread)))
			if r.IntN(8) == 0 {
				live[i] = 0
			}
		}
		if sum(bins) == 0 || sum(live) == 0 {
			continue
		}
		n, shares := float64(sum(live)), make([]float64, len(live))
		for i, count := range live {
			shares[i] = float64(count) / n
		}
		want := (&column{bins: bins}).scores(live, nil, Tail{}, Moments{})
		for i, got := range newShareScores(bins).of(shares) {
			if d := got - want[i]; d > 1e-7*want[i]+1e-8 || d < -1e-7*want[i]-1e-8 {
				t.Fatalf("%s of %d and %d is %.12g, want %.12g", statistics[i], bins, live, got, want[i])
			}
		}
	}
}
