package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// write writes a reference into a new folder and returns options that read it as the default configuration would.
func write(t testing.TB, name, content string) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{
		Path: path, Format: strings.TrimPrefix(filepath.Ext(name), "."),
		Names: Names{
			ID: "id", Time: "timestamp", Version: "model_version", Model: "model",
			Features: "features", Prediction: "prediction", Score: "score", Label: "label",
		},
		CutPoints: 1024, MaxCategories: 1024, MaxTokens: 8192,
		Missing: []string{"", "NA", "null"},
	}
}

func build(t testing.TB, o Options) *Profile {
	t.Helper()
	p, err := Build(o)
	if err != nil {
		t.Fatal(err)
	}
	checkConsistent(t, p)
	return p
}

// column returns a feature by its name.
func column(t testing.TB, p *Profile, name string) *Column {
	t.Helper()
	i := slices.IndexFunc(p.Columns, func(c Column) bool { return c.Name == name && c.Role == Feature })
	if i < 0 {
		t.Fatalf("there is no column %q; left out are %v", name, p.LeftOut)
	}
	return &p.Columns[i]
}

// checkConsistent checks what holds for every profile.
func checkConsistent(t testing.TB, p *Profile) {
	t.Helper()
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Rows != p.Rows || c.Missing > c.Rows || c.Invalid > c.Rows-c.Missing {
			t.Fatalf("%s: %d rows of %d, %d missing, %d invalid", c.Name, c.Rows, p.Rows, c.Missing, c.Invalid)
		}
		values := c.Rows - c.Missing - c.Invalid
		if c.Kind == record.Text {
			length := c.Text.Length
			if c.Text.Texts != values || length.Moments.N != values || len(c.Cells) != len(c.Text.Tokens)+2 ||
				c.Cells[c.UnseenCell()] != 0 || c.Text.Lone > total(c.Cells) ||
				math.Abs(length.Moments.Mean*float64(values)-float64(total(c.Cells))) > 1e-6*float64(total(c.Cells)) {
				t.Fatalf("%s: %d values, cells %v, text %+v", c.Name, values, c.Cells, c.Text)
			}
			continue
		}
		if n := total(c.Cells); n != values || n == 0 {
			t.Fatalf("%s: cells hold %d of %d values", c.Name, n, values)
		}
		if n := total(c.Bins); n != values {
			t.Fatalf("%s: bins hold %d of %d values", c.Name, n, values)
		}
		if c.Kind == record.Numeric {
			if c.Moments.N != values || len(c.Cells) != 2*len(c.Points)+1 || len(c.Bins) != len(c.Edges)+1 {
				t.Fatalf("%s: %d values, %d points, %d cells, %d edges, %d bins, moments of %d",
					c.Name, values, len(c.Points), len(c.Cells), len(c.Edges), len(c.Bins), c.Moments.N)
			}
		} else if len(c.Cells) != len(c.Categories)+2 || c.Cells[c.UnseenCell()] != 0 {
			t.Fatalf("%s: %d categories and cells %v", c.Name, len(c.Categories), c.Cells)
		}
		for b := range c.Bins {
			if c.BinRange(b) == "" && c.Kind == record.Numeric {
				t.Fatalf("%s: bin %d has no range", c.Name, b)
			}
		}
		if !strings.HasPrefix(c.String(), c.Name+": ") {
			t.Fatalf("%s is described as %q", c.Name, c.String())
		}
	}
	if x, n := p.Performance.Errors(); x > n || n > p.Rows {
		t.Fatalf("%d errors of %d outcomes of %d rows", x, n, p.Rows)
	}
}

func total(counts []uint64) uint64 {
	var n uint64
	for _, c := range counts {
		n += c
	}
	return n
}

// repeat returns n values made of their number.
func repeat(n int, value func(i int) string) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = value(i)
	}
	return values
}

// cycle returns n values that go round the given ones.
func cycle(n int, values ...string) []string {
	return repeat(n, func(i int) string { return values[i%len(values)] })
}

func user(i int) string { return fmt.Sprint("u", i) }

