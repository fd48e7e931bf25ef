package outcome

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// cellsOf returns the cells that these points make, with a search of the plainest kind.
func cellsOf(apart int, points ...float64) *Cells {
	return &Cells{Points: points, Apart: apart, Find: func(x float64) int {
		i, is := slices.BinarySearch(points, x)
		if is {
			return 2*i + 1
		}
		return 2 * i
	}}
}

// recounted counts labels one by one.
func recounted(c *Cells, labels []float64) Labels {
	l := Labels{Cells: make([]uint64, 2*len(c.Points)+1)}
	l.Moments.Add(labels)
	counts := make(map[float64]uint64)
	for _, x := range labels {
		cell := c.Find(x)
		l.Cells[cell]++
		l.Tail.Below += max(c.Points[0]-x, 0)
		l.Tail.Above += max(x-c.Points[len(c.Points)-1], 0)
		if cell%2 == 0 {
			counts[x]++
		}
	}
	for x, n := range counts {
		l.Apart = append(l.Apart, Apart{x, n})
	}
	slices.SortFunc(l.Apart, func(a, b Apart) int { return cmp.Compare(a.Value, b.Value) })
	return l
}

func checkLabels(t *testing.T, got, want Labels) {
	t.Helper()
	if !slices.Equal(got.Cells, want.Cells) || !slices.Equal(got.Apart, want.Apart) || got.Moments.N != want.Moments.N {
		t.Errorf("got the cells %v, apart %v, %d labels; want %v, %v, %d", got.Cells, got.Apart, got.Moments.N,
			want.Cells, want.Apart, want.Moments.N)
	}
	near(t, "mean", got.Moments.Mean, want.Moments.Mean, 1e-12)
	near(t, "M2", got.Moments.M2, want.Moments.M2, 1e-9)
	near(t, "tail below", got.Tail.Below, want.Tail.Below, 1e-12)
	near(t, "tail above", got.Tail.Above, want.Tail.Above, 1e-12)
}

// TestLabelsAreThoseThatWereNotTakenBack adds labels to the tallies of some panes in any order, corrects many of them,
// one of them a huge one, and restarts on the way.
func TestLabelsAreThoseThatWereNotTakenBack(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 6))
	var points []float64
	for i := range 100 {
		points = append(points, float64(i))
	}
	rules := Rules{Task: Regression, Tolerance: 1, Cells: cellsOf(1000, points...)}
	panes := []*Tally{NewTally(rules), NewTally(rules), NewTally(rules)}
	type added struct {
		pane  int
		label float64
	}
	var held []added
	draw := func() float64 { return float64(r.IntN(500))/4 - 10 }
	for step := range 5000 {
		a := added{r.IntN(len(panes)), draw()}
		if step == 100 {
			a.label = -1e100
		}
		panes[a.pane].Add(measured(0, a.label), 1)
		held = append(held, a)
		if step == 200 || step > 100 && r.IntN(2) == 0 {
			i := r.IntN(len(held))
			if step == 200 {
				i = slices.IndexFunc(held, func(a added) bool { return a.label == -1e100 })
			}
			if i < 0 {
				continue // it has gone by chance
			}
			panes[held[i].pane].Add(measured(0, held[i].label), -1)
			held = slices.Delete(held, i, i+1)
		}
		if step%1000 != 999 {
			continue
		}
		total := NewTally(rules)
		var labels []float64
		for i, p := range panes {
			var e state.Encoder
			p.save(&e)
			panes[i] = NewTally(rules)
			d := state.NewDecoder(slices.Concat(e.Parts()...))
			if panes[i].load(d); d.End() != nil {
				t.Fatal(d.End())
			}
			total.Merge(panes[i])
		}
		for _, a := range held {
			labels = append(labels, a.label)
		}
		checkLabels(t, total.Labels(), recounted(rules.Cells, labels))
	}
}

