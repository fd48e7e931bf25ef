// Package estimate tells how good predictions are before their labels come: for binary classification from calibrated
// scores (CBPE), for regression from a model of the errors that the reference had (DLE), as NannyML defines the two.
// The reference's labels go in, and then live predictions; expected performance comes out.
//
// Both take what a prediction means to be what it meant in the reference: that among predictions of a probability, or
// of inputs, as many are wrong as were then. Where that has changed (concept drift), no estimate can see it.
//
// Nothing in it may be used by two goroutines at once.
package estimate

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"sort"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
)

const (
	// minOutcomes and minClass are how many scored outcomes a reference needs, and how many of either class: of fewer, the
	// rate of positives at a score is a guess.
	minOutcomes, minClass = 100, 10
	// maxSegments bounds the segments of scores. Scores in one segment count as ties in the area under the ROC curve.
	maxSegments = 256
	// calibrationBins and rounds are those of the test whether to calibrate.
	calibrationBins, rounds = 10, 5
)

// Calibration turns the scores of a classifier into the probability that the label is positive, by the labels that the
// reference had at such scores. It cuts the scores into segments. It does not change.
type Calibration struct {
	// cuts are the scores at which segments begin, but for the first one.
	cuts []float64
	// probabilities are those of the segments, rising; nil if scores are taken for probabilities as they are.
	probabilities []float64
	// starts are, for each of so many equal parts of the scores from 0 to 1 and one for 1 itself, the number of cuts
	// below, so that a score need not be compared with all others.
	starts [parts + 1]uint16
}

// parts is how many there are for starts: so many that few have a cut. Whether a cut is above is then guessed rightly.
const parts = 2048

// nearCuts is how many cuts of a part are gone through one by one: there are more where nearly all scores are in a few
// parts.
const nearCuts = 4

// partOf returns the part of a score from 0 to 1.
func partOf(score float64) int { return int(score * parts) }

// point is a score with the labels that it had, or several neighbouring ones.
type point struct {
	lowest, score, highest float64
	positives, negatives   uint64
}

func (p *point) n() uint64         { return p.positives + p.negatives }
func (p *point) rate() float64     { return float64(p.positives) / float64(p.n()) }
func (p *point) join(above *point) { *p = joined(p, above) }

// joined puts two neighbours into one. Its score is of no use.
func joined(below, above *point) point {
	return point{
		lowest: below.lowest, highest: above.highest,
		positives: below.positives + above.positives, negatives: below.negatives + above.negatives,
	}
}

// NewCalibration returns the calibration by what a reference's tally holds of scores; ok is false if it holds too few
// to go by.
//
// Scores are calibrated by isotonic regression if that makes the expected calibration error smaller on labels that it
// has not seen: five times the reference is parted into halves by chance (seeded), each half is calibrated by the other
// one, and the mean error of all ten is compared with that of the scores as they are. Judged by the labels that it was
// fitted to, it would always seem to be better.
func NewCalibration(s *outcome.Scores) (c *Calibration, ok bool) {
	if s == nil {
		return nil, false
	}
	points := pointsOf(s)
	var positives, negatives uint64
	for i := range points {
		positives += points[i].positives
		negatives += points[i].negatives
	}
	if positives < minClass || negatives < minClass || positives+negatives < minOutcomes {
		return nil, false
	}
	if helps(points) {
		return newCalibration(limit(isotonic(points)), true), true
	}
	return newCalibration(even(points), false), true
}

// pointsOf reads the histogram of the scores' logits. A score is taken to be in the middle of its bucket.
func pointsOf(s *outcome.Scores) []point {
	points := make([]point, 0, len(s.Buckets))
	for _, b := range s.Buckets {
		if b[1]+b[2] == 0 {
			continue
		}
		lowest, highest := s.Range(b[0])
		score := (lowest + highest) / 2
		points = append(points, point{score, score, score, uint64(b[1]), uint64(b[2])})
	}
	return points
}

// isotonic returns the rising function of the score that is closest to the labels, by pooling adjacent violators: a
// block for each of its steps.
func isotonic(points []point) []point {
	var blocks []point
	for _, p := range points {
		blocks = append(blocks, p)
		for last := len(blocks) - 1; last > 0 && !rises(&blocks[last-1], &blocks[last]); last-- {
			blocks[last-1].join(&blocks[last])
			blocks = blocks[:last]
		}
	}
	return blocks
}