func oneColumn(format string, values []string) string {
	var b strings.Builder
	if format == "csv" {
		b.WriteString("x,other\n")
	}
	for i, v := range values {
		if format == "csv" {
			fmt.Fprintf(&b, "%s,%d.5\n", v, i)
		} else {
			fmt.Fprintf(&b, "{\"x\": %s, \"other\": %d.5}\n", v, i)
		}
	}
	return b.String()
}

func TestKindsAreInferred(t *testing.T) {
	prose := func(i int) string { return fmt.Sprintf("the customer said %d things about it", i) }
	date := func(i int) string { return fmt.Sprintf("2024-01-%02dT10:00:00Z", i+1) }
	quote := func(values []string) []string {
		return repeat(len(values), func(i int) string { return fmt.Sprintf("%q", values[i]) })
	}
	tests := []struct {
		name, format string
		values       []string
		kind, leave  string
	}{
		{"numbers with a fraction are numeric", "csv", cycle(20, "0.5", "1.5"), "numeric", ""},
		{"six distinct integers are numeric", "csv", cycle(20, "1", "2", "3", "4", "5", "6"), "numeric", ""},
		{"five distinct integers are categorical", "csv", cycle(20, "1", "2", "3", "4", "5"), "categorical", ""},
		{
			"five integers and missing ones are categorical", "csv", cycle(20, "1", "2", "3", "4", "5", "NA", ""),
			"categorical", "",
		},
		{"numbers with spaces around are numeric", "csv", cycle(20, " 0.5", "1.25 ", " NA", "\tNaN"), "numeric", ""},
		{"numbers beyond the range of floats are missing", "csv", cycle(20, "0.5", "1e400"), "numeric", ""},
		{"one word among numbers makes categories", "csv", append(cycle(20, "0.5", "1.5"), "abc"), "categorical", ""},
		{"strings are categorical", "csv", cycle(20, "red", "green"), "categorical", ""},
		{"few distinct strings say nothing about ids", "csv", repeat(99, user), "categorical", ""},
		{"many distinct strings are ids", "csv", repeat(100, user), "", "looks like an id"},
		{"long distinct strings with spaces are text", "csv", repeat(20, prose), "text", ""},
		{"long repeated strings with spaces are categorical", "csv", cycle(20, prose(1), prose(2)), "categorical", ""},
		{"dates are left out", "csv", repeat(20, date), "", "holds timestamps"},
		{"nothing but missing values is left out", "csv", cycle(20, "", "NA", "nan"), "", "has no values"},
		{"JSON numbers are numeric", "jsonl", cycle(20, "0.5", "1.5", "null"), "numeric", ""},
		{"JSON NaN is a missing number", "jsonl", cycle(20, "0.5", "NaN", `"NaN"`), "numeric", ""},
		{"JSON codes are categorical", "jsonl", cycle(20, "1", "2"), "categorical", ""},
		{"JSON booleans are categorical", "jsonl", cycle(20, "true", "false"), "categorical", ""},
		{"numbers in JSON strings are categorical", "jsonl", cycle(20, `"0.5"`, `"1.5"`), "categorical", ""},
		{"JSON prose is text", "jsonl", quote(repeat(20, prose)), "text", ""},
		{"JSON timestamps are left out", "jsonl", cycle(20, `"2024-01-01T00:00:00Z"`), "", "holds timestamps"},
		{"JSON lists are left out", "jsonl", append(cycle(20, "1.5"), "[1]"), "", "holds lists or objects"},
		{"only null is left out", "jsonl", cycle(20, "null"), "", "has no values"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := build(t, write(t, "r."+tt.format, oneColumn(tt.format, tt.values)))
			if tt.leave != "" {
				if len(p.LeftOut) != 1 || p.LeftOut[0].Name != "x" || !strings.Contains(p.LeftOut[0].Why, tt.leave) {
					t.Fatalf("left out are %v, want x because it %s", p.LeftOut, tt.leave)
				}
				return
			}
			if c := column(t, p, "x"); c.Kind.String() != tt.kind {
				t.Errorf("is %s because of %s, want %s", c.Kind, c.Why, tt.kind)
			}
		})
	}
}

