package window

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// maxLocated is what the tests allow of located values.
const maxLocated = 100

// testFields are where the batches of the tests have the columns.
var testFields = []int{0, 1, 2}

// testColumns builds the profile of a numeric column x with the values 0 to 9, a skewed one y with more distinct values
// than cut points, and a categorical one.
func testColumns(t testing.TB) []*profile.Column {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reference.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "x,y,city")
	for i := range 1000 {
		fmt.Fprintf(f, "%d,%g,%s\n", i%10, math.Exp(float64(i)/100), []string{"Rome", "Oslo", "Lima"}[i%3])
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Build(profile.Options{Path: path, Format: "csv", CutPoints: 50, MaxCategories: 10, MaxTokens: 10})
	if err != nil {
		t.Fatal(err)
	}
	return p.Live()
}

// event is one record of a test.
type event struct {
	at   time.Duration
	x, y float64
	city string // "" is missing
}

func (e event) batch() *record.Batch {
	b := &record.Batch{Rows: 1, Columns: make([]record.Column, 3), Bytes: []byte(e.city)}
	b.Columns[0].Numbers = []float64{e.x}
	b.Columns[1].Numbers = []float64{e.y}
	span := record.Absent
	if e.city != "" {
		span = record.Span{Length: uint32(len(e.city))}
	}
	b.Columns[2].Spans = []record.Span{span}
	return b
}

func (e event) addTo(s *Set) {
	s.Add(e.batch(), []uint32{0}, s.Pane(int64(e.at)))
}

func randomEvents(r *rand.Rand, n int, spread time.Duration) []event {
	events := make([]event, n)
	for i := range events {
		events[i] = event{
			at: time.Duration(float64(spread) * r.Float64()),
			x:  float64(r.IntN(14) - 2), y: math.Exp(12 * r.Float64()), city: []string{"Rome", "Oslo", "Lima", "Bern", ""}[r.IntN(5)],
		}
		if r.IntN(10) == 0 {
			events[i].x = math.NaN()
		}
		if r.IntN(10) == 0 {
			events[i].x += 0.5
		}
	}
	return events
}

// expected counts by brute force what window i of a set should hold, or the window back times before it.
func expected(s *Set, columns []*profile.Column, events []event, i int, back int64) []ColumnView {
	views := make([]ColumnView, len(columns))
	for k, c := range columns {
		views[k] = ColumnView{Column: c, Cells: make([]uint64, len(c.Cells))}
	}
	newest := int64(math.MinInt64)
	for _, e := range events {
		newest = max(newest, s.Pane(int64(e.at)))
	}
	l := s.levels[i]
	for _, e := range events {
		age := floorDiv(newest, l.ratio) - floorDiv(s.Pane(int64(e.at)), l.ratio)
		if age/l.panes != back {
			continue
		}
		for k, x := range []float64{e.x, e.y} {
			if math.IsNaN(x) {
				views[k].Missing++
				continue
			}
			views[k].Cells[columns[k].Cell(x)]++
			views[k].Moments.Add([]float64{x})
		}
		if e.city == "" {
			views[2].Missing++
		} else {
			views[2].Cells[columns[2].Category([]byte(e.city))]++
		}
	}
	return views
}

func TestSetHoldsWhatIsInTheWindowsInAnyOrder(t *testing.T) {
	columns := testColumns(t)
	lengths := []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	r := rand.New(rand.NewPCG(1, 2))
	for _, spread := range []time.Duration{time.Minute, 3 * time.Hour, 30 * time.Hour, 20 * 24 * time.Hour} {
		for _, order := range []string{"in order", "in reverse", "shuffled", "shuffled, all advanced before"} {
			t.Run(fmt.Sprintf("%s over %s", order, spread), func(t *testing.T) {
				events := randomEvents(r, 2000, spread)
				slices.SortFunc(events, func(a, b event) int { return int(a.at - b.at) })
				newest := events[len(events)-1].at
				s := New(columns, testFields, lengths, maxLocated, true)
				switch order {
				case "in reverse":
					slices.Reverse(events)
				case "shuffled, all advanced before":
					s.Advance(int64(newest))
					fallthrough
				case "shuffled":
					r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				}
				now := time.Duration(math.MinInt64)
				for i, e := range events {
					e.addTo(s)
					if now = max(now, e.at); i%7 == 0 {
						s.Advance(int64(now))
					}
					if i == len(events)/2 {
						s.View(0) // a view in between changes nothing
					}
				}
				s.Advance(int64(newest))
				for i := range lengths {
					compare(t, lengths[i], s.View(i).Columns, expected(s, columns, events, i, 0))
					compare(t, lengths[i], s.Previous(i).Columns, expected(s, columns, events, i, 1))
				}
			})
		}
	}
}

