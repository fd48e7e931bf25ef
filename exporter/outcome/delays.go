package outcome

import (
	"maps"
	"math"
	"slices"
	"time"
)

const (
	// delayGrowth is the ratio of a delay bucket's bounds. A value in the middle is within 4.4% of all in the bucket.
	delayGrowth = 1.09
	// shortestDelay is the delay up to which all delays are taken as 0.
	shortestDelay = time.Millisecond
)

// Delays is a histogram of the times from predictions to their labels, on a logarithmic scale. It keeps counts only, so
// histograms add up and a delay can be taken back. The zero value is empty.
type Delays struct {
	n       int64
	buckets map[int16]int64
}

// delayBucket returns the bucket of a delay. Delays up to a millisecond, among them the negative ones of labels that
// are stamped before their prediction, count as 0.
func delayBucket(delay time.Duration) int16 {
	if delay <= shortestDelay {
		return 0
	}
	// At most 314, as a duration is at most 292 years.
	return int16(math.Ceil(math.Log(float64(delay)/float64(shortestDelay)) / math.Log(delayGrowth)))
}

// count adds so many delays to a bucket, or takes back those that were added before.
func (d *Delays) count(bucket int16, by int64) {
	if d.buckets == nil {
		d.buckets = make(map[int16]int64)
	}
	d.n += by
	if count := d.buckets[bucket] + by; count != 0 {
		d.buckets[bucket] = count
	} else {
		delete(d.buckets, bucket)
	}
}

// Merge adds all delays of other.
func (d *Delays) Merge(other *Delays) {
	for bucket, count := range other.buckets {
		d.count(bucket, count)
	}
}

// Quantile returns the smallest delay that at least a share q, in (0, 1], of the delays do not exceed, in seconds and
// within 5% of the exact value; 0 if that is a millisecond or less. ok is false if there are no delays.
func (d *Delays) Quantile(q float64) (seconds float64, ok bool) {
	rank := int64(math.Ceil(q * float64(d.n)))
	for _, bucket := range slices.Sorted(maps.Keys(d.buckets)) {
		rank -= d.buckets[bucket]
		if rank > 0 {
			continue
		}
		if bucket == 0 {
			return 0, true
		}
		// The value that is equally far, relatively, from the bounds g^(k-1) and g^k is 2 g^k / (g + 1).
		return shortestDelay.Seconds() * 2 * math.Pow(delayGrowth, float64(bucket)) / (delayGrowth + 1), true
	}
	return 0, false
}
