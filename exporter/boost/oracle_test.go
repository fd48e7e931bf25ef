package boost

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// splitMix is SplitMix64, which is short enough to be written in two languages.
type splitMix uint64

func (s *splitMix) float() float64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}

// rows makes the data that testdata/README.md describes.
func rows(seed splitMix, n int) (columns []Column, numbers, classes []float64) {
	columns = make([]Column, 5)
	columns[4].Categories = 12
	for range n {
		var draws [10]float64
		for i := range draws {
			draws[i] = seed.float()
		}
		a, b, c, d, e, f := draws[0], draws[1], draws[2], draws[3], draws[4], draws[5]
		code := int(e * 12)
		y := 3*a + float64(code*7%12)/6
		if b > 0.5 {
			y += 2 * c
		}
		if f < 0.15 {
			d = math.NaN()
			y++
		} else {
			y += 2 * (d - 0.5) * (d - 0.5)
		}
		y += draws[6] + draws[7] + draws[8] + draws[9] - 2
		class := 0.0
		if y > 4 {
			class = 1
		}
		for i, x := range []float64{a, b, c, d, float64(code)} {
			columns[i].Values = append(columns[i].Values, x)
		}
		numbers, classes = append(numbers, y), append(classes, class)
	}
	return columns, numbers, classes
}

func all(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// predictAll returns the first output for all rows.
func predictAll(m *Model, columns []Column, n int) []float64 {
	p := m.Predictor()
	predictions, row, out := make([]float64, n), make([]float64, len(columns)), make([]float64, len(m.Base))
	for i := range predictions {
		for k := range columns {
			row[k] = columns[k].Values[i]
		}
		p.Predict(row, out)
		predictions[i] = out[0]
	}
	return predictions
}

func r2(targets, predictions []float64) float64 {
	var mean, rest, spread float64
	for _, y := range targets {
		mean += y / float64(len(targets))
	}
	for i, y := range targets {
		rest += (y - predictions[i]) * (y - predictions[i])
		spread += (y - mean) * (y - mean)
	}
	return 1 - rest/spread
}

// auc is the share of pairs of a one and a zero in which the one has the higher prediction, ties half.
func auc(classes, predictions []float64) float64 {
	var ones, zeros []float64
	for i, y := range classes {
		if y == 1 {
			ones = append(ones, predictions[i])
		} else {
			zeros = append(zeros, predictions[i])
		}
	}
	slices.Sort(zeros)
	var won float64
	for _, p := range ones {
		below, _ := slices.BinarySearch(zeros, p)
		upTo, _ := slices.BinarySearch(zeros, math.Nextafter(p, 2))
		won += float64(below+upTo) / 2
	}
	return won / float64(len(ones)*len(zeros))
}

func logLoss(classes, predictions []float64) float64 {
	var sum float64
	for i, y := range classes {
		sum -= math.Log(1 - math.Abs(y-predictions[i]))
	}
	return sum / float64(len(classes))
}

// TestModelsAreAsGoodAsThoseOfScikitLearn holds R² and the area under the ROC curve to 0.01, and the log loss to 0.015.
func TestModelsAreAsGoodAsThoseOfScikitLearn(t *testing.T) {
	var want struct {
		Positives, Mean, R2 float64
		AUC                 float64 `json:"roc_auc"`
		LogLoss             float64 `json:"log_loss"`
	}
	text, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	const n = 4000
	columns, numbers, classes := rows(1, n)
	testColumns, testNumbers, testClasses := rows(2, n)
	var mean, positives float64
	for i, y := range testNumbers {
		mean += y / n
		positives += testClasses[i]
	}
	if math.Abs(mean-want.Mean) > 1e-9 || positives != want.Positives {
		t.Fatalf("the data have a mean of %v and %v positives, not %v and %v", mean, positives, want.Mean, want.Positives)
	}
	o := Options{Trees: 32, Leaves: 16, MinRows: 20, Bins: 255, Rate: 0.2, Lambda: 1}
	regression := Fit(Data{columns, [][]float64{numbers}}, all(n), nil, o)
	o.Loss = Logistic
	classifier := Fit(Data{columns, [][]float64{classes}}, all(n), nil, o)
	probabilities := predictAll(classifier, testColumns, n)
	for _, got := range []struct {
		name                   string
		value, want, tolerance float64
	}{
		{"r2", r2(testNumbers, predictAll(regression, testColumns, n)), want.R2, 0.01},
		{"roc_auc", auc(testClasses, probabilities), want.AUC, 0.01},
		{"log_loss", logLoss(testClasses, probabilities), want.LogLoss, 0.015},
	} {
		t.Logf("%s: %.4f, scikit-learn %.4f", got.name, got.value, got.want)
		if math.Abs(got.value-got.want) > got.tolerance {
			t.Errorf("%s is %.4f, scikit-learn reaches %.4f", got.name, got.value, got.want)
		}
	}
}
