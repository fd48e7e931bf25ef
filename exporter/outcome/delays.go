package outcome

import (
	"math"
	"time"
)

const (
	// delayGrowth is the ratio of a delay bucket's bounds. A value in the middle is within 4.4% of all in the bucket.
	delayGrowth = 1.09
	// shortestDelay is the delay up to which all delays are taken as 0.
	shortestDelay = time.Millisecond
	// lastDelayBucket is that of the longest duration, 292 years.
	lastDelayBucket = 347
)

// Delays is a histogram of the times from predictions to their labels, on a logarithmic scale. It keeps counts only, so
// histograms add up and a delay can be taken back. The zero value is empty.
type Delays struct {
	n int64
	// counts are those of the buckets, up to the last one that was used.
	counts []int64
}

// delayBucket returns the bucket of a delay. Delays up to a millisecond, among them the negative ones of labels that
// are stamped before their prediction, count as 0.
func delayBucket(delay time.Duration) int {
	if delay <= shortestDelay {
		return 0
	}
	return int(math.Ceil(math.Log(float64(delay)/float64(shortestDelay)) / math.Log(delayGrowth)))
}

// count adds so many delays to a bucket, or takes back those that were added before.
func (d *Delays) count(bucket int, by int64) {
	if more := bucket + 1 - len(d.counts); more > 0 {
		d.counts = append(d.counts, make([]int64, more)...)
	}
	d.n += by
	d.counts[bucket] += by
}

// Merge adds all delays of other.
func (d *Delays) Merge(other *Delays) {
	for bucket, count := range other.counts {
		if count != 0 {
			d.count(bucket, count)
		}
	}
}

// Quantile returns the smallest delay that at least a share q, in (0, 1], of the delays do not exceed, in seconds and
// within 5% of the exact value; 0 if that is a millisecond or less. ok is false if there are no delays.
func (d *Delays) Quantile(q float64) (seconds float64, ok bool) {
	if d.n == 0 {
		return 0, false
	}
	rank := int64(math.Ceil(q * float64(d.n)))
	for bucket, count := range d.counts {
		rank -= count
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
