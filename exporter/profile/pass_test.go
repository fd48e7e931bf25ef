package profile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// lines writes so many lines behind a header.
func lines(header string, n int, line func(i int) string) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range n {
		b.WriteString(line(i))
		b.WriteByte('\n')
	}
	return b.String()
}

func TestManyValuesAreCountedInBoundedMemory(t *testing.T) {
	const n = maxValues + 100_000
	r := rand.New(rand.NewPCG(3, 4))
	values := make([]float64, n)
	text := lines("normal,few,part\n", n, func(i int) string {
		values[i] = math.Round(1e9*r.NormFloat64()) / 1e9
		part := ""
		if i%2 == 0 {
			part = fmt.Sprint(i%70, ".5")
		}
		return fmt.Sprintf("%g,%d,%s", values[i], i%100, part)
	})
	p := build(t, write(t, "r.csv", text))
	slices.Sort(values)

	normal, exact := column(t, p, "normal"), newNumeric(values, nil, 1024)
	if normal.Exact || normal.RankError == 0 || normal.RankError > 1./1000 {
		t.Errorf("normal: exact is %t, the rank error %g", normal.Exact, normal.RankError)
	}
	if !strings.Contains(normal.String(), ", ranks within 0.0") {
		t.Errorf("described as %q", normal)
	}
	var got, off float64
	for i := range normal.Points {
		got += float64(normal.Cells[2*i] + normal.Cells[2*i+1])
		want, _ := slices.BinarySearch(values, math.Nextafter(normal.Points[i], math.Inf(1)))
		off = max(off, math.Abs(got-float64(want))/n)
	}
	if off > normal.RankError {
		t.Errorf("normal: cells are off by %g of the values, more than %g", off, normal.RankError)
	}
	if len(normal.Points) < 1000 || normal.Points[0] != values[0] || normal.Points[len(normal.Points)-1] != values[n-1] ||
		normal.Cells[1] == 0 || normal.Cells[0] != 0 {
		t.Errorf("normal: %d points from %g", len(normal.Points), normal.Points[0])
	}
	if math.Abs(normal.Moments.Mean-exact.Moments.Mean) > 1e-12 || math.Abs(normal.Moments.M2/exact.Moments.M2-1) > 1e-12 {
		t.Errorf("normal: moments %+v, want %+v", normal.Moments, exact.Moments)
	}

	few := column(t, p, "few")
	if !few.Exact || few.RankError != 0 || len(few.Cells) != 2*len(few.Points)+1 {
		t.Errorf("few: %+v", few)
	}
	for i := range 100 {
		if cell := few.Cell(float64(i)); cell%2 == 0 || few.Cells[cell] != n/100 {
			t.Errorf("few: %d counts %d times", i, few.Cells[cell])
		}
	}
	if part := column(t, p, "part"); part.RankError != 0 || part.Missing != n/2 || part.Moments.N != n/2 {
		t.Errorf("part: %+v", part)
	}
}

func TestManyOutcomesAreCountedInBoundedMemory(t *testing.T) {
	const n = maxValues + 1000
	for _, tt := range []struct {
		name, content, positive string
		errors                  uint64
		slack                   float64
		auc                     bool
	}{
		{"of two classes", lines("prediction,label,score\n", n, func(i int) string {
			return fmt.Sprintf("%s,%s,%.3f", []string{"no", "yes"}[i%2], []string{"no", "yes"}[i%2^(i%10)/9],
				0.2+0.6*float64(i%2))
		}), "", n / 10, 0, true},
		{"of a configured class that comes late", lines("prediction,label,score\n", n, func(i int) string {
			class := []string{"a", "b"}[i%2]
			if i > n-100 {
				class = "c"
			}
			return class + ",a,0.5"
		}), "c", n/2 + 49, 1, false},
		{"of three classes", lines("prediction,label\n", n, func(i int) string {
			return []string{"a", "b", "c"}[i%3] + ",a"
		}), "", n * 2 / 3, 1, false},
		{"of numbers", lines("prediction,label\n", n, func(i int) string {
			return fmt.Sprintf("%d.5,0.5", (i*7919)%n)
		}), "", n / 10, n / 1000, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := write(t, "r.csv", tt.content)
			o.PositiveClass = tt.positive
			p := build(t, o)
			x, outcomes := p.Performance.Errors()
			if outcomes != n || math.Abs(float64(x)-float64(tt.errors)) > tt.slack {
				t.Errorf("%d errors of %d, want %d", x, outcomes, tt.errors)
			}
			if _, ok := metrics(p)["roc_auc"]; ok != tt.auc {
				t.Errorf("roc_auc is there: %t; rules %+v, %q", ok, p.Rules, p.PositiveWhy)
			}
			if p.Rules.Task == outcome.Regression {
				if share := p.Rules.Tolerance / n; math.Abs(share-0.9) > p.ToleranceError || p.ToleranceError == 0 {
					t.Errorf("tolerance at %g of the errors, off by more than %g", share, p.ToleranceError)
				}
			}
			if err := p.Save(o.Path + ".profile.json.gz"); err != nil {
				t.Fatal(err)
			}
			checkLoaded(t, p, o.Path+".profile.json.gz")
		})
	}
}