// Rows of a batch count the same together, whether they follow one another or not, as each of them alone.
func TestRowsOfABatchCountAsEachAlone(t *testing.T) {
	columns := testColumns(t)
	r := rand.New(rand.NewPCG(7, 8))
	together := New(columns, testFields, []time.Duration{time.Hour}, maxLocated, false)
	alone := New(columns, testFields, []time.Duration{time.Hour}, maxLocated, false)
	for round := range 50 {
		var b record.Batch
		b.Columns = make([]record.Column, 3)
		for _, e := range randomEvents(r, 100, time.Hour) {
			one, row := e.batch(), uint32(b.Rows)
			b.Rows++
			for i := range b.Columns[:2] {
				x := one.Columns[i].Numbers[0]
				if round%2 == 0 && x != x {
					x = 7 // a batch in which no number is missing
				}
				if b.Columns[i].Numbers = append(b.Columns[i].Numbers, x); x != x && r.IntN(2) == 0 {
					b.Columns[i].Wrong = append(b.Columns[i].Wrong, row)
				}
			}
			span := one.Columns[2].Spans[0]
			switch {
			case span.IsString():
				span.Offset = uint32(len(b.Bytes))
			case r.IntN(2) == 0:
				span = record.Wrong
			}
			b.Columns[2].Spans = append(b.Columns[2].Spans, span)
			b.Bytes = append(b.Bytes, one.Bytes...)
		}
		var rows []uint32
		from, step := r.IntN(50), 1+round%3
		for row := from; row < b.Rows-r.IntN(20); row += step {
			rows = append(rows, uint32(row))
		}
		together.Add(&b, rows, 0)
		for _, row := range rows {
			alone.Add(&b, []uint32{row}, 0)
		}
		got, want := together.View(0), alone.View(0)
		if got.Records != want.Records {
			t.Fatalf("%d records, want %d", got.Records, want.Records)
		}
		compare(t, time.Hour, got.Columns, want.Columns)
		for k := range want.Columns {
			g, w := &got.Columns[k], &want.Columns[k]
			near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }
			if !slices.Equal(g.Located, w.Located) || !near(g.Tail.Below, w.Tail.Below) || !near(g.Tail.Above, w.Tail.Above) {
				t.Errorf("column %s has %v and %v beyond, want %v and %v", w.Name, g.Located, g.Tail, w.Located, w.Tail)
			}
		}
	}
}

func compare(t *testing.T, length time.Duration, got, want []ColumnView) {
	t.Helper()
	for k := range want {
		g, w := &got[k], &want[k]
		if !slices.Equal(g.Cells, w.Cells) || g.Missing != w.Missing || g.Invalid != w.Invalid {
			t.Errorf("%s: column %s has cells %v, %d missing, %d invalid; want %v, %d, %d",
				length, w.Name, g.Cells, g.Missing, g.Invalid, w.Cells, w.Missing, w.Invalid)
		}
		if g.Moments.N != w.Moments.N || math.Abs(g.Moments.Mean-w.Moments.Mean) > 1e-9*math.Abs(w.Moments.Mean) ||
			math.Abs(g.Moments.M2-w.Moments.M2) > 1e-9*w.Moments.M2 {
			t.Errorf("%s: column %s has moments %+v, want %+v", length, w.Name, g.Moments, w.Moments)
		}
	}
}

