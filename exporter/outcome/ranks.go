package outcome

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

const (
	// logitLimit bounds the logit of a score. No score but 1 has a logit above 37; those below e^-40 are taken as equal.
	logitLimit = 40
	// finestExponent makes buckets 2^-20 wide at first, which tells scores 2.4e-7 apart at 0.5.
	finestExponent = 20
	// coarsestLevel is the level at which buckets are 2^-8 = 1/256 wide, as wide as they get.
	coarsestLevel = finestExponent - 8
	// fewBuckets is the number of buckets above which they are made wider.
	fewBuckets = 4096
)

// ranks is a histogram of the logits ln(p / (1 - p)) of scores, positives and negatives apart, for the area under the
// ROC curve. Logits, not scores, because the scores of rare classes crowd together near 0.
//
// Buckets double their width whenever more than 4096 of them are taken, until they are 1/256 wide, so that scores which
// all lie close together are still told apart. Wider buckets are unions of narrower ones, hence histograms of different
// widths add up. Taking scores back does not make buckets narrower again.
//
// Pairs of a positive and a negative in one bucket count half, as if their scores were equal, so the area is off by no
// more than half the share of such pairs among all pairs: (1/2) Σ_b positives_b negatives_b / (positives negatives),
// and by nothing where scores in a bucket are equal. The tests show less than 1e-3 for spreads of the logit from 1e-4
// to 10. The bound is not kept by scores crowded within 1/256 of one logit beside thousands of others spread far out.
//
// The buckets are in a hash table of our own, with open addressing and linear probing, at most three quarters full.
// With a map they were most of what a label costs.
type ranks struct {
	// level is how often the width was doubled.
	level uint
	// places is the table. Its length is a power of two, or 0.
	places []rankPlace
	// used is how many places have a bucket, also one from which all was taken back; taken is how many hold something.
	used, taken int
}

// rankPlace is a place for a bucket.
type rankPlace struct {
	key  int32
	used bool
	sides
}

// sides counts the scores of a bucket by what their label turned out to be.
type sides struct {
	positive, negative int64
}

// finestBucket returns the bucket of a score before any width was doubled.
func finestBucket(score float64) int32 {
	logit := math.Log(score) - math.Log1p(-score)
	logit = min(max(logit, -logitLimit), logitLimit)
	return int32(math.Floor(logit * (1 << finestExponent)))
}

// add counts a score in its finest bucket.
func (r *ranks) add(finest int32, positive bool, by int64) {
	key := finest >> r.level
	if positive {
		r.count(key, sides{positive: by})
	} else {
		r.count(key, sides{negative: by})
	}
	r.fit()
}

// count adds to a bucket of the current width.
func (r *ranks) count(key int32, by sides) {
	if 4*r.used >= 3*len(r.places) {
		r.rebuild(0)
	}
	hash := uint32(key) * 0x9e3779b1
	hash ^= hash >> 16
	mask := len(r.places) - 1
	p := &r.places[int(hash)&mask]
	for i := int(hash) + 1; p.used && p.key != key; i++ {
		p = &r.places[i&mask]
	}
	if !p.used {
		p.key, p.used = key, true
		r.used++
	}
	if p.empty() {
		r.taken++
	}
	p.positive += by.positive
	p.negative += by.negative
	if p.empty() {
		r.taken--
	}
}

func (s *sides) empty() bool { return s.positive|s.negative == 0 }

// rebuild makes the table anew, with room for more buckets that are 2^by as wide.
func (r *ranks) rebuild(by uint) {
	size := 16
	for 5*size < 8*r.taken {
		size *= 2
	}
	old := r.places
	r.places, r.used, r.taken = make([]rankPlace, size), 0, 0
	for i := range old {
		if p := &old[i]; !p.empty() {
			r.count(p.key>>by, p.sides)
		}
	}
}

// clear takes everything back, and keeps the table for as many buckets.
func (r *ranks) clear() {
	if 8*r.used < len(r.places) {
		r.places = nil
	}
	clear(r.places)
	r.level, r.used, r.taken = 0, 0, 0
}

// fit widens the buckets while there are too many.
func (r *ranks) fit() {
	for r.taken > fewBuckets && r.level < coarsestLevel {
		r.widen(r.level + r.doublings())
	}
}

// doublings returns how often the width must be doubled, for each width takes a new table. Where there is only one
// bucket too many, as when scores come one by one, it is once: that is nearly always enough.
func (r *ranks) doublings() (by uint) {
	if r.taken == fewBuckets+1 {
		return 1
	}
	keys := make([]int32, 0, r.taken)
	for i := range r.places {
		if !r.places[i].empty() {
			keys = append(keys, r.places[i].key)
		}
	}
	slices.Sort(keys)
	// Neighbours become one bucket with the highest bit in which they differ.
	var joined [33]int
	for i := range keys[1:] {
		joined[bits.Len32(uint32(keys[i]^keys[i+1]))]++
	}
	for left := r.taken; left > fewBuckets && r.level+by < coarsestLevel; {
		by++
		left -= joined[by]
	}
	return by
}

func (r *ranks) widen(level uint) {
	r.rebuild(level - r.level)
	r.level = level
}

func (r *ranks) merge(other *ranks) {
	if r.taken == 0 && r.level <= other.level {
		*r = *other
		r.places = slices.Clone(other.places)
		return
	}
	if r.level < other.level {
		r.widen(other.level)
	}
	for i := range other.places {
		if p := &other.places[i]; !p.empty() {
			r.count(p.key>>(r.level-other.level), p.sides)
		}
	}
	r.fit()
}

// sorted returns the buckets that hold something, ascending.
func (r *ranks) sorted() []rankPlace {
	buckets := make([]rankPlace, 0, r.taken)
	for i := range r.places {
		if !r.places[i].empty() {
			buckets = append(buckets, r.places[i])
		}
	}
	slices.SortFunc(buckets, func(a, b rankPlace) int { return cmp.Compare(a.key, b.key) })
	return buckets
}

// auc returns the probability that a positive has a higher score than a negative, ties counted half (the Mann-Whitney
// statistic over the number of pairs), NaN where there are no pairs.
func (r *ranks) auc() float64 {
	var won, below, positives float64
	for _, b := range r.sorted() {
		p, n := float64(b.positive), float64(b.negative)
		won += p * (below + n/2)
		below += n
		positives += p
	}
	return won / (positives * below)
}

// Range returns the lowest and the highest score of a bucket.
func (s *Scores) Range(bucket int64) (lowest, highest float64) {
	score := func(bucket int64) float64 {
		return 1 / (1 + math.Exp(-math.Ldexp(float64(bucket), int(s.Level)-finestExponent)))
	}
	return score(bucket), score(bucket + 1)
}
