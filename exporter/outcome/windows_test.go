package outcome

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// at returns the arguments of Windows.Add for a label of that second, whose prediction was class 1 a second before.
func at(s int64, class uint32, sign int) (*Prediction, Label, int) {
	return &Prediction{Time: seconds(s - 1), Value: Value{Class: 1}, Score: math.NaN()},
		Label{Time: seconds(s), Value: Value{Class: class}}, sign
}

func checkErrors(t *testing.T, w *Windows, i int, x, n uint64) {
	t.Helper()
	if gotX, gotN := w.Tally(i).Errors(); gotX != x || gotN != n {
		t.Errorf("window %d: %d errors of %d, want %d of %d", i, gotX, gotN, x, n)
	}
}

func TestWindowsCoverTheirLengthUpToTheNewestTime(t *testing.T) {
	w := NewWindows([]time.Duration{time.Minute, 10 * time.Minute}, binaryRules)
	checkErrors(t, w, 0, 0, 0)
	for _, s := range []int64{1000, 1059, 1030} {
		w.Add(at(s, 0, 1))
	}
	checkErrors(t, w, 0, 3, 3)
	// Panes of one second: the minute that ends with second 1060 begins with second 1001.
	w.Add(at(1060, 1, 1))
	checkErrors(t, w, 0, 2, 3)
	// Panes of ten seconds: the ten minutes that end with 1600 to 1609 begin with 1010 to 1019.
	w.Advance(seconds(1609))
	checkErrors(t, w, 0, 0, 0)
	checkErrors(t, w, 1, 2, 3)
	w.Add(at(1015, 0, 1))
	w.Add(at(1009, 0, 1))
	checkErrors(t, w, 1, 3, 4)
	// Time does not go back.
	w.Advance(seconds(5))
	checkErrors(t, w, 1, 3, 4)
	w.Advance(seconds(100000))
	checkErrors(t, w, 1, 0, 0)
	if len(w.list[0].panes)+len(w.list[1].panes) != 0 {
		t.Errorf("%d and %d panes are left", len(w.list[0].panes), len(w.list[1].panes))
	}
}

func TestPaneLengths(t *testing.T) {
	w := NewWindows([]time.Duration{
		time.Second, 1500 * time.Millisecond, 30 * time.Second, time.Minute,
		100 * time.Second, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
	}, binaryRules)
	for i, want := range []struct {
		pane  time.Duration
		count int64
	}{
		{time.Second, 1},
		{time.Second, 1},
		{time.Second, 30},
		{time.Second, 60},
		{time.Second, 100},
		{time.Minute, 60},
		{24 * time.Minute, 60},
		{168 * time.Minute, 60},
	} {
		if got := w.list[i]; got.pane != int64(want.pane) || got.count != want.count {
			t.Errorf("window %d has %d panes of %v, want %d of %v",
				i, got.count, time.Duration(got.pane), want.count, want.pane)
		}
	}
}

func TestTakingBackOutsideAWindowIsIgnored(t *testing.T) {
	w := NewWindows([]time.Duration{time.Minute}, binaryRules)
	w.Add(at(10, 0, 1))
	w.Add(at(200, 0, 1))
	w.Add(at(10, 0, -1))
	checkErrors(t, w, 0, 1, 1)
	w.Add(at(300, 0, -1)) // Never added, and no reason to move the window.
	checkErrors(t, w, 0, 1, 1)
}

func TestWindowsEqualASumOverTheirTime(t *testing.T) {
	for _, rules := range []Rules{binaryRules, regressionRules} {
		random := rand.New(rand.NewPCG(21, 22))
		lengths := []time.Duration{45 * time.Second, 5 * time.Minute, time.Hour}
		w := NewWindows(lengths, rules)
		type entry struct {
			p Prediction
			l Label
		}
		var live []entry
		newest := int64(math.MinInt64)
		for step := range 6000 {
			now := int64(step)*int64(time.Second) - seconds(2000)
			o := randomOutcome(random, rules)
			e := entry{
				p: Prediction{Value: o.Prediction, Score: o.Score},
				l: Label{Value: o.Label, Time: now - int64(random.ExpFloat64()*float64(200*time.Second))},
			}
			e.p.Time = e.l.Time - int64(random.ExpFloat64()*float64(time.Hour))
			live = append(live, e)
			w.Add(&e.p, e.l, 1)
			newest = max(newest, e.l.Time)
			if random.IntN(5) == 0 {
				i := random.IntN(len(live))
				w.Add(&live[i].p, live[i].l, -1)
				live = slices.Delete(live, i, i+1)
			}
			if step%500 != 499 {
				continue
			}
			for i, length := range lengths {
				pane := int64(max(length/60, time.Second))
				begin := (floorDivide(newest, pane) + 1 - int64(length)/pane) * pane
				want := NewTally(rules)
				for _, e := range live {
					if e.l.Time >= begin {
						want.Add(e.p.Outcome(e.l), 1)
					}
				}
				got := w.Tally(i)
				x, n := got.Errors()
				if wantX, wantN := want.Errors(); x != wantX || n != wantN || w.Delays(i).n != int64(n) {
					t.Fatalf("step %d window %v: %d of %d, %d delays, want %d of %d",
						step, length, x, n, w.Delays(i).n, wantX, wantN)
				}
				for name, value := range named(want.Metrics()) {
					near(t, name, named(got.Metrics())[name], value, 1e-12)
				}
			}
		}
	}
}

