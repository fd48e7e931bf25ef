package profile

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// statistics is a statistics.json of six rows: age is 1.5, 2.5, 2.5, 4.5, 6.5 and missing, plan a category.
const statistics = `{"version": 0.0, "dataset": {"item_count": 6}, "features": [
  {"name": "age", "inferred_type": "Fractional", "numerical_statistics": {
    "common": {"num_present": 5, "num_missing": 1}, "mean": 3.5, "sum": 17.5, "std_dev": 1.7888543819998317,
    "min": 1.5, "max": 6.5, "distribution": {"kll": {"buckets": [], "sketch": {
      "parameters": {"c": 0.64, "k": 2048.0}, "data": [[6.5, 2.5, 1.5, 2.5, 4.5]]}}}}},
  {"name": "flag", "inferred_type": "Integral", "numerical_statistics": {
    "common": {"num_present": 6, "num_missing": 0}, "mean": 0.5, "sum": 3, "std_dev": 0.5,
    "min": 0, "max": 1, "distribution": {"kll": {"sketch": {"data": [[0, 1, 0, 1, 0, 1]]}}}}},
  {"name": "plan", "inferred_type": "String", "string_statistics": {
    "common": {"num_present": 6, "num_missing": 0}, "distinct_count": 3, "distribution": {"categorical": {"buckets": [
      {"value": "basic", "count": 3}, {"value": "pro", "count": 2}]}}}},
  {"name": "empty", "inferred_type": "Unknown"},
  {"name": "free", "inferred_type": "String", "string_statistics": {
    "common": {"num_present": 6, "num_missing": 0}, "distinct_count": 6, "distribution": {}}}
]}`

func TestSageMakerStatisticsAreAReference(t *testing.T) {
	o := write(t, "statistics.json", statistics)
	o.Format = ""
	p := build(t, o)
	if p.Rows != 6 || len(p.Columns) != 3 || len(p.LeftOut) != 2 {
		t.Fatalf("%d rows, %d columns, left out %v", p.Rows, len(p.Columns), p.LeftOut)
	}
	age := column(t, p, "age")
	values := newNumeric([]float64{1.5, 2.5, 2.5, 4.5, 6.5}, nil, 1024)
	if !slices.Equal(age.Points, values.Points) || !slices.Equal(age.Cells, values.Cells) || !age.Exact ||
		age.RankError != 0 || age.Missing != 1 {
		t.Errorf("age: %+v\nwant %+v", age, values)
	}
	if m := age.Moments; m.N != 5 || m.Mean != 3.5 || math.Abs(m.M2-16) > 1e-12 {
		t.Errorf("age: moments %+v, want %+v", m, values.Moments)
	}
	if flag := column(t, p, "flag"); flag.Kind != record.Categorical || flag.Category([]byte("1")) >= 2 ||
		!slices.Equal(flag.Cells, []uint64{3, 3, 0, 0}) {
		t.Errorf("flag: %s, cells %v", flag, flag.Cells)
	}
	if plan := column(t, p, "plan"); !slices.Equal(plan.Cells, []uint64{3, 2, 1, 0}) {
		t.Errorf("plan: cells %v", plan.Cells)
	}
	if x, n := p.Performance.Errors(); x != 0 || n != 0 {
		t.Errorf("%d errors of %d", x, n)
	}
	path := o.Path + ".profile.json"
	if err := p.Save(path); err != nil {
		t.Fatal(err)
	}
	checkLoaded(t, p, path)
}

func TestSageMakerColumnsCanBeConfigured(t *testing.T) {
	o := write(t, "statistics.json", statistics)
	o.Format = FormatSageMaker
	o.Names.Label = "flag"
	o.Columns = map[string]ColumnOptions{
		"age": {Kind: record.Numeric, HasKind: true, Edges: []float64{2}}, "plan": {Ignore: true}, "free": {Ignore: true},
	}
	p := build(t, o)
	if age := column(t, p, "age"); !slices.Equal(age.Bins, []uint64{1, 4}) {
		t.Errorf("age: bins %v", age.Bins)
	}
	if p.Find(Label) == nil || !slices.Equal(p.Classes, []string{"0", "1"}) || p.PositiveClass != "1" {
		t.Errorf("classes %q, positive %q, columns %v", p.Classes, p.PositiveClass, p.Columns)
	}
}