func TestLabelsThatAreAllTheSameHaveNoSpread(t *testing.T) {
	rules := Rules{Task: Regression, Cells: cellsOf(10, 0.1)}
	tally := tallied(rules, repeat(measured(0, 0.1), 49)...)
	if want := (stat.Moments{N: 49, Mean: 0.1}); tally.Labels().Moments != want {
		t.Errorf("49 times 0.1 has the moments %v, want %v", tally.Labels().Moments, want)
	}
	tally = tallied(rules)
	checkLabels(t, tally.Labels(), Labels{Cells: make([]uint64, 3)})
}

// TestTooManyLabelsAreNotToldApart in whatever order they come, and however they are distributed over panes.
func TestTooManyLabelsAreNotToldApart(t *testing.T) {
	rules := Rules{Task: Regression, Cells: cellsOf(3, 0, 10)}
	few := tallied(rules, measured(0, 1), measured(0, 2), measured(0, -3), measured(0, 10))
	if got := few.Labels().Apart; len(got) != 3 {
		t.Errorf("%v are told apart, want three", got)
	}
	more := tallied(rules, measured(0, 4), measured(0, 1))
	for _, tally := range []*Tally{
		tallied(rules, measured(0, 1), measured(0, 2), measured(0, -3), measured(0, 4), measured(0, 1)), merged(few, more),
		merged(more, few),
	} {
		l := tally.Labels()
		if l.Apart != nil {
			t.Errorf("%v are told apart, want none", l.Apart)
		}
		if l.Cells[0] != 1 || l.Cells[2] < 3 || l.Tail.Below != 3 {
			t.Errorf("the cells are %v with a tail of %v", l.Cells, l.Tail)
		}
	}
}

func merged(tallies ...*Tally) *Tally {
	total := NewTally(tallies[0].rules)
	for _, t := range tallies {
		total.Merge(t)
	}
	return total
}

func TestLabelClassesAreThoseOfTheConfusion(t *testing.T) {
	none := math.NaN()
	tally := tallied(multiclassRules, classified(1, 2, none), classified(2, 2, none), classified(2, 0, none),
		classified(0, 1, none))
	tally.Add(classified(0, 1, none), -1)
	got := tally.LabelClasses()
	if len(got) != 2 || got[2] != 2 || got[0] != 1 {
		t.Errorf("the labels are %v, want two of class 2 and one of class 0", got)
	}
}

// A label of a known cell takes no memory.
func TestLabelsTakeNoMemoryOfTheirOwn(t *testing.T) {
	rules := Rules{Task: Regression, Cells: cellsOf(10, 0, 1, 2)}
	outcomes := []Outcome{measured(0, 1), measured(0, 1.5), measured(0, -1)}
	tally := tallied(rules, outcomes...)
	if n := testing.AllocsPerRun(100, func() {
		for _, o := range outcomes {
			tally.Add(o, 1)
		}
	}); n != 0 {
		t.Errorf("adding %d labels took %g allocations", len(outcomes), n)
	}
}

// FuzzTallyLoad loads any bytes: that fails, or gives what is saved as it was loaded.
func FuzzTallyLoad(f *testing.F) {
	rules := Rules{Task: Regression, Cells: cellsOf(10, 0, 1, 2)}
	var e state.Encoder
	tallied(rules, measured(0, 1), measured(3, 1.5), measured(0, -1), measured(0, 7)).save(&e)
	f.Add(slices.Concat(e.Parts()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		tally, d := NewTally(rules), state.NewDecoder(data)
		if tally.load(d); d.End() != nil {
			return
		}
		var e, again state.Encoder
		tally.save(&e)
		other := NewTally(rules)
		d = state.NewDecoder(slices.Concat(e.Parts()...))
		if other.load(d); d.End() != nil {
			t.Fatalf("what was saved is not loaded: %v", d.Err())
		}
		other.save(&again)
		if !slices.Equal(slices.Concat(e.Parts()...), slices.Concat(again.Parts()...)) {
			t.Error("what was loaded is saved otherwise")
		}
	})
}
