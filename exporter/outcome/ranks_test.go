package outcome

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// exactAUC returns the Mann-Whitney statistic over the number of pairs from the scores themselves.
func exactAUC(positives, negatives []float64) float64 {
	slices.Sort(positives)
	slices.Sort(negatives)
	var won float64
	below, through := 0, 0
	for _, p := range positives {
		for below < len(negatives) && negatives[below] < p {
			below++
		}
		for through < len(negatives) && negatives[through] <= p {
			through++
		}
		won += float64(below) + float64(through-below)/2
	}
	return won / float64(len(positives)) / float64(len(negatives))
}

func TestAUCOfCrowdedScoresIsWithinATenthOfAPercent(t *testing.T) {
	for _, test := range []struct {
		name           string
		middle, spread float64 // of the logits
		gap            float64 // between the means of the two sides, in spreads
	}{
		{"wide around a half", 0, 10, 1},
		{"ordinary", 0, 2, 1},
		{"rare positives", -7, 1, 2},
		{"crowded around a half", 0, 0.1, 1},
		{"crowded within a hundredth", 0, 0.01, 1},
		{"crowded within a thousandth", -1, 1e-3, 0.5},
		{"crowded within a ten thousandth", 0, 1e-4, 1},
		{"crowded near nought", -9, 1e-3, 1},
		{"crowded near one", 9, 1e-2, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(11, 12))
			var r ranks
			var sides [2][]float64
			for i := range 30000 {
				positive := i%3 == 0
				logit := test.middle + test.spread*random.NormFloat64()
				if positive {
					logit += test.spread * test.gap
				}
				score := 1 / (1 + math.Exp(-logit))
				r.add(finestBucket(score), positive, 1)
				if positive {
					sides[1] = append(sides[1], score)
				} else {
					sides[0] = append(sides[0], score)
				}
			}
			near(t, "auc", r.auc(), exactAUC(sides[1], sides[0]), 1e-3)
			if r.level > coarsestLevel || r.taken > fewBuckets && r.level < coarsestLevel {
				t.Errorf("%d buckets at level %d", r.taken, r.level)
			}
		})
	}
}

func TestAUCOfTiesIsExact(t *testing.T) {
	// One score for all: every pair is a tie. Ten scores: by the definition.
	var one, ten ranks
	var sides [2][]float64
	random := rand.New(rand.NewPCG(13, 14))
	for range 5000 {
		side := random.IntN(2)
		score := float64(random.IntN(9)+side) / 10
		one.add(finestBucket(0.3), side == 1, 1)
		ten.add(finestBucket(score), side == 1, 1)
		sides[side] = append(sides[side], score)
	}
	near(t, "auc of one score", one.auc(), 0.5, 1e-15)
	near(t, "auc of ten scores", ten.auc(), exactAUC(sides[1], sides[0]), 1e-12)
}

func TestAUCErrorIsWithinTheTiedPairs(t *testing.T) {
	// Scores closer than the finest bucket beside so many others that buckets become coarse: the documented bound.
	var r ranks
	var positives, negatives []float64
	for i := range 20000 {
		near := 0.5 + 1e-5*float64(i%3)
		far := float64(i+1) / 20001
		r.add(finestBucket(near), i%3 == 2, 1)
		r.add(finestBucket(far), i%2 == 0, 1)
		if i%3 == 2 {
			positives = append(positives, near)
		} else {
			negatives = append(negatives, near)
		}
		if i%2 == 0 {
			positives = append(positives, far)
		} else {
			negatives = append(negatives, far)
		}
	}
	var tied float64
	for _, b := range r.places {
		tied += float64(b.positive) * float64(b.negative)
	}
	bound := tied / float64(len(positives)) / float64(len(negatives)) / 2
	off := math.Abs(r.auc() - exactAUC(positives, negatives))
	if off > bound+1e-12 {
		t.Errorf("off by %v, more than the bound %v", off, bound)
	}
	if r.level == 0 || off < 1e-3 {
		t.Errorf("off by %v at level %d: the case does not test the bound", off, r.level)
	}
}

func TestRanksHoldFewBuckets(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	var r ranks
	for range 200000 {
		r.add(finestBucket(math.Exp(-40*random.Float64())), false, 1)
		r.add(finestBucket(1-math.Exp(-40*random.Float64())), true, 1)
	}
	if most := 2*logitLimit*256 + 1; r.taken > most || r.level != coarsestLevel {
		t.Errorf("%d buckets at level %d, want at most %d at %d", r.taken, r.level, most, coarsestLevel)
	}
}

// plainRanks is ranks with a map.
type plainRanks struct {
	level   uint
	buckets map[int32]sides
}

func (r *plainRanks) count(key int32, by sides) {
	b := r.buckets[key]
	b.positive += by.positive
	b.negative += by.negative
	if r.buckets[key] = b; b == (sides{}) {
		delete(r.buckets, key)
	}
	for len(r.buckets) > fewBuckets && r.level < coarsestLevel {
		r.widen(r.level + 1)
	}
}

func (r *plainRanks) widen(level uint) {
	narrow, by := r.buckets, level-r.level
	r.level, r.buckets = level, make(map[int32]sides)
	for key, b := range narrow {
		r.count(key>>by, b)
	}
}

func TestRanksEqualAMap(t *testing.T) {
	for _, spread := range []float64{1e-3, 1, 20} {
		random := rand.New(rand.NewPCG(17, 18))
		r, want := new(ranks), &plainRanks{buckets: make(map[int32]sides)}
		type score struct {
			finest   int32
			positive bool
		}
		var live []score
		add := func(s score, by int64) {
			one := sides{negative: by}
			if s.positive {
				one = sides{positive: by}
			}
			want.count(s.finest>>want.level, one)
		}
		for range 300 {
			// Some are added, one by one or as a histogram of their own, and some taken back; at times nearly all.
			part := new(ranks)
			for range random.IntN(300) {
				s := score{finestBucket(1 / (1 + math.Exp(-spread*random.NormFloat64()))), random.IntN(3) == 0}
				live = append(live, s)
				if random.IntN(2) == 0 {
					r.add(s.finest, s.positive, 1)
				} else {
					part.add(s.finest, s.positive, 1)
				}
				add(s, 1)
			}
			r.merge(part)
			left := len(live) - random.IntN(100)
			if random.IntN(20) == 0 {
				left = random.IntN(3)
			}
			for len(live) > max(left, 0) {
				i := random.IntN(len(live))
				r.add(live[i].finest, live[i].positive, -1)
				add(live[i], -1)
				live[i] = live[len(live)-1]
				live = live[:len(live)-1]
			}
			if r.level != want.level || r.taken != len(want.buckets) {
				t.Fatalf("%d buckets at level %d, want %d at %d", r.taken, r.level, len(want.buckets), want.level)
			}
		}
		got := r.sorted()
		for i, b := range got {
			if want.buckets[b.key] != b.sides || i > 0 && got[i-1].key >= b.key {
				t.Errorf("bucket %d of %d is %v, want %v, in ascending order", i, b.key, b.sides, want.buckets[b.key])
			}
		}
	}
}

func TestRanksForgetWhatWasTakenBack(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	var r ranks
	for range 500_000 {
		finest := finestBucket(random.Float64())
		r.add(finest, true, 1)
		r.add(finest, true, -1)
	}
	if r.taken != 0 || len(r.places) > 64 {
		t.Errorf("%d buckets are left in %d places", r.taken, len(r.places))
	}
}
