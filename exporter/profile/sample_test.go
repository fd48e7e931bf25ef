package profile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// regressionCSV writes rows of a regression whose errors are large where x is, if the plan is "wild". A tenth of x and
// of the plans is missing.
func regressionCSV(rows int) string {
	r := rand.New(rand.NewPCG(5, 6))
	var out strings.Builder
	out.WriteString("x,plan,note,prediction,label\n")
	for i := range rows {
		x, plan, size := r.Float64(), []string{"calm", "wild"}[r.IntN(2)], 1.0
		if plan == "wild" {
			size += 9 * x
		}
		prediction := 100 * r.Float64()
		cell := func(s string) string {
			if r.IntN(10) == 0 {
				return ""
			}
			return s
		}
		fmt.Fprintf(&out, "%s,%s,note %d of some words,%.2f,%.2f\n", cell(fmt.Sprintf("%.4f", x)), cell(plan), i,
			prediction, prediction+size*r.NormFloat64())
	}
	return out.String()
}

// expected returns the absolute error that a profile's model expects.
func expected(t *testing.T, p *Profile, x float64, plan string, prediction float64) float64 {
	t.Helper()
	if p.Errors == nil {
		t.Fatal("the profile has no model of errors")
	}
	row := make([]float64, 0, 3)
	for _, name := range p.Errors.Features {
		if c := p.Feature(name); name == "x" {
			row = append(row, x)
		} else {
			row = append(row, c.Input([]byte(plan)))
		}
	}
	out := make([]float64, 2)
	p.Errors.Trees.Predictor().Predict(append(row, prediction), out)
	return out[0]
}

func TestErrorsOfARegressionAreLearnt(t *testing.T) {
	content := regressionCSV(8000)
	o := write(t, "r.csv", content)
	p := build(t, o)
	if !slices.Equal(p.Errors.Features, []string{"x", "plan"}) {
		t.Fatalf("the features are %q", p.Errors.Features)
	}
	// The mean of an absolute normal error is 0.8 of its standard deviation.
	for _, tt := range []struct {
		x    float64
		plan string
		want float64
	}{{0.1, "calm", 0.8}, {0.9, "calm", 0.8}, {0.1, "wild", 1.5}, {0.9, "wild", 7.3}} {
		if got := expected(t, p, tt.x, tt.plan, 50); math.Abs(got-tt.want) > 0.25*tt.want+0.2 {
			t.Errorf("at %g, %s: an error of %.2f is expected, want %.2f", tt.x, tt.plan, got, tt.want)
		}
	}
	for _, ending := range []string{".profile.json", ".profile.json.gz"} {
		path := o.Path + ending
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
		loaded := checkLoaded(t, p, path)
		if got, want := expected(t, loaded, 0.9, "wild", 50), expected(t, p, 0.9, "wild", 50); got != want {
			t.Errorf("once loaded, an error of %v is expected, not %v", got, want)
		}
	}
	data, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	bare := *p
	bare.Errors = nil
	without, err := bare.encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the model of errors takes %d bytes of a file, unpacked", len(data)-len(without))
	if len(data)-len(without) > 40_000 {
		t.Errorf("the model of errors takes %d bytes", len(data)-len(without))
	}
	with, err := p.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	if without, err := bare.Fingerprint(); err != nil || without == with {
		t.Errorf("a profile without the model has the same fingerprint, %v", err)
	}
	if again, err := build(t, write(t, "again.csv", content)).Fingerprint(); err != nil || again != with {
		t.Errorf("the same rows give another profile, %v", err)
	}
}

func TestReferencesWithoutEnoughToLearnFromHaveNoModelOfErrors(t *testing.T) {
	whole := regressionCSV(250)
	few := strings.Join(strings.SplitAfter(whole, "\n")[:200], "")
	for _, tt := range []struct {
		name, content string
		change        func(*Options)
		want          bool
	}{
		{"a regression", whole, func(*Options) {}, true},
		{"few rows", few, func(*Options) {}, false},
		{"no labels", strings.Replace(whole, "label", "other", 1), func(*Options) {}, false},
		{"no predictions", strings.Replace(whole, "prediction", "other", 1), func(*Options) {}, false},
		{"classes", whole, func(o *Options) { o.HasTask = true }, false},
		{"scores", strings.Replace(whole, "x,", "score,", 1), func(*Options) {}, false},
	} {
		o := write(t, "r.csv", tt.content)
		tt.change(&o)
		if p := build(t, o); (p.Errors != nil) != tt.want {
			t.Errorf("%s: has a model of errors: %v, want %v", tt.name, p.Errors != nil, tt.want)
		}
	}
}