// rises reports whether the rate of positives is higher above, exactly.
func rises(below, above *point) bool {
	highLeft, lowLeft := bits.Mul64(below.positives, above.n())
	highRight, lowRight := bits.Mul64(above.positives, below.n())
	return highLeft < highRight || highLeft == highRight && lowLeft < lowRight
}

// limit joins neighbours until there are not too many.
func limit(blocks []point) []point {
	for len(blocks) > maxSegments {
		half := blocks[:0:0]
		for i := 0; i < len(blocks); i += 2 {
			b := blocks[i]
			if i+1 < len(blocks) {
				b.join(&blocks[i+1])
			}
			half = append(half, b)
		}
		blocks = half
	}
	return blocks
}

// even joins neighbours until each holds about the same number of outcomes, or is a single score that holds more.
func even(points []point) []point {
	var whole uint64
	for i := range points {
		whole += points[i].n()
	}
	share := whole/maxSegments + 1
	var segments []point
	for _, p := range points {
		if last := len(segments) - 1; last >= 0 && segments[last].n()+p.n() <= share {
			segments[last].join(&p)
		} else {
			segments = append(segments, p)
		}
	}
	return limit(segments)
}

// newCalibration makes segments of neighbours. Between two of them lies a cut half-way.
func newCalibration(segments []point, calibrated bool) *Calibration {
	c := new(Calibration)
	for i := range segments {
		if i > 0 {
			c.cuts = append(c.cuts, (segments[i-1].highest+segments[i].lowest)/2)
		}
		if calibrated {
			c.probabilities = append(c.probabilities, segments[i].rate())
		}
	}
	c.index()
	return c
}

// index makes starts.
func (c *Calibration) index() {
	cut := 0
	for part := range c.starts {
		for cut < len(c.cuts) && partOf(c.cuts[cut]) < part {
			cut++
		}
		c.starts[part] = uint16(cut)
	}
}

// helps reports whether isotonic regression makes the calibration error smaller; see NewCalibration.
func helps(points []point) bool {
	random := rand.New(rand.NewPCG(1, uint64(len(points))))
	var plain, calibrated float64
	asTheyAre := new(Calibration)
	for range rounds {
		one, other := halve(points, random)
		if len(one) == 0 || len(other) == 0 {
			return false
		}
		plain += asTheyAre.error(one) + asTheyAre.error(other)
		calibrated += newCalibration(isotonic(one), true).error(other) + newCalibration(isotonic(other), true).error(one)
	}
	return calibrated < plain
}

// halve parts outcomes by tossing a coin for each.
func halve(points []point, random *rand.Rand) (one, other []point) {
	for _, p := range points {
		a, b := p, p
		a.positives, a.negatives = heads(p.positives, random), heads(p.negatives, random)
		b.positives, b.negatives = p.positives-a.positives, p.negatives-a.negatives
		if a.n() > 0 {
			one = append(one, a)
		}
		if b.n() > 0 {
			other = append(other, b)
		}
	}
	return one, other
}

// heads tosses n coins, 64 at a time.
func heads(n uint64, random *rand.Rand) uint64 {
	var count int
	for ; n >= 64; n -= 64 {
		count += bits.OnesCount64(random.Uint64())
	}
	return uint64(count + bits.OnesCount64(random.Uint64()&(1<<n-1)))
}

// error returns the expected calibration error of points: over ten bins of equal width, what the probabilities add up
// to minus the positives, all in absolute value and over the number of outcomes.
func (c *Calibration) error(points []point) float64 {
	var gaps [calibrationBins]float64
	var n float64
	for i := range points {
		p := &points[i]
		probability := p.score
		if c.probabilities != nil {
			probability = c.probabilities[c.segment(p.score)]
		}
		bin := max(int(math.Ceil(probability*calibrationBins))-1, 0)
		gaps[bin] += probability*float64(p.n()) - float64(p.positives)
		n += float64(p.n())
	}
	var sum float64
	for _, gap := range gaps {
		sum += math.Abs(gap)
	}
	return sum / n
}

// Isotonic reports whether scores are calibrated, and not taken for probabilities as they are.
func (c *Calibration) Isotonic() bool { return c.probabilities != nil }

// segment returns the segment of a score from 0 to 1: how many cuts are not above it.
func (c *Calibration) segment(score float64) int {
	i := int(c.starts[partOf(score)])
	for range nearCuts {
		if i == len(c.cuts) || c.cuts[i] > score {
			return i
		}
		i++
	}
	return i + sort.Search(len(c.cuts)-i, func(k int) bool { return c.cuts[i+k] > score })
}
