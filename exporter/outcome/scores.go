package outcome

import "math"

// calibrationBins is the number of bins of equal width over [0, 1] behind the expected calibration error.
const calibrationBins = 10

// scores accumulates what is needed for the metrics that judge predicted probabilities.
type scores struct {
	n       int64
	loss    sum
	squared sum
	bins    [calibrationBins]calibration
	ranks   ranks
}

// calibration is one bin of scores.
type calibration struct {
	n         int64
	positives int64
	scores    sum
}

// scored is a score from 0 to 1 with what tallies need to know of it: making it takes more than adding it.
type scored struct {
	score, miss, loss float64
	positive          bool // the label is
	bin               int
	logit             int32 // bucket of the logit, of the finest
}

func newScored(score float64, positive bool) scored {
	// The complement is taken after clipping, as scikit-learn 1.2 does: the other order differs where a score is 0 or 1.
	p := min(max(score, 1e-15), 1-1e-15)
	miss := score
	if positive {
		miss = 1 - score
	} else {
		p = 1 - p
	}
	return scored{score, miss, -math.Log(p), positive, calibrationBin(score), finestBucket(score)}
}

func (s *scores) add(x *scored, by int64) {
	s.n += by
	s.loss.add(x.loss * float64(by))
	s.squared.addSquare(x.miss, by)
	bin := &s.bins[x.bin]
	bin.n += by
	bin.scores.add(x.score * float64(by))
	if x.positive {
		bin.positives += by
	}
	s.ranks.add(x.logit, x.positive, by)
}

// calibrationBin returns the bin of a score. Bins are right-closed, (0.1, 0.2] and so on, and the first one holds 0 as
// well, as in Guo et al., "On Calibration of Modern Neural Networks" (2017).
func calibrationBin(score float64) int {
	bin := 0
	for bin < calibrationBins-1 && score > float64(bin+1)/calibrationBins {
		bin++
	}
	return bin
}

func (s *scores) merge(other *scores) {
	s.n += other.n
	s.loss.merge(&other.loss)
	s.squared.merge(&other.squared)
	for i := range s.bins {
		s.bins[i].n += other.bins[i].n
		s.bins[i].positives += other.bins[i].positives
		s.bins[i].scores.merge(&other.bins[i].scores)
	}
	s.ranks.merge(&other.ranks)
}

func (s *scores) metrics(m *metrics) {
	if s.n == 0 {
		return
	}
	n := float64(s.n)
	m.add("roc_auc", s.ranks.auc())
	m.ratio("log_loss", s.loss.value(), n)
	m.ratio("brier", s.squared.value(), n)
	var gap float64
	for i := range s.bins {
		bin := &s.bins[i]
		gap += math.Abs(bin.scores.value() - float64(bin.positives))
	}
	m.ratio("expected_calibration_error", gap, n)
}

// CalibrationBin says how the scores of one bin compare with what came of them.
type CalibrationBin struct {
	// Low and High bound the bin: it holds scores above Low, the first one also 0, up to and with High.
	Low, High float64
	// N is the number of scores, more than 0, and Positives how many of them had a label of the positive class.
	N, Positives uint64
	// Score is their mean. Where scores are probabilities it is near Positives / N.
	Score float64
}

// Calibration returns the bins that have scores, of ten of equal width. The expected calibration error is the mean
// distance between the two of them, weighted by N.
func (t *Tally) Calibration() []CalibrationBin {
	var all []CalibrationBin
	for i := range t.scores.bins {
		b := &t.scores.bins[i]
		if b.n <= 0 {
			continue
		}
		all = append(all, CalibrationBin{
			Low: float64(i) / calibrationBins, High: float64(i+1) / calibrationBins,
			N: uint64(b.n), Positives: uint64(b.positives), Score: b.scores.value() / float64(b.n),
		})
	}
	return all
}
