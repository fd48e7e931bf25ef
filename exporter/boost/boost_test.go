package boost

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var nan = math.NaN()

// TestSmallModelsAreThoseWorkedOutByHand takes trees of two leaves.
func TestSmallModelsAreThoseWorkedOutByHand(t *testing.T) {
	step := Options{Trees: 1, Leaves: 2, MinRows: 1, Bins: 255, Rate: 1}
	with := func(change func(o *Options)) Options {
		o := step
		change(&o)
		return o
	}
	numbers := func(x ...float64) []Column { return []Column{{Values: x}} }
	for _, tt := range []struct {
		name    string
		columns []Column
		targets [][]float64
		o       Options
		inputs  []float64
		want    [][]float64 // by input, then by output
	}{
		{
			// The mean is 3, and the halves are 2 away from it.
			"two levels", numbers(1, 2, 3, 4),
			[][]float64{{1, 1, 5, 5}},
			step,
			[]float64{-9, 2, 2.1, 9},
			[][]float64{{1}, {1}, {5}, {5}},
		},
		{
			// Each leaf has the sum 4 over 2 rows and 2 that Lambda adds, and a half of that is taken.
			"shrunk", numbers(1, 2, 3, 4),
			[][]float64{{1, 1, 5, 5}},
			with(func(o *Options) { o.Rate, o.Lambda = 0.5, 2 }),
			[]float64{2, 3},
			[][]float64{{2.5}, {3.5}},
		},
		{
			// The first tree takes half of 2, the second one half of the 1 that is left.
			"two trees", numbers(1, 2, 3, 4),
			[][]float64{{1, 1, 5, 5}},
			with(func(o *Options) { o.Rate, o.Trees = 0.5, 2 }),
			[]float64{2, 3},
			[][]float64{{1.5}, {4.5}},
		},
		{
			// The second target has the mean 8, and means of 1 and 15 in the leaves of the first one.
			"a second output", numbers(1, 2, 3, 4),
			[][]float64{{1, 1, 5, 5}, {0, 2, 10, 20}},
			step,
			[]float64{2, 3},
			[][]float64{{1, 1}, {5, 15}},
		},
		{
			// At the odds 1 the derivatives are ±1/2 and 1/4, so that the leaves have -2 and 2.
			"classes", numbers(1, 2, 3, 4),
			[][]float64{{0, 0, 1, 1}},
			with(func(o *Options) { o.Loss = Logistic }),
			[]float64{2, 3},
			[][]float64{{1 / (1 + math.Exp(2))}, {1 / (1 + math.Exp(-2))}},
		},
		{
			// Five leaves would be exact, three part the largest jumps first: 0 | 1, 2 | 9.
			"three leaves", numbers(1, 2, 3, 4),
			[][]float64{{0, 5, 6, 20}},
			with(func(o *Options) { o.Leaves = 3 }),
			[]float64{1, 2, 3, 4},
			[][]float64{{0}, {5.5}, {5.5}, {20}},
		},
		{
			"missing values like large ones", numbers(1, 1, 2, 2, nan, nan),
			[][]float64{{0, 0, 6, 6, 6, 6}},
			step,
			[]float64{1, 2, nan},
			[][]float64{{0}, {6}, {6}},
		},
		{
			"missing values like small ones", numbers(1, 1, 2, 2, nan, nan),
			[][]float64{{0, 0, 6, 6, 0, 0}},
			step,
			[]float64{1, 2, nan},
			[][]float64{{0}, {6}, {0}},
		},
		{
			"missing values apart", numbers(1, 2, 1, nan, nan),
			[][]float64{{3, 3, 3, 8, 8}},
			step,
			[]float64{1, 2, nan},
			[][]float64{{3}, {3}, {8}},
		},
		{
			"missing values that were never met go with most rows", numbers(1, 2, 3),
			[][]float64{{0, 0, 6}},
			step,
			[]float64{nan},
			[][]float64{{0}},
		},
		{
			// Code 1 lies between the codes that are alike. Code 9 was never met.
			"categories",
			[]Column{{Values: []float64{0, 1, 2, 0, 1, 2}, Categories: 10}},
			[][]float64{{5, 0, 5, 5, 0, 5}},
			step,
			[]float64{0, 1, 2, 9, nan, -1},
			[][]float64{{5}, {0}, {5}, {5}, {5}, {5}},
		},
		{
			// Codes 2 and 3 have one row each and share a place, with the mean 4.
			"rare categories",
			[]Column{{Values: []float64{0, 0, 1, 1, 2, 3}, Categories: 4}},
			[][]float64{{1, 1, 1, 1, 0, 8}},
			with(func(o *Options) { o.MinRows = 2 }),
			[]float64{0, 1, 2, 3},
			[][]float64{{1}, {1}, {4}, {4}},
		},
		{"nothing to learn", numbers(1, 2, 3), [][]float64{{7, 7, 7}}, step, []float64{1, nan}, [][]float64{{7}, {7}}},
		{"nothing to learn from", numbers(nan, nan), [][]float64{{1, 3}}, step, []float64{1, nan}, [][]float64{{2}, {2}}},
		{"no columns", nil, [][]float64{{1, 3}}, step, []float64{nan}, [][]float64{{2}}},
		{
			"too few rows", numbers(1, 2, 3, 4),
			[][]float64{{1, 1, 5, 5}},
			with(func(o *Options) { o.MinRows = 3 }),
			[]float64{1},
			[][]float64{{3}},
		},
		{
			// Half a row of the other kind among two: the odds are 3 to 1.
			"one class", numbers(1, 2),
			[][]float64{{1, 1}},
			with(func(o *Options) { o.Loss, o.MinRows = Logistic, 2 }),
			[]float64{1},
			[][]float64{{0.75}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := Fit(Data{tt.columns, tt.targets}, all(len(tt.targets[0])), nil, tt.o)
			if err := m.Check(len(tt.columns), len(tt.targets)); err != nil {
				t.Fatal(err)
			}
			p := m.Predictor()
			for i, x := range tt.inputs {
				got := make([]float64, len(tt.targets))
				p.Predict([]float64{x}, got)
				for k := range got {
					if math.Abs(got[k]-tt.want[i][k]) > 1e-6 {
						t.Errorf("for %g it predicts %v, want %v", x, got, tt.want[i])
					}
				}
			}
		})
	}
}