func TestMoreDistinctValuesThanAreCountedAreIDsOrText(t *testing.T) {
	for _, tt := range []struct{ format, want string }{{"%d-x", "id"}, {"this is sentence number %d", "text"}} {
		s := newSighting("x", []string{"x"}, newSurvey().seed)
		for i := range maxDistinct + 10 {
			s.text(fmt.Appendf(nil, tt.format, i), false)
		}
		kind, _, leave := s.kind()
		if id := strings.Contains(leave, "id"); id != (tt.want == "id") || !id && kind != record.Text {
			t.Errorf("%q: %s, left out because it %q, want %s", tt.format, kind, leave, tt.want)
		}
	}
}

func TestConfiguredColumns(t *testing.T) {
	o := write(t, "r.csv", "id,plan,age,zip,note\na,1.5,20,1,x\nb,2.5,30,2,y\nc,oops,40,3,z\nd,,50,1,z\n")
	o.Columns = map[string]ColumnOptions{
		"id":   {Ignore: true},
		"plan": {Kind: record.Numeric, HasKind: true},
		"age":  {Kind: record.Numeric, HasKind: true, Edges: []float64{25, 45}},
		"zip":  {Kind: record.Text, HasKind: true},
		"note": {Ignore: true},
	}
	before := maps.Clone(o.Columns)
	p := build(t, o)
	plan := column(t, p, "plan")
	if plan.Kind != record.Numeric || plan.Why != "configured" || plan.Missing != 1 || plan.Invalid != 1 {
		t.Errorf("plan: %+v", plan)
	}
	age := column(t, p, "age")
	if !slices.Equal(age.Edges, []float64{25, 45}) || !slices.Equal(age.Bins, []uint64{1, 2, 1}) {
		t.Errorf("age: edges %v, bins %v", age.Edges, age.Bins)
	}
	zip := column(t, p, "zip")
	if zip.Kind != record.Text || !slices.Equal(zip.Cells, []uint64{2, 1, 1, 0, 0}) ||
		!strings.Contains(zip.String(), "3 tokens, 1.0 a text") {
		t.Errorf("zip: %v", zip)
	}
	want := []LeftOut{{"id", "is no feature but the record's id"}, {"note", "is ignored by the configuration"}}
	if !slices.Equal(p.LeftOut, want) {
		t.Errorf("left out: %v", p.LeftOut)
	}
	if len(o.Columns) != len(before) {
		t.Error("Build changed its options")
	}
}

