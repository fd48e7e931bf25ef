package outcome

import (
	"maps"
	"math"
	"slices"
)

// cell is one cell of a confusion matrix.
type cell struct {
	prediction, label uint32
}

// confusion is a sparse confusion matrix: only cells that are not 0 are in it, so many classes cost little.
type confusion map[cell]int64

func (c *confusion) add(at cell, by int64) {
	if *c == nil {
		*c = make(confusion)
	}
	if count := (*c)[at] + by; count != 0 {
		(*c)[at] = count
	} else {
		delete(*c, at)
	}
}

func (c *confusion) merge(other confusion) {
	for at, count := range other {
		c.add(at, count)
	}
}

func (c confusion) metrics(m *metrics, rules Rules) {
	classes := c.classes()
	if rules.HasPositive {
		c.binary(m, rules.Positive, matthews(classes))
		return
	}
	macro(m, classes)
	m.add("matthews_correlation", matthews(classes))
}

// binary adds the metrics of one class against the rest.
func (c confusion) binary(m *metrics, positive uint32, matthews float64) {
	var tp, fp, fn, tn float64
	for at, count := range c {
		switch n := float64(count); {
		case at.prediction == positive && at.label == positive:
			tp += n
		case at.prediction == positive:
			fp += n
		case at.label == positive:
			fn += n
		default:
			tn += n
		}
	}
	n := tp + fp + fn + tn
	m.ratio("precision", tp, tp+fp)
	m.ratio("recall", tp, tp+fn)
	m.ratio("f1", 2*tp, 2*tp+fp+fn)
	m.ratio("specificity", tn, tn+fp)
	m.add("matthews_correlation", matthews)
	m.ratio("positive_prediction_ratio", tp+fp, n)
	m.ratio("positive_label_ratio", tp+fn, n)
}

// class holds the counts of one class: how often it was predicted rightly, predicted, and a label.
type class struct {
	hits, predicted, labelled float64
}

// classes returns the counts of every class that occurs, in the order of their codes so that sums over them do not
// depend on the order of a map.
func (c confusion) classes() []class {
	byCode := make(map[uint32]class)
	for at, count := range c {
		p := byCode[at.prediction]
		p.predicted += float64(count)
		if at.prediction == at.label {
			p.hits += float64(count)
		}
		byCode[at.prediction] = p
		l := byCode[at.label]
		l.labelled += float64(count)
		byCode[at.label] = l
	}
	ordered := make([]class, 0, len(byCode))
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		ordered = append(ordered, byCode[code])
	}
	return ordered
}

// macro adds the unweighted means over classes.
func macro(m *metrics, classes []class) {
	var precision, recall, f1 float64
	for _, c := range classes {
		if c.hits == 0 {
			continue // All three are 0, also where one of them is 0/0.
		}
		precision += c.hits / c.predicted
		recall += c.hits / c.labelled
		f1 += 2 * c.hits / (c.predicted + c.labelled)
	}
	n := float64(len(classes))
	m.ratio("precision", precision, n)
	m.ratio("recall", recall, n)
	m.ratio("f1", f1, n)
}

// matthews returns the correlation between predicted and true classes, generalised to many classes by Gorodkin,
// "Comparing two K-category assignments by a K-category correlation coefficient" (2004):
//
//	(n · hits - Σ predicted_k labelled_k) / √((n² - Σ predicted_k²) (n² - Σ labelled_k²))
//
// It is NaN where all predictions or all labels are of one class.
func matthews(classes []class) float64 {
	var n, hits, cross, predicted, labelled float64
	for _, c := range classes {
		n += c.labelled
		hits += c.hits
		cross += c.predicted * c.labelled
		predicted += c.predicted * c.predicted
		labelled += c.labelled * c.labelled
	}
	spread := math.Sqrt(n*n-predicted) * math.Sqrt(n*n-labelled)
	if spread == 0 {
		return math.NaN()
	}
	// Rounding may carry a perfect correlation past its bounds.
	return min(1, max(-1, (n*hits-cross)/spread))
}