func TestSetForgetsWhatLeavesTheWindow(t *testing.T) {
	s := New(testColumns(t), testFields, []time.Duration{time.Hour, 24 * time.Hour}, maxLocated, false)
	event{at: 0, x: 1, y: 2, city: "Rome"}.addTo(s)
	for _, c := range []struct {
		now         time.Duration
		short, long uint64
	}{
		{59 * time.Minute, 1, 1},
		{60 * time.Minute, 0, 1},
		{23*time.Hour + 59*time.Minute, 0, 1},
		{24 * time.Hour, 0, 0},
		{1000 * time.Hour, 0, 0},
	} {
		s.Advance(int64(c.now))
		if short, long := s.View(0).Records, s.View(1).Records; short != c.short || long != c.long {
			t.Errorf("after %s the windows hold %d and %d records, want %d and %d", c.now, short, long, c.short, c.long)
		}
	}
	if cells := s.Lifetime(0, nil); sum(cells) != 1 {
		t.Errorf("the lifetime counts are %v, want one", cells)
	}
}

func sum(cells []uint64) (n uint64) {
	for _, c := range cells {
		n += c
	}
	return n
}

func TestRefinedKeepsCountsAndOrder(t *testing.T) {
	columns := testColumns(t)
	s := New(columns, testFields, []time.Duration{time.Hour}, maxLocated, false)
	for _, x := range []float64{-3, -3, 0, 0.5, 0.25, 4, 9, 11} {
		event{x: x, y: 1, city: "Rome"}.addTo(s)
	}
	view := s.View(0)
	var r Refined
	view.Columns[0].Refine(&r)
	points, reference, live, tail := r.Points, r.Reference, r.Live, r.Tail
	if want := []float64{-3, 0, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11}; !slices.Equal(slices.DeleteFunc(points,
		func(x float64) bool { return math.Mod(x, 1) != 0 && x != 0.25 && x != 0.5 }), want) {
		t.Errorf("points are %v, want at least %v", points, want)
	}
	if len(reference) != 2*len(points)+1 || len(live) != 2*len(points)+1 {
		t.Fatalf("%d points have %d and %d cells", len(points), len(reference), len(live))
	}
	if sum(reference) != 1000 || sum(live) != 8 || tail.Below != 0 || tail.Above != 0 {
		t.Errorf("cells hold %d and %d values with tail %v, want 1000, 8 and none", sum(reference), sum(live), tail)
	}
}

func TestLocatorStopsAtItsLimit(t *testing.T) {
	columns := testColumns(t)
	s := New(columns, testFields, []time.Duration{time.Hour}, maxLocated, false)
	for i := range 3 * maxLocated {
		event{x: float64(i) / 10000, y: 1, city: "Rome"}.addTo(s)
	}
	v := s.View(0).Columns[0]
	if n := len(v.Located); n != 0 {
		t.Errorf("%d values are located, want none beyond the limit", n)
	}
	if sum(v.Cells) != 3*maxLocated {
		t.Errorf("%d values are counted, want %d", sum(v.Cells), 3*maxLocated)
	}
	// The open cell (0, 1) holds values that are not located, so it must not be refined.
	var r Refined
	v.Refine(&r)
	if slices.Contains(r.Points, 0.5) || sum(r.Live) != 3*maxLocated {
		t.Errorf("a cell with unknown values was refined: %v", r.Points)
	}
}

func TestCellsAddUpAsTheCountsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := func(cells int) []uint32 {
		counts := make([]uint32, cells)
		share, most := r.Float64(), r.IntN(32)
		for i := range counts {
			if r.Float64() < share*share {
				counts[i] = r.Uint32() >> most
			}
		}
		for range r.IntN(3) { // stretches without any, and some that are alike
			from := r.IntN(cells + 1)
			clear(counts[from:min(cells, from+r.IntN(1000))])
			for i := from; i+2*block < min(cells, from+1000); i++ {
				counts[i+block] = counts[i]
			}
		}
		return counts
	}
	for range 300 {
		cells := padded(1 + r.IntN(3000))
		a, b := random(cells), random(cells)
		one, other := encode(nil, a), encode([]byte("memory"), b)
		both := make([]uint32, cells)
		for i := range both {
			both[i] = a[i] + b[i]
		}
		if problem := wrong(one, cells); problem != "" {
			t.Fatalf("%d is encoded wrongly: %s", a, problem)
		}
		alone := make([]uint32, cells)
		if add(alone, one); !slices.Equal(alone, a) {
			t.Fatalf("%d is read as %d", a, alone)
		}
		merged := make([]uint32, cells)
		if add(merged, merge(one, other)); !slices.Equal(merged, both) {
			t.Fatalf("merging %d and %d gives %d", a, b, merged)
		}
		sums := make([]uint64, cells)
		add(sums, one)
		add(sums, other)
		for i := range sums {
			if sums[i] != uint64(a[i])+uint64(b[i]) {
				t.Fatalf("cell %d of the sum of %d and %d is %d", i, a, b, sums[i])
			}
		}
		subtract(sums, other)
		subtract(sums, one)
		if i := slices.IndexFunc(sums, func(n uint64) bool { return n != 0 }); i >= 0 {
			t.Fatalf("cell %d holds %d after all has been subtracted", i, sums[i])
		}
	}
}

// Whatever is taken for the cells of a pane can be added up.
func FuzzCells(f *testing.F) {
	f.Add([]byte{8, 1, 0, 0, 0, 0, 0, 0, 0, 5}, uint8(1))
	f.Add(encode(nil, slices.Repeat([]uint32{0, 3, 0, 70_000}, 32)), uint8(2))
	f.Fuzz(func(t *testing.T, cells []byte, blocks uint8) {
		size := int(blocks) * block
		if wrong(cells, size) != "" {
			return
		}
		counts := make([]uint32, size)
		add(counts, cells)
		again := make([]uint32, size)
		if add(again, encode(nil, counts)); !slices.Equal(again, counts) {
			t.Errorf("%x holds %d, and encoded again %d", cells, counts, again)
		}
	})
}

func TestCounterCountsWhatIsInTheWindow(t *testing.T) {
	c := NewCounter([]time.Duration{time.Hour, 24 * time.Hour})
	c.Advance(int64(30 * time.Hour))
	for _, at := range []time.Duration{0, 7 * time.Hour, 29*time.Hour + 30*time.Minute, 30 * time.Hour} {
		c.Add(int64(at), 1)
	}
	if short, long := c.Total(0), c.Total(1); short != 2 || long != 3 {
		t.Errorf("the windows hold %d and %d, want 2 and 3", short, long)
	}
	c.Advance(int64(31 * time.Hour))
	if short, long := c.Total(0), c.Total(1); short != 0 || long != 2 {
		t.Errorf("an hour later they hold %d and %d, want 0 and 2", short, long)
	}
}

func BenchmarkSetAdd(b *testing.B) {
	columns := testColumns(b)
	r := rand.New(rand.NewPCG(5, 6))
	const rows = 512
	batch := &record.Batch{Rows: rows, Columns: make([]record.Column, 3), Bytes: []byte("RomeOsloLima")}
	all := make([]uint32, rows)
	for i := range all {
		all[i] = uint32(i)
		batch.Columns[0].Numbers = append(batch.Columns[0].Numbers, float64(r.IntN(10)))
		batch.Columns[1].Numbers = append(batch.Columns[1].Numbers, math.Exp(10*r.Float64()))
		batch.Columns[2].Spans = append(batch.Columns[2].Spans, record.Span{Offset: 4 * uint32(r.IntN(3)), Length: 4})
	}
	s := New(columns, testFields, []time.Duration{time.Hour, 24 * time.Hour}, maxLocated, false)
	s.Add(batch, all, 0)
	b.ReportAllocs()
	for b.Loop() {
		s.Add(batch, all, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/record")
}
