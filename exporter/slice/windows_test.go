package slice

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/state"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

var lengths = []time.Duration{45 * time.Second, 5 * time.Minute, 2 * time.Hour}

// event is a prediction, or the label of one, as the test counts it.
type event struct {
	p outcome.Prediction
	l outcome.Label
}

// simulation fills windows with predictions and labels that are late, out of order and corrected, and keeps them.
type simulation struct {
	t           *testing.T
	random      *rand.Rand
	rules       outcome.Rules
	w           *Windows
	predictions []outcome.Prediction
	labels      []event
	newest, end int64
}

func newSimulation(t *testing.T, rules outcome.Rules) *simulation {
	t.Helper()
	cols := columns(t, reference, options)
	slicer := New([][]string{{"country"}, {"gone"}, {"country", "device"}}, cols, fields(len(cols)), 4)
	return &simulation{
		t: t, random: rand.New(rand.NewPCG(5, 6)), rules: rules, w: NewWindows(slicer, lengths, true),
		newest: math.MinInt64, end: math.MinInt64,
	}
}

func (s *simulation) step(second int64) {
	now := second*int64(time.Second) - int64(2000*time.Second)
	late := func(mean time.Duration) int64 { return now - int64(s.random.ExpFloat64()*float64(mean)) }
	p := outcome.Prediction{Time: late(100 * time.Second), Value: s.value()}
	for k, each := range s.w.Slices() {
		if n := len(each.Values); n > 0 {
			p.Slices[k] = uint16(s.random.IntN(n))
		}
	}
	s.predictions = append(s.predictions, p)
	s.newest = max(s.newest, p.Time)
	s.w.AddPredictions([]Codes{{}, p.Slices}, []uint32{1}, p.Time)

	e := event{s.predictions[s.random.IntN(len(s.predictions))], outcome.Label{Time: late(200 * time.Second), Value: s.value()}}
	s.end = max(s.end, e.l.Time, s.newest)
	s.labels = append(s.labels, e)
	s.w.AddLabel(&e.p, e.l, s.rules, 1)
	if s.random.IntN(4) == 0 {
		i := s.random.IntN(len(s.labels))
		s.w.AddLabel(&s.labels[i].p, s.labels[i].l, s.rules, -1)
		s.labels = slices.Delete(s.labels, i, i+1)
	}
	s.w.Advance(s.newest, s.end)
}

func (s *simulation) value() outcome.Value {
	if s.rules.Task == outcome.Regression {
		if s.random.IntN(50) == 0 {
			return outcome.Value{Number: 1e200} // cannot be summed, so no error ratio counts it
		}
		return outcome.Value{Number: s.random.NormFloat64()}
	}
	return outcome.Value{Class: s.random.Uint32N(2)}
}

// check compares the windows with sums over all that was kept.
func (s *simulation) check(w *Windows) {
	s.t.Helper()
	panes, numbers := window.Panes(lengths)
	labelPanes, labelNumbers := outcome.Panes(lengths)
	for i := range lengths {
		begin := func(newest int64, pane time.Duration, number int64) int64 {
			return (floorDivide(newest, int64(pane)) + 1 - number) * int64(pane)
		}
		from, labelsFrom := begin(s.newest, panes[i], numbers[i]), begin(s.end, labelPanes[i], labelNumbers[i])
		predictions, labels := w.Predictions(i), w.Labels(i)
		for k, each := range w.Slices() {
			wantPredictions, wantLabels := make([]uint64, len(each.Values)), make([]Ratio, len(each.Values))
			if len(each.Values) > 0 {
				for _, p := range s.predictions {
					if p.Time >= from {
						wantPredictions[p.Slices[k]]++
					}
				}
				for _, e := range s.labels {
					if o := e.p.Outcome(e.l); e.l.Time >= labelsFrom && s.rules.Counts(o) {
						wantLabels[e.p.Slices[k]].Labels++
						if s.rules.Wrong(o) {
							wantLabels[e.p.Slices[k]].Errors++
						}
					}
				}
			}
			if !slices.Equal(predictions[k], wantPredictions) || !slices.Equal(labels[k], wantLabels) {
				s.t.Fatalf("window %v by %s: %v and %v, want %v and %v", lengths[i], each.Name, predictions[k], labels[k],
					wantPredictions, wantLabels)
			}
		}
	}
}

func TestWindowsEqualSumsOverTheirTime(t *testing.T) {
	for _, rules := range []outcome.Rules{{}, {Task: outcome.Regression, Tolerance: 0.5}} {
		s := newSimulation(t, rules)
		for second := range int64(9000) {
			s.step(second)
			if second%300 == 299 {
				s.check(s.w)
			}
		}
	}
}