func TestDelayQuantilesAreWithinFivePercent(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	for _, scale := range []time.Duration{10 * time.Millisecond, time.Minute, 1000 * time.Hour} {
		w := NewWindows([]time.Duration{time.Hour}, binaryRules)
		var exact []float64
		for range 3000 {
			delay := time.Duration(math.Exp(random.NormFloat64()) * float64(scale))
			p, l, _ := at(5000, 0, 1)
			p.Time = l.Time - int64(delay)
			w.Add(p, l, 1)
			exact = append(exact, delay.Seconds())
			// What is taken back leaves nothing.
			p.Time = l.Time - int64(100*scale)
			w.Add(p, l, 1)
			w.Add(p, l, -1)
		}
		slices.Sort(exact)
		for _, q := range []float64{0.001, 0.5, 0.95, 1} {
			want := exact[int(math.Ceil(q*float64(len(exact))))-1]
			got, ok := w.Delays(0).Quantile(q)
			if want <= shortestDelay.Seconds() {
				want = 0
			}
			if !ok || math.Abs(got-want) > 0.05*want {
				t.Errorf("quantile %v of delays around %v = %v, %v, want %v", q, scale, got, ok, want)
			}
		}
	}
}

func TestDelayQuantileEdges(t *testing.T) {
	var d Delays
	if got, ok := d.Quantile(0.5); ok {
		t.Errorf("quantile of nothing = %v", got)
	}
	d.count(delayBucket(-time.Hour), 1)
	d.count(delayBucket(time.Microsecond), 1)
	d.count(delayBucket(0), 1)
	if got, ok := d.Quantile(0.95); !ok || got != 0 {
		t.Errorf("quantile of no delays worth mention = %v, %v, want 0", got, ok)
	}
	d.count(delayBucket(math.MaxInt64), 1)
	if got := delayBucket(math.MaxInt64); got != lastDelayBucket {
		t.Errorf("the longest delay is in bucket %d, want %d", got, lastDelayBucket)
	}
	want := time.Duration(math.MaxInt64).Seconds()
	if got, ok := d.Quantile(1); !ok || math.Abs(got-want) > 0.05*want {
		t.Errorf("largest delay = %v, %v, want %v", got, ok, want)
	}
	if got, ok := d.Quantile(0.75); !ok || got != 0 {
		t.Errorf("quantile on the edge of a rank = %v, %v, want 0", got, ok)
	}
}

// TestWindowsEqualPanesThatGetEachOutcome adds labels about in the order of their times, with late ones, repeats that
// correct and pauses, to windows and to the panes of each window on their own. Nothing may tell them apart.
func TestWindowsEqualPanesThatGetEachOutcome(t *testing.T) {
	for _, test := range []struct {
		rules   Rules
		lengths []time.Duration
	}{
		{binaryRules, []time.Duration{time.Minute, 10 * time.Minute, time.Hour}},
		{binaryRules, []time.Duration{6 * time.Minute, 9 * time.Minute}}, // panes of 6 and 9 seconds
		{multiclassRules, []time.Duration{10 * time.Minute}},
		{regressionRules, []time.Duration{2 * time.Minute, 10 * time.Minute}},
	} {
		random := rand.New(rand.NewPCG(25, 26))
		w := NewWindows(test.lengths, test.rules)
		var apart []*Windows
		for _, length := range test.lengths {
			apart = append(apart, NewWindows([]time.Duration{length}, test.rules))
		}
		type labelled struct {
			p Prediction
			l Label
		}
		var live []labelled
		add := func(e *labelled, sign int) {
			w.Add(&e.p, e.l, sign)
			for _, each := range apart {
				each.Add(&e.p, e.l, sign)
				each.collect()
			}
		}
		now := -seconds(1000)
		for step := range 30_000 {
			now += int64(random.ExpFloat64() * 5e7)
			if random.IntN(3000) == 0 {
				now += seconds(random.Int64N(1000))
			}
			o := randomOutcome(random, test.rules)
			o.Score += random.Float64() * 1e-4 // so fine that histograms become coarser
			e := labelled{Prediction{Value: o.Prediction, Score: o.Score}, Label{Value: o.Label, Time: now}}
			if random.IntN(20) == 0 {
				e.l.Time -= int64(random.ExpFloat64() * 1e11)
			}
			e.p.Time = e.l.Time - int64(random.ExpFloat64()*1e12)
			live = append(live, e)
			add(&e, 1)
			if i := len(live) - 1 - int(random.ExpFloat64()*300); random.IntN(10) == 0 && i >= 0 {
				add(&live[i], -1)
				live[i].l.Value = randomOutcome(random, test.rules).Label
				live[i].l.Time = now
				add(&live[i], 1)
			}
			if step%1000 != 999 {
				continue
			}
			for i, each := range apart {
				sameTally(t, w.Tally(i), each.Tally(0))
				if got, want := w.Delays(i), each.Delays(0); !reflect.DeepEqual(got, want) {
					t.Errorf("window %d has the delays %v, want %v", i, got, want)
				}
			}
			if t.Failed() {
				t.Fatalf("step %d of %v", step, test)
			}
		}
	}
}

// BenchmarkWindowsAdd shows what a label costs that has found its prediction, at 23 of them a second.
func BenchmarkWindowsAdd(b *testing.B) {
	random := rand.New(rand.NewPCG(27, 28))
	w := NewWindows([]time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}, binaryRules)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		score := 1 / (1 + math.Exp(2-1.5*random.NormFloat64()))
		p := Prediction{Time: int64(i) * 43e6, Score: score}
		if score > 0.5 {
			p.Value.Class = 1
		}
		l := Label{Time: p.Time + int64(time.Hour)}
		if random.Float64() < score {
			l.Value.Class = 1
		}
		w.Add(&p, l, 1)
	}
}