func TestColumnsWithoutAnyValueOfTheirKindAreLeftOut(t *testing.T) {
	o := write(t, "r.jsonl", `{"a": "x", "b": [1], "c": 1.5}`+"\n")
	o.Columns = map[string]ColumnOptions{
		"a": {Kind: record.Numeric, HasKind: true}, "b": {Kind: record.Categorical, HasKind: true},
	}
	p := build(t, o)
	if want := []LeftOut{{"a", "has no numbers"}, {"b", "has no values"}}; !slices.Equal(p.LeftOut, want) {
		t.Errorf("left out: %v, want %v", p.LeftOut, want)
	}
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	edges := func(o *Options) { o.Columns = map[string]ColumnOptions{"a": {Edges: []float64{1}}} }
	tests := []struct {
		name, file, content, want string
		change                    func(*Options)
	}{
		{"an empty CSV file", "r.csv", "", "r.csv:1: is empty; a CSV reference begins with a header line", nil},
		{"a byte order mark and nothing else", "r.csv", "\xef\xbb\xbf", "r.csv:1: is empty", nil},
		{"a header and nothing else", "r.csv", "a,b\n", "r.csv: has no column that can be compared", nil},
		{"a header of roles and nothing else", "r.csv", "prediction,a\n", "r.csv: has no rows", nil},
		{"a blank first line", "r.csv", "\na\n1\n", "r.csv:1: is blank; a CSV reference begins with a header line", nil},
		{"a broken header", "r.csv", "a\"b\n", `r.csv:1: bare " in non-quoted`, nil},
		{"a header of two lines", "r.csv", "\"a\n\",b\n1,2\n", "r.csv:1: a name in the header holds a line break", nil},
		{"a column that stands twice", "r.csv", "a,b, a\n1,2,3\n", `r.csv:1: column "a" stands twice in the header`, nil},
		{"a record with too few fields", "r.csv", "a,b\n1,2\n\n3\n", "r.csv:4: wrong number of fields", nil},
		{"a stray quote", "r.csv", "a,b\n1,2\n3,4\"\n", `r.csv:3: bare " in non-quoted`, nil},
		{"an empty JSONL file", "r.jsonl", "", "r.jsonl: has no column that can be compared", nil},
		{"a broken line", "r.jsonl", "{\"a\": 1}\n\n{\"a\": \n", "r.jsonl:3: not JSON: ", nil},
		{"a line that is no object", "r.jsonl", "{\"a\": 1}\n[1]\n", "r.jsonl:2: not a JSON object", nil},
		{"an object in one line and a number in another", "r.jsonl", "{\"a\": {\"b\": 1}}\n{\"a\": 1}\n", "r.jsonl:2: ", nil},
		{"an unknown format", "r.xml", "<a/>", `unknown format "xml"`, nil},
		{
			"a column that the configuration invents", "r.csv", "a,b\n1,2\n",
			`r.csv: has no column "c", which the configuration names; it has a, b`,
			func(o *Options) { o.Columns = map[string]ColumnOptions{"d": {}, "c": {Ignore: true}, "a": {}} },
		},
		{"edges of a column that is not numeric", "r.csv", "a,b\nx,2\n", `column "a": has edges but is categorical`, edges},
		{
			"a kind that the task does not allow", "r.csv", "a,prediction\n1,x\n", `column "prediction": is categorical because of`,
			func(o *Options) {
				o.Columns = map[string]ColumnOptions{"prediction": {Kind: record.Numeric, HasKind: true}}
			},
		},
		{
			"edges of a class", "r.csv", "a,prediction\n1,x\n", `column "prediction": is categorical because of`,
			func(o *Options) { o.Columns = map[string]ColumnOptions{"prediction": {Edges: []float64{1}}} },
		},
		{
			"a score that is to be ignored", "r.csv", "a,score\n1,0.5\n", `column "score": cannot be ignored, for it is the score`,
			func(o *Options) { o.Columns = map[string]ColumnOptions{"score": {Ignore: true}} },
		},
		{
			"too many columns", "r.csv", strings.Join(repeat(maxColumns+1, user), ","),
			"r.csv: has 10001 columns, more than 10000", nil,
		},
		{
			"an unknown positive class", "r.csv", "prediction,label\nno,yes\nno,no\n",
			`r.csv: positive_class "maybe" is neither among the predictions nor the labels; they have ["no" "yes"]`,
			func(o *Options) { o.PositiveClass = "maybe" },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := write(t, tt.file, tt.content)
			if tt.change != nil {
				tt.change(&o)
			}
			p, err := Build(o)
			if err == nil {
				t.Fatalf("built a profile of %d columns", len(p.Columns))
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %q, want it to hold %q", err, tt.want)
			}
		})
	}
}

func TestFilesThatCannotBeReadAreErrors(t *testing.T) {
	o := write(t, "r.csv", "")
	o.Path += ".gone"
	if _, err := Build(o); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "opening reference: ") {
		t.Errorf("a missing file: %v", err)
	}
	for _, format := range []string{"csv", "jsonl"} {
		o.Path, o.Format = t.TempDir(), format
		if _, err := Build(o); err == nil || !strings.HasPrefix(err.Error(), o.Path) {
			t.Errorf("a folder as %s: %v", format, err)
		}
	}
}