func TestItemsOfASageMakerSketchWeighAsMuchAsTheirLevel(t *testing.T) {
	text := strings.Replace(statistics, "[[6.5, 2.5, 1.5, 2.5, 4.5]]", "[[6.5], [2.5, 4.5]]", 1)
	age := column(t, build(t, write(t, "statistics.json", text).with(func(o *Options) { o.Format = "" })), "age")
	// 2.5 weighs 2, one of which goes to the smallest value, 4.5 weighs 2 and 6.5 weighs 1.
	if age.Exact || age.RankError == 0 {
		t.Errorf("exact %t, rank error %g", age.Exact, age.RankError)
	}
	for x, want := range map[float64]uint64{1.5: 1, 2.5: 1, 4.5: 2, 6.5: 1} {
		if got := age.Cells[age.Cell(x)]; got != want {
			t.Errorf("%g counts %d times, want %d", x, got, want)
		}
	}
	scaled := scale([]weighted{{1, 4}, {2, 1}, {3, 4}}, 18)
	if !slices.Equal(scaled, []weighted{{1, 8}, {2, 2}, {3, 8}}) {
		t.Errorf("scaled: %v", scaled)
	}
}

func (o Options) with(change func(*Options)) Options {
	change(&o)
	return o
}

func TestBrokenSageMakerStatisticsAreErrors(t *testing.T) {
	for _, tt := range []struct{ name, old, replacement, want string }{
		{"another file", statistics, `{"version": 0, "regression_metrics": {}}`, "is no statistics.json of SageMaker: it lacks item_count"},
		{"a part", statistics[200:], "", "unexpected end"},
		{"no rows", `"item_count": 6`, `"item_count": 0`, "lacks item_count"},
		{"other rows", `"num_missing": 1`, `"num_missing": 2`, `feature "age": has 5 values and 2 missing ones of 6`},
		{"an empty sketch", "[[6.5, 2.5, 1.5, 2.5, 4.5]]", "[]", `feature "age": its sketch is empty`},
		{"a sketch of other values", `"max": 6.5`, `"max": 5`, "contradict its sketch"},
		{"no mean", `"mean": 3.5`, `"mean": "NaN"`, "contradict its sketch"},
		{"too many values of a category", `"count": 2`, `"count": 20`, `feature "plan": its categories count more than 6 values`},
		{"a category twice", `"pro"`, `"basic"`, `category "basic" twice`},
		{"a name twice", `"flag"`, `"age"`, "feature 1 has no name, or one that another has"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := write(t, "statistics.json", strings.Replace(statistics, tt.old, tt.replacement, 1))
			o.Format = FormatSageMaker
			_, err := Build(o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), o.Path+": ") {
				t.Errorf("error is %v, want it to hold %q", err, tt.want)
			}
		})
	}
}

// TestRealSageMakerStatistics reads what the SDK's own tests hold, where that is at hand.
func TestRealSageMakerStatistics(t *testing.T) {
	pattern := filepath.Join("..", "..", "..", "shared", "log-samples", "sagemaker", "*statistics.json")
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("there are no samples at %s", pattern)
	}
	var read int
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Build(write(t, "statistics.json", string(text)).with(func(o *Options) { o.Format = "" }))
		if strings.Contains(path, "model-quality") {
			if err == nil || !strings.Contains(err.Error(), "is no statistics.json") {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		checkConsistent(t, p)
		for i := range p.Columns {
			t.Log(filepath.Base(path), p.Columns[i].String())
		}
		read++
	}
	if read < 2 {
		t.Errorf("%d of %d files have been read", read, len(files))
	}
}

func FuzzSageMakerStatistics(f *testing.F) {
	f.Add([]byte(statistics))
	f.Add([]byte(strings.Replace(statistics, "[[6.5, 2.5, 1.5, 2.5, 4.5]]", "[[6.5], [2.5, 4.5]]", 1)))
	path := filepath.Join(f.TempDir(), "statistics.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Build(Options{Path: path, Format: FormatSageMaker, CutPoints: 16, MaxCategories: 3})
		if err == nil {
			checkConsistent(t, p)
		}
	})
}