func TestManyValuesAreBinnedByTheirRanks(t *testing.T) {
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(i * i)
	}
	cuts := cutPoints(values, all(1000), 4)
	if want := []float64{249 * 249, 499 * 499, 749 * 749}; !slices.Equal(cuts, want) {
		t.Errorf("the cuts are %v, want %v", cuts, want)
	}
	for i, want := range map[int]uint8{0: 0, 249: 0, 250: 1, 999: 3} {
		if got := binOf(values[i], cuts); got != want {
			t.Errorf("value %d is in bin %d, want %d", i, got, want)
		}
	}
	// Half of all values are the largest one, which is no cut: nothing lies above it.
	for i := 500; i < 1000; i++ {
		values[i] = 1e9
	}
	if cuts := cutPoints(values, all(1000), 4); !slices.Equal(cuts, []float64{249 * 249, 499 * 499}) {
		t.Errorf("the cuts of ties are %v", cuts)
	}
}

func TestTreesThatDoNotHelpOnHeldOutRowsAreDropped(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 600
	noise, signal, input := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		input[i] = r.Float64()
		noise[i] = r.NormFloat64()
		signal[i] = 10*input[i] + noise[i]/100
	}
	o := Options{Trees: 32, Leaves: 16, MinRows: 5, Bins: 64, Rate: 0.3}
	columns := []Column{{Values: input}}
	if m := Fit(Data{columns, [][]float64{noise}}, all(n)[:400], all(n)[400:], o); len(m.Trees) > 2 {
		t.Errorf("%d trees are kept of noise", len(m.Trees))
	}
	if m := Fit(Data{columns, [][]float64{noise}}, all(n)[:400], nil, o); len(m.Trees) != 32 {
		t.Errorf("%d trees without rows held out", len(m.Trees))
	}
	if m := Fit(Data{columns, [][]float64{signal}}, all(n)[:400], all(n)[400:], o); len(m.Trees) < 10 {
		t.Errorf("%d trees are kept of a line", len(m.Trees))
	}
}