func TestReferencesOfDifferentShapesGiveTheSameColumns(t *testing.T) {
	const flat = `{"age": 20, "city": "Oslo"}
{"age": 30.5, "city": "Rome"}
{"age": 40, "city": "Rome"}
`
	const nested = `{"features": {"age": 20, "city": "Oslo"}}

{"features": {"age": 30.5, "city": "Rome"}}
{"features": {"age": 40, "city": "Rome"}}`
	references := map[string]string{
		"plain.csv":     "age,city\n20,Oslo\n30.5,Rome\n40,Rome\n",
		"bom.csv":       "\xef\xbb\xbfage,city\n20,Oslo\n30.5,Rome\n40,Rome\n",
		"crlf.csv":      "age,city\r\n20,Oslo\r\n30.5,Rome\r\n\r\n40,Rome",
		"quoted.csv":    "\"age\",\"city\"\n\"20\",\"Oslo\"\n\"30.5\",\"Rome\"\n40,Rome\n",
		"spaced.csv":    " age , city\n 20 ,Oslo\n30.5,Rome\n40,Rome\n",
		"index.csv":     ",age,city\n0,20,Oslo\n1,30.5,Rome\n2,40,Rome\n",
		"flat.jsonl":    flat,
		"nested.jsonl":  nested,
		"bom.jsonl":     "\xef\xbb\xbf" + flat,
		"both.jsonl":    strings.ReplaceAll(nested, `{"features"`, `{"age": 1, "features"`),
		"escaped.jsonl": strings.Replace(flat, `"age": 20, "city": "Oslo"`, `"a\u0067e": 20, "city": "\u004fslo"`, 1),
	}
	for name, content := range references {
		t.Run(name, func(t *testing.T) {
			p := build(t, write(t, name, content))
			if len(p.Columns) != 2 || p.Rows != 3 {
				t.Fatalf("%d columns of %d rows: %v", len(p.Columns), p.Rows, p.LeftOut)
			}
			age, city := column(t, p, "age"), column(t, p, "city")
			if first, last := age.Points[0], age.Points[len(age.Points)-1]; first != 20 || last != 40 || !age.Exact {
				t.Errorf("age: points %v", age.Points)
			}
			if age.Moments.N != 3 || age.Moments.Mean != 90.5/3 {
				t.Errorf("age: %+v", age.Moments)
			}
			if !slices.Equal(city.Categories, []string{"Rome", "Oslo"}) || !slices.Equal(city.Cells, []uint64{2, 1, 0, 0}) {
				t.Errorf("city: %v %v", city.Categories, city.Cells)
			}
		})
	}
}

func TestDeepObjectsAreColumnsOfTheirPath(t *testing.T) {
	p := build(t, write(t, "r.jsonl",
		`{"user": {"age": 1.5}, "a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}`+"\n"))
	if c := column(t, p, "user.age"); c.Moments.Mean != 1.5 {
		t.Errorf("user.age: %+v", c)
	}
	if want := []LeftOut{{"a.b.c.d.e.f.g.h", "holds lists or objects"}}; !slices.Equal(p.LeftOut, want) {
		t.Errorf("left out: %v, want %v", p.LeftOut, want)
	}
}

func TestMissingAndInvalidValuesAreCounted(t *testing.T) {
	p := build(t, write(t, "r.jsonl", `{"n": 1.5, "c": "x"}
{"n": null, "c": null}
{"c": "y", "n": NaN}
{"n": 2.5}
{"n": 1e999, "c": "x"}
`))
	if n := column(t, p, "n"); n.Missing != 3 || n.Invalid != 0 {
		t.Errorf("n: %d missing, %d invalid", n.Missing, n.Invalid)
	}
	if c := column(t, p, "c"); c.Missing != 2 || c.Invalid != 0 {
		t.Errorf("c: %d missing, %d invalid", c.Missing, c.Invalid)
	}
	o := write(t, "r.jsonl", `{"n": 1.5, "c": "x"}
{"n": "2", "c": [1]}
{"n": true, "c": null}
{"n": null, "c": {}}
{"n": "NaN"}
`)
	o.Columns = map[string]ColumnOptions{
		"n": {Kind: record.Numeric, HasKind: true}, "c": {Kind: record.Categorical, HasKind: true},
	}
	p = build(t, o)
	if n := column(t, p, "n"); n.Missing != 2 || n.Invalid != 2 {
		t.Errorf("n: %d missing, %d invalid", n.Missing, n.Invalid)
	}
	if c := column(t, p, "c"); c.Missing != 2 || c.Invalid != 2 {
		t.Errorf("c: %d missing, %d invalid", c.Missing, c.Invalid)
	}
}