// The i-th label window must hold what outcome.Windows holds: their panes are the same, and so is what they leave out.
func TestLabelsAddUpToTheErrorRatio(t *testing.T) {
	for _, rules := range []outcome.Rules{{}, {Task: outcome.Regression, Tolerance: 0.5}} {
		s := newSimulation(t, rules)
		whole := outcome.NewWindows(lengths, rules)
		for second := range int64(4000) {
			s.step(second)
		}
		for _, e := range s.labels {
			whole.Add(&e.p, e.l, 1)
		}
		whole.Advance(s.end)
		for i := range lengths {
			x, n := whole.Tally(i).Errors()
			var sum Ratio
			for _, r := range s.w.Labels(i)[0] {
				sum.Labels += r.Labels
				sum.Errors += r.Errors
			}
			if sum != (Ratio{Labels: n, Errors: x}) || n < 4 {
				t.Errorf("window %v: slices add up to %+v, want %d errors of %d", lengths[i], sum, x, n)
			}
		}
	}
}

func save(w *Windows) []byte {
	var e state.Encoder
	w.Save(&e)
	return slices.Concat(e.Parts()...)
}

func TestSavedWindowsGoOnAsIfNothingHadBeen(t *testing.T) {
	s := newSimulation(t, outcome.Rules{})
	for round := range int64(8) {
		for second := range int64(500) {
			s.step(500*round + second)
		}
		saved := save(s.w)
		loaded := NewWindows(s.w.slicer, lengths, true)
		d := state.NewDecoder(saved)
		loaded.Load(d)
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
		if again := save(loaded); !bytes.Equal(again, saved) {
			t.Fatal("what was loaded is not saved as the same bytes")
		}
		s.check(loaded)
		s.w = loaded
	}
	unlabelled := NewWindows(s.w.slicer, lengths, false)
	unlabelled.AddPredictions([]Codes{{}}, []uint32{0}, 1)
	loaded, d := NewWindows(s.w.slicer, lengths, false), state.NewDecoder(save(unlabelled))
	loaded.Load(d)
	if d.End() != nil || !reflect.DeepEqual(loaded.Predictions(0), unlabelled.Predictions(0)) {
		t.Errorf("without labels %v, %v was loaded", d.End(), loaded.Predictions(0))
	}
}

func FuzzLoad(f *testing.F) {
	cols := columns(f, reference, options)
	slicer := New([][]string{{"country"}}, cols, fields(len(cols)), 4)
	w := NewWindows(slicer, lengths[:1], true)
	f.Add(save(w))
	for i := range int64(50) {
		at := i * int64(time.Second)
		w.AddPredictions([]Codes{{uint16(i % 7)}}, []uint32{0}, at)
		w.AddLabel(&outcome.Prediction{Slices: Codes{uint16(i % 7)}}, outcome.Label{Time: at}, outcome.Rules{}, 1)
	}
	f.Add(save(w))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, d := NewWindows(slicer, lengths[:1], true), state.NewDecoder(data)
		w.Load(d)
		if d.End() != nil {
			return
		}
		for _, r := range w.Labels(0)[0] {
			if r.Errors > r.Labels {
				t.Errorf("%d errors of %d labels", r.Errors, r.Labels)
			}
		}
		again, d := NewWindows(slicer, lengths[:1], true), state.NewDecoder(save(w))
		again.Load(d)
		if err := d.End(); err != nil || !reflect.DeepEqual(again.Predictions(0), w.Predictions(0)) {
			t.Errorf("%v: %v, want %v", err, again.Predictions(0), w.Predictions(0))
		}
		w.AddPredictions([]Codes{{1}}, []uint32{0}, 1)
		w.Advance(1, 1)
	})
}

func BenchmarkCounting(b *testing.B) {
	s, batch := bench(b)
	w := NewWindows(s, []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}, true)
	codes := make([]Codes, batch.Rows)
	all := make([]uint32, batch.Rows)
	for row := range codes {
		codes[row], all[row] = s.Codes(batch, row), uint32(row)
	}
	// All panes are in use, as after a week.
	const pane = int64(time.Minute)
	for t := -int64(8 * 24 * time.Hour); t < 0; t += pane {
		w.AddPredictions(codes, all[:1], t)
		w.AddLabel(&outcome.Prediction{}, outcome.Label{Time: t}, outcome.Rules{}, 1)
	}
	b.Run("predictions", func(b *testing.B) {
		b.ReportAllocs()
		n := int64(0)
		for b.Loop() {
			n++
			w.AddPredictions(codes, all, n*pane)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Rows), "ns/record")
	})
	b.Run("labels", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			w.AddLabel(&outcome.Prediction{Slices: codes[n%len(codes)]}, outcome.Label{Time: int64(n) * pane / 1000}, outcome.Rules{}, 1)
		}
	})
}