// TestModelsSurviveFiles also shows that the same data give the same model.
func TestModelsSurviveFiles(t *testing.T) {
	columns, numbers, classes := rows(3, 500)
	o := Options{Trees: 8, Leaves: 8, MinRows: 10, Bins: 32, Rate: 0.3, Lambda: 1}
	m := Fit(Data{columns, [][]float64{numbers, classes}}, all(500), nil, o)
	if again := Fit(Data{columns, [][]float64{numbers, classes}}, all(500), nil, o); !reflect.DeepEqual(m, again) {
		t.Error("the same data give another model")
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var read Model
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if err := read.Check(len(columns), 2); err != nil || !reflect.DeepEqual(m, &read) {
		t.Errorf("%v, or the model is another one once read", err)
	}
}

const soundModel = `{"loss":0,"base":[1],"ranks":[null,[1,0,-1]],` +
	`"trees":[{"nodes":[[0,2.5,1,1,-1],[1,0,0,-2,-3]],"leaves":[[1],[2],[3]]}]}`

func TestBrokenModelsAreRefused(t *testing.T) {
	for _, tt := range []struct{ old, replacement, want string }{
		{"", "", ""},
		{`"loss":0`, `"loss":2`, "another loss"},
		{`"base":[1]`, `"base":[1,2]`, "other outputs than 1"},
		{`[null,`, `[`, "look at 1 columns, not 2"},
		{`[1,0,-1]`, `[1,0,-2]`, "the place -2"},
		{`[1,0,-1]`, `[1,0,3]`, "the place 3"},
		{`[0,2.5,`, `[2,2.5,`, "looks at column 2 of 2"},
		{`[0,2.5,`, `[-1,2.5,`, "looks at column -1"},
		{`1,1,-1]`, `1,0,-1]`, "node 0 has 0 below it"},
		{`1,1,-1]`, `1,2,-1]`, "node 0 has 2 below it"},
		{`-2,-3]`, `-2,-4]`, "node 1 has -4 below it"},
		{`-2,-3]`, `-2]`, "4 numbers instead of 5"},
		{`-2,-3]`, `-2,-3.5]`, "-3.5 where a whole number belongs"},
		{`0,-2,-3]`, `7,-2,-3]`, "7 for where missing values go"},
		{`,[3]]`, `]`, "do not part rows into 2 leaves"},
		{`[3]`, `[3,4]`, "a leaf has no value for each of 1 outputs"},
		{`1,1,-1]`, `1,1,-2]`, "node 1 has -2 below it"},
		{`[[0,2.5,1,1,-1],[1,0,0,-2,-3]]`, `[]`, "0 nodes"},
	} {
		var m Model
		err := json.Unmarshal([]byte(strings.Replace(soundModel, tt.old, tt.replacement, 1)), &m)
		if err == nil {
			err = m.Check(2, 1)
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s instead of %s: %v, want %q", tt.replacement, tt.old, err, tt.want)
		}
	}
}

// walk predicts by going down each tree.
func walk(m *Model, inputs []float64) []float64 {
	row := slices.Clone(inputs)
	for i, ranks := range m.Ranks {
		if ranks != nil {
			row[i] = place(row[i], ranks)
		}
	}
	out := slices.Clone(m.Base)
	for i := range m.Trees {
		for k, x := range m.Trees[i].Leaves[m.Trees[i].leaf(row)] {
			out[k] += x
		}
	}
	if m.Loss == Logistic {
		out[0] = sigmoid(out[0])
	}
	return out
}

func TestPredictorsFindTheLeavesThatTreesLeadTo(t *testing.T) {
	columns, numbers, classes := rows(5, 2000)
	o := Options{Trees: 30, Leaves: 16, MinRows: 5, Bins: 40, Rate: 0.3}
	m := Fit(Data{columns, [][]float64{numbers, classes}}, all(2000), nil, o)
	p, r, got := m.Predictor(), rand.New(rand.NewPCG(3, 4)), make([]float64, 2)
	for range 5000 {
		row := []float64{r.Float64()*3 - 1, r.Float64(), r.Float64(), r.Float64(), float64(r.IntN(15) - 1)}
		for k := range row {
			switch i := r.IntN(2000); r.IntN(8) {
			case 0:
				row[k] = nan
			case 1:
				row[k] = math.Inf(1 - 2*r.IntN(2))
			case 2, 3:
				row[k] = columns[k].Values[i] // which may be a threshold
			}
		}
		if p.Predict(row, got); !slices.Equal(got, walk(m, row)) {
			t.Fatalf("for %v it predicts %v, the trees say %v", row, got, walk(m, row))
		}
	}
}

// FuzzCheck reads any bytes as a model: it is refused, or predicts.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(soundModel), 1.0, 2.0)
	f.Add([]byte(`{"base":[0],"ranks":[null,null],"trees":[{"nodes":[[0,1,0,-1,-1]],"leaves":[[1],[2]]}]}`), -1.0, 1e300)
	f.Fuzz(func(t *testing.T, data []byte, a, b float64) {
		var m Model
		if json.Unmarshal(data, &m) != nil || m.Check(2, 1) != nil {
			return
		}
		got := make([]float64, 1)
		m.Predictor().Predict([]float64{a, b}, got)
		if want := walk(&m, []float64{a, b}); math.Float64bits(got[0]) != math.Float64bits(want[0]) {
			t.Fatalf("the model predicts %g for %g and %g, its trees say %g", got, a, b, want)
		}
	})
}

func BenchmarkPredict(b *testing.B) {
	columns, numbers, classes := rows(1, 4000)
	o := Options{Trees: 32, Leaves: 16, MinRows: 20, Bins: 64, Rate: 0.15, Lambda: 1}
	p := Fit(Data{columns, [][]float64{numbers, classes}}, all(4000), nil, o).Predictor()
	row, out := make([]float64, len(columns)), make([]float64, 2)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for k := range columns {
			row[k] = columns[k].Values[i%4000]
		}
		p.Predict(row, out)
	}
}

func BenchmarkFit(b *testing.B) {
	columns, numbers, classes := rows(1, 20000)
	o := Options{Trees: 32, Leaves: 16, MinRows: 20, Bins: 64, Rate: 0.15, Lambda: 1}
	b.ReportAllocs()
	for b.Loop() {
		Fit(Data{columns, [][]float64{numbers, classes}}, all(20000), nil, o)
	}
}