func TestRolesAreFoundByPathByLastElementAndByUsualName(t *testing.T) {
	for _, tt := range []struct{ name, header string }{
		{"by the full path", "output.class,output.p,request_id,truth,x"},
		{"by the last element", "class,p,request_id,truth,x"},
		{"by the usual names", "prediction,score,id,label,x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := write(t, "r.csv", tt.header+"\nyes,0.9,a,yes,1.5\nno,0.2,b,no,2.5\n")
			o.Names = Names{
				ID: "request_id", Time: "ts", Version: "release", Model: "name", Features: "inputs",
				Prediction: "output.class", Score: "output.p", Label: "truth",
			}
			p := build(t, o)
			var got []string
			for i := range p.Columns {
				got = append(got, p.Columns[i].Name+"/"+string(p.Columns[i].Role))
			}
			want := []string{"x/feature", "prediction/prediction", "score/score", "label/label"}
			if !slices.Equal(got, want) || len(p.LeftOut) != 1 {
				t.Errorf("columns are %v, left out %v", got, p.LeftOut)
			}
			if live := p.Live(); len(live) != 3 || live[2].Role != Score {
				t.Errorf("%d columns are live", len(live))
			}
			if p.Find(Label) != &p.Columns[3] || p.Find("none") != nil {
				t.Error("Find does not find the label, or finds what is not there")
			}
			if p.OutcomeKind() != record.Categorical {
				t.Errorf("outcomes are %s", p.OutcomeKind())
			}
		})
	}
}

func TestScoresHaveTheEdgesThatAreConfigured(t *testing.T) {
	o := write(t, "r.csv", "prediction,score\n1,0.9\n0,0.2\n")
	o.Columns = map[string]ColumnOptions{"score": {Kind: record.Numeric, HasKind: true, Edges: []float64{0.5}}}
	if c := build(t, o).Find(Score); !slices.Equal(c.Bins, []uint64{1, 1}) {
		t.Errorf("bins %v", c.Bins)
	}
}

func TestProfileIsOutdatedOnceItsFileIsWrittenOrGone(t *testing.T) {
	o := write(t, "r.csv", "a,b\n1.5,x\n")
	p := build(t, o)
	if p.Outdated() {
		t.Error("is outdated at once")
	}
	if err := os.Chtimes(o.Path, time.Time{}, p.Modified.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if !p.Outdated() {
		t.Error("is not outdated though the file has been written")
	}
	if err := os.Remove(o.Path); err != nil {
		t.Fatal(err)
	}
	if !p.Outdated() {
		t.Error("is not outdated though the file is gone")
	}
}

func TestTasksAreInferred(t *testing.T) {
	six := "1\n2\n3\n4\n5\n6\n"
	tests := []struct {
		name, content string
		task          outcome.Task
		why           string
	}{
		{"numbers as predictions", "prediction,label\n1.5,2\n2.5,2\n", outcome.Regression, "prediction holds numbers"},
		{"words as predictions", "prediction\nyes\nno\n", outcome.Classification, "prediction holds classes"},
		{"codes as predictions", "prediction\n1\n0\n", outcome.Classification, "prediction holds classes"},
		{"numbers as labels", "label\n" + six, outcome.Regression, "label holds numbers"},
		{
			"numbers as labels beside empty predictions", "label,prediction\n1.5,\n2.5,\n",
			outcome.Regression, "label holds numbers",
		},
		{
			"nothing but ids as labels", "label\n" + strings.Join(repeat(100, user), "\n"),
			outcome.Classification, "label holds classes",
		},
		{
			"scores with predictions", "prediction,score\n7.5,0.1\n8.5,0.2\n",
			outcome.Classification, "the reference has scores",
		},
		{"scores alone", "score,x\n0.1,1\n0.2,2\n", outcome.Classification, "the reference has scores"},
		{
			"features alone", "x\n0.1\n0.2\n",
			outcome.Regression, "nothing known: the reference has no prediction and no label",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := build(t, write(t, "r.csv", tt.content))
			if p.Rules.Task != tt.task || p.TaskWhy != tt.why {
				t.Errorf("task %d because %q, want %d because %q", p.Rules.Task, p.TaskWhy, tt.task, tt.why)
			}
		})
	}
	o := write(t, "r.csv", "prediction,label\n1,1\n0,1\n")
	o.Task, o.HasTask = outcome.Regression, true
	p := build(t, o)
	if p.Rules.Task != outcome.Regression || p.TaskWhy != "configured" || p.Find(Prediction).Kind != record.Numeric {
		t.Errorf("the configured task is not used: %+v", p.Rules)
	}
}