func TestAnIgnoredColumnTakesTheModelOfErrorsWithIt(t *testing.T) {
	o := write(t, "r.csv", regressionCSV(300))
	path := filepath.Join(t.TempDir(), "r.profile.json")
	if err := build(t, o).Save(path); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"x": false, "note": true} {
		p := build(t, Options{Path: path, Columns: map[string]ColumnOptions{name: {Ignore: true}}})
		if (p.Errors != nil) != want {
			t.Errorf("without %s there is a model of errors: %v, want %v", name, p.Errors != nil, want)
		}
	}
}

// TestSamplesAreBoundedAndEven samples many short rows, whose columns partly begin and end on the way.
func TestSamplesAreBoundedAndEven(t *testing.T) {
	const rows = 90_000
	path := filepath.Join(t.TempDir(), "r.jsonl")
	var out strings.Builder
	for i := range rows {
		fmt.Fprintf(&out, `{"row": %d.5, "prediction": %d, "label": 0.5`, i, i%7)
		switch {
		case i >= rows/2:
			fmt.Fprintf(&out, `, "late": "%d", "turns": "text"`, i%3)
		case i >= rows/3:
			out.WriteString(`, "turns": 1`)
		}
		out.WriteString("}\n")
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	o := write(t, "unused.jsonl", "{}")
	o.Path = path
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := &builder{options: o, profile: &Profile{Path: path}}
	b.results = newResults(b)
	b.options.Format = "jsonl"
	if err := b.readRows(file); err != nil {
		t.Fatal(err)
	}
	s := b.sample
	if n := len(s.hashes); n > maxSampleRows || n < maxSampleRows/2-500 {
		t.Fatalf("%d rows are kept", n)
	}
	values := make(map[string][]float64)
	for _, w := range b.columns {
		switch c := b.profile.Feature(w.name); {
		case c == nil:
		case c.Inputs() == 0:
			values[w.name] = s.numbersOf(w.sighting)
		default:
			values[w.name] = s.codesOf(w.sighting, c)
		}
	}
	late := b.profile.Feature("late")
	var thirds [3]int
	last := -1.0
	for i, x := range values["row"] {
		row := int(x)
		thirds[row*3/rows]++
		if x <= last {
			t.Fatalf("row %g comes after %g", x, last)
		}
		last = x
		want := math.NaN()
		if row >= rows/2 {
			want = late.Input(fmt.Append(nil, row%3))
		}
		if got := values["late"][i]; math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("row %d has the code %g in late, want %g", row, got, want)
		}
		if got := values["turns"][i]; math.IsNaN(got) != (row < rows/3) {
			t.Fatalf("row %d has the code %g in turns", row, got)
		}
	}
	for _, n := range thirds {
		// Four standard deviations of a third.
		if mean := float64(len(s.hashes)) / 3; math.Abs(float64(n)-mean) > 4*math.Sqrt(mean*2/3) {
			t.Errorf("the thirds of the reference have %v rows", thirds)
		}
	}
}

func TestBrokenModelsOfErrorsAreRefused(t *testing.T) {
	data, err := build(t, write(t, "r.csv", regressionCSV(300))).encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, tt := range []struct{ name, old, replacement, want string }{
		{"nothing", "", "", ""},
		{"an unknown feature", `"features":["x",`, `"features":["y",`, `errors: "y" is no feature`},
		{"text", `"features":["x",`, `"features":["note",`, `errors: "note" is no feature`},
		{"a feature twice", `"features":["x","plan"]`, `"features":["plan","plan"]`, "input 0 has 0 categories, not 3"},
		{"too few features", `"features":["x",`, `"features":[`, "look at 3 columns, not 2"},
		{"no trees", `"trees":{`, `"trees":null,"x":{`, "unknown field"},
		{"a classification", `"task":"regression"`, `"task":"classification"`, "contradict each other"},
		{"one output", `"base":[`, `"base":[1,`, "other outputs than 2"},
	} {
		text := strings.Replace(good, tt.old, tt.replacement, 1)
		if tt.want != "" && text == good {
			t.Fatalf("%s: the profile lacks %s", tt.name, tt.old)
		}
		_, err := parse([]byte(text))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