func TestAPositiveClassThatNeverComesIsAnErrorOfLongReferencesToo(t *testing.T) {
	o := write(t, "r.csv", lines("prediction,label\n", maxValues+1, func(int) string { return "a,b" }))
	o.PositiveClass = "c"
	if _, err := Build(o); err == nil || !strings.Contains(err.Error(), `positive_class "c" is neither`) {
		t.Errorf("%v", err)
	}
}

func TestCategoriesBeyondTheMemoryAreOther(t *testing.T) {
	o := write(t, "r.csv", lines("x,n\n", maxNames+5000, func(i int) string { return fmt.Sprint("u ", i, ",1.5") })+
		strings.Repeat("common,2.5\n", 10))
	o.Columns = map[string]ColumnOptions{"x": {Kind: record.Categorical, HasKind: true}}
	p := build(t, o)
	x := column(t, p, "x")
	for value, want := range map[string]int{
		"u 7": x.OtherCell(), fmt.Sprint("u ", maxNames+100): x.OtherCell(), "common": x.OtherCell(), "new": x.UnseenCell(),
	} {
		if got := int(x.Category([]byte(value))); got != want && got >= len(x.Categories) {
			t.Errorf("%q is in cell %d, want %d", value, got, want)
		}
	}
	if x.Cells[x.OtherCell()] != maxNames+5000+10-1024 || !strings.Contains(x.String(), "and 103977 rarer ones as other") {
		t.Errorf("other counts %d: %s", x.Cells[x.OtherCell()], x)
	}
	path := o.Path + ".profile.json"
	if err := p.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded := checkLoaded(t, p, path)
	if got := int(column(t, loaded, "x").Category(fmt.Append(nil, "u ", maxNames+100))); got != x.OtherCell() {
		t.Errorf("after loading, a category that is known by its hash is in cell %d", got)
	}
}

func TestColumnsOfLaterChunksAreMissingBefore(t *testing.T) {
	const early, late = 20_000, 1000
	text := lines("", early, func(i int) string { return fmt.Sprintf(`{"a": %d.5, "b": %d, "prediction": "x"}`, i, i) }) +
		lines("", late, func(i int) string { return fmt.Sprintf(`{"c": %d.5, "b": "w", "prediction": "x", "label": "y"}`, i) })
	p := build(t, write(t, "r.jsonl", text))
	a, b, c := column(t, p, "a"), column(t, p, "b"), column(t, p, "c")
	if a.Missing != late || c.Missing != early || c.Moments.N != late || a.Moments.N != early {
		t.Errorf("missing: %d of a, %d of c", a.Missing, c.Missing)
	}
	if b.Kind != record.Categorical || b.Cells[b.Category([]byte("w"))] != late || b.Missing != 0 {
		t.Errorf("b: %s", b)
	}
	if label := p.Find(Label); label.Missing != early {
		t.Errorf("label: %s", label)
	}
	if x, n := p.Performance.Errors(); x != late || n != late {
		t.Errorf("%d errors of %d", x, n)
	}
}

func TestProblemsOfLaterChunksNameTheLine(t *testing.T) {
	many := func(header, line string) string { return header + strings.Repeat(line+"\n", 200_000) }
	for _, tt := range []struct{ name, file, content, want string }{
		{"a CSV record with too few fields", "r.csv", many("a,b\n", "1,2") + "3\n", "r.csv:200002: wrong number of fields"},
		{"a broken JSON line", "r.jsonl", many("", `{"a":1}`) + "{\n", "r.jsonl:200001: not JSON"},
		{"a value in the place of an object", "r.jsonl", many("", `{"a":{"b":1.5}}`) + "{\"a\":1}\n", "r.jsonl:200001: "},
		{
			"another prediction", "r.jsonl", many("", `{"prediction":1}`) + `{"p":{"class":1},"class":2}`,
			`"class" turns up as the prediction after`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := write(t, tt.file, tt.content)
			o.Names.Prediction = "output.class"
			if _, err := Build(o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want it to hold %q", err, tt.want)
			}
		})
	}
}

// checkLoaded loads a profile and checks that it is the same as the one that was saved.
func checkLoaded(t *testing.T, p *Profile, path string) *Profile {
	t.Helper()
	loaded := build(t, Options{Path: path})
	want, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := loaded.encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the loaded profile is\n%.2000s\nwant\n%.2000s", got, want)
	}
	if loaded.Outdated() {
		t.Error("the loaded profile is outdated at once")
	}
	for i, m := range p.Performance.Metrics() {
		if got := loaded.Performance.Metrics()[i]; got != m {
			t.Errorf("loaded %+v, want %+v", got, m)
		}
	}
	for i := range p.Columns {
		if got, want := loaded.Columns[i].String(), p.Columns[i].String(); got != want {
			t.Errorf("loaded %q, want %q", got, want)
		}
		if !slices.Equal(loaded.Columns[i].Bins, p.Columns[i].Bins) {
			t.Errorf("%s: bins %v, want %v", p.Columns[i].Name, loaded.Columns[i].Bins, p.Columns[i].Bins)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if !loaded.Outdated() {
		t.Error("is not outdated though its file is gone")
	}
	return loaded
}
