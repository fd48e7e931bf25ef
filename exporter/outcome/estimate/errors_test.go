package estimate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/boost"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// regression draws rows whose errors are normal, with a standard deviation of 1 + 4x if the class is 1 and of 1 if not.
// x is spread over what lies below the limit.
func regression(n int, seed uint64, limit float64) (columns []boost.Column, predictions, labels []float64) {
	r := rand.New(rand.NewPCG(seed, 2))
	columns = []boost.Column{{}, {Categories: 2}}
	for range n {
		x, class := r.Float64()*limit, float64(r.IntN(2))
		prediction := r.NormFloat64() * 10
		columns[0].Values = append(columns[0].Values, x)
		columns[1].Values = append(columns[1].Values, class)
		predictions = append(predictions, prediction)
		labels = append(labels, prediction+r.NormFloat64()*(1+4*x*class))
	}
	return columns, predictions, labels
}

func TestErrorsOfOtherInputsAreForeseen(t *testing.T) {
	columns, predictions, labels := regression(20_000, 1, 1)
	m, ok := FitErrors(columns, predictions, labels)
	if !ok || len(m.Trees) == 0 {
		t.Fatalf("%v, %d trees", ok, len(m.Trees))
	}
	if err := m.Check(3, 2); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []float64{0.2, 1} {
		columns, predictions, labels := regression(20_000, 3, limit)
		var got Errors
		var absolute, squared float64
		p, out := m.Predictor(), make([]float64, 2)
		for i := range predictions {
			p.Predict([]float64{columns[0].Values[i], columns[1].Values[i], predictions[i]}, out)
			got.Add(out[0], out[1])
			e := predictions[i] - labels[i]
			absolute += math.Abs(e)
			squared += e * e
		}
		n := float64(len(predictions))
		want := map[string]float64{"mae": absolute / n, "rmse": math.Sqrt(squared / n)}
		for _, metric := range got.Metrics() {
			t.Logf("x up to %g: %s is expected to be %.3f and is %.3f", limit, metric.Name, metric.Value, want[metric.Name])
			if math.Abs(metric.Value-want[metric.Name]) > 0.05*want[metric.Name] {
				t.Errorf("x up to %g: %s is expected to be %.3f but is %.3f", limit, metric.Name, metric.Value, want[metric.Name])
			}
		}
	}
}

func TestErrorsThatInputsDoNotTellAreTheirMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	const n = 500
	inputs, predictions, labels := make([]float64, n), make([]float64, n), make([]float64, n)
	var absolute, squared float64
	for i := range n {
		inputs[i], labels[i] = r.Float64(), r.NormFloat64()
		absolute += math.Abs(labels[i]) / n
		squared += labels[i] * labels[i] / n
	}
	m, ok := FitErrors([]boost.Column{{Values: inputs}}, predictions, labels)
	if !ok || len(m.Trees) > 5 {
		t.Fatalf("%v, %d trees for noise", ok, len(m.Trees))
	}
	var got Errors
	p, out := m.Predictor(), make([]float64, 2)
	for _, x := range inputs {
		p.Predict([]float64{x, 0}, out)
		got.Add(out[0], out[1])
	}
	compare(t, metricsOf(got.Metrics()), map[string]float64{"mae": absolute, "rmse": math.Sqrt(squared)}, 0.02)
	if _, ok := FitErrors(nil, predictions[:minRows-1], labels[:minRows-1]); ok {
		t.Error("fewer rows are enough")
	}
}

func TestExpectedErrorsAreMeans(t *testing.T) {
	var a, b, none Errors
	a.Add(1, 4)
	a.Add(-2, -1) // counts as 0
	b.Add(5, 28)
	a.Merge(&b)
	// (1 + 0 + 5) / 3 and √((4 + 0 + 28) / 3).
	compare(t, metricsOf(a.Metrics()), map[string]float64{"mae": 2, "rmse": math.Sqrt(32. / 3)}, 1e-15)
	if len(none.Metrics()) != 0 || a.N() != 3 {
		t.Errorf("%v of nothing, %d", none.Metrics(), a.N())
	}
	var e state.Encoder
	a.Save(&e)
	var loaded Errors
	d := state.NewDecoder(slices.Concat(e.Parts()...))
	if loaded.Load(d); d.End() != nil || loaded != a {
		t.Errorf("%v, %v was saved and %v loaded", d.End(), a, loaded)
	}
}
