package slice

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// reference has eight rows. The column n has the deciles of 1 to 8 for edges if none are configured.
const reference = `country,device,n,note
DE,mobile,1,a
DE,mobile,2,a
DE,"a,b",3,a
FR,mobile,4,a
FR,desktop,5,a
other,mobile,6,a
IT,desktop,7,a
,desktop,8,a
`

// columns builds the profile of a reference and returns its columns.
func columns(t testing.TB, csv string, o profile.Options) []*profile.Column {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "reference.csv")
	if err := os.WriteFile(o.Path, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Missing = []string{""}
	p, err := profile.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return p.Live()
}

// options are such that n has four bins.
var options = profile.Options{
	CutPoints: 100, MaxCategories: 100,
	Columns: map[string]profile.ColumnOptions{"n": {HasKind: true, Kind: record.Numeric, Edges: []float64{2, 4, 7}}},
}

// rows makes a batch of columns: numbers, nil for what is missing and bool for what is of the wrong type.
func rows(columns []*profile.Column, values ...[]any) *record.Batch {
	b := &record.Batch{Rows: len(values), Columns: make([]record.Column, len(columns))}
	for _, row := range values {
		for i, value := range row {
			c := &b.Columns[i]
			switch v := value.(type) {
			case float64:
				c.Numbers = append(c.Numbers, v)
			case string:
				c.Spans = append(c.Spans, record.Span{Offset: uint32(len(b.Bytes)), Length: uint32(len(v))})
				b.Bytes = append(b.Bytes, v...)
			case bool:
				c.Numbers, c.Spans = append(c.Numbers, math.NaN()), append(c.Spans, record.Wrong)
			default:
				c.Numbers, c.Spans = append(c.Numbers, math.NaN()), append(c.Spans, record.Absent)
			}
		}
	}
	return b
}

// fields says that the columns of batches are those of the profile.
func fields(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestValuesOfRows(t *testing.T) {
	by := [][]string{{"country"}, {"n"}, {"country", "device"}, {"n", "device"}, {"note"}, {"gone"}, {"country", "gone"}}
	cols := columns(t, reference, options)
	for _, test := range []struct {
		name  string
		limit int
		row   []any
		// want has the value in each of the slices.
		want []string
	}{
		{"frequent values", 9, []any{"DE", "mobile", 3.0, "a"}, []string{"DE", "(2,4]", "DE,mobile", "(2,4],mobile", "a"}},
		{"a value on an edge is below it", 9, []any{"FR", "desktop", 2.0, "a"}, []string{"FR", "(-Inf,2]", "FR,desktop", "(-Inf,2],desktop", "a"}},
		{"beyond the range", 9, []any{"FR", "desktop", 99.0, "a"}, []string{"FR", "(7,+Inf)", "FR,desktop", "(7,+Inf),desktop", "a"}},
		{"a comma beside another value", 9, []any{"DE", "a,b", 6.0, "a"}, []string{"DE", "(4,7]", `DE,"a,b"`, `(4,7],"a,b"`, "a"}},
		{"a value that is called other", 99, []any{"other", "mobile", 6.0, "a"}, []string{`"other"`, "(4,7]", `"other",mobile`, "(4,7],mobile", "a"}},
		{"unseen", 9, []any{"XX", "mobile", 1.0, "b"}, []string{"unseen", "(-Inf,2]", "unseen", "(-Inf,2],mobile", "unseen"}},
		{"missing", 9, []any{nil, "mobile", nil, "a"}, []string{"missing", "missing", "missing", "missing", "a"}},
		{"of the wrong type", 9, []any{true, "mobile", true, "a"}, []string{"missing", "missing", "missing", "missing", "a"}},
		{"missing outweighs unseen", 9, []any{nil, "XX", 1.0, "a"}, []string{"missing", "(-Inf,2]", "missing", "unseen", "a"}},
		{"beyond the limit", 2, []any{"IT", "desktop", 8.0, "a"}, []string{"other", "other", "other", "other", "a"}},
		{"within the limit", 2, []any{"DE", "desktop", 5.0, "a"}, []string{"DE", "(4,7]", "DE,desktop", "(4,7],desktop", "a"}},
		{"likely values in an unlikely pair", 2, []any{"FR", "mobile", 2.0, "a"}, []string{"FR", "(-Inf,2]", "other", "other", "a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(by, cols, fields(len(cols)), test.limit)
			codes := s.Codes(rows(cols, test.row), 0)
			for i, want := range test.want {
				if got := s.Slices()[i].Values[codes[i]]; got != want {
					t.Errorf("by %s: %s, want %s; values are %q", s.Slices()[i].Name, got, want, s.Slices()[i].Values)
				}
			}
			for _, each := range s.Slices()[5:] {
				if len(each.Values) != 0 {
					t.Errorf("by %s there are values %q of a column that is not there", each.Name, each.Values)
				}
			}
		})
	}
}

func TestSlicesOfAReference(t *testing.T) {
	cols := columns(t, reference, options)
	s := New([][]string{{"country"}, {"n"}, {"country", "device"}}, cols, fields(len(cols)), 4)
	for i, want := range []struct {
		name, values string
		left         int
	}{
		{"country", `DE FR IT "other" other unseen missing`, 0},
		{"n", "(4,7] (-Inf,2] (2,4] (7,+Inf) other unseen missing", 0},
		// 3·4, 3·3, 2·4, 2·3 of 4 values and 3.
		{"country,device", `DE,mobile DE,desktop FR,mobile FR,desktop other unseen missing`, 8},
	} {
		got := s.Slices()[i]
		if got.Name != want.name || strings.Join(got.Values, " ") != want.values || got.Left != want.left {
			t.Errorf("slice %d is %s, %q, and %d are left; want %+v", i, got.Name, got.Values, got.Left, want)
		}
	}
	few := options
	few.MaxCategories = 2
	cols = columns(t, reference, few)
	s = New([][]string{{"country"}, {"country", "n"}}, cols, fields(len(cols)), 4)
	if got := s.Slices()[0]; got.Left != 2 || len(got.Values) != 2+len(words) {
		t.Errorf("with max_categories 2, values are %q, and %d are left, want 2", got.Values, got.Left)
	}
	if got := s.Slices()[1]; got.Left != 4*4-4 {
		t.Errorf("with max_categories 2, %d pairs are left, want 12", got.Left)
	}
	codes := s.Codes(rows(cols, []any{"IT", "mobile", 1.0, "a"}), 0)
	if got := s.Slices()[0].Values[codes[0]]; got != "other" {
		t.Errorf("a category beyond max_categories is %s, want other", got)
	}
}

func TestEqualNamesAreToldApart(t *testing.T) {
	o := options
	o.Columns = map[string]profile.ColumnOptions{
		"n": {HasKind: true, Kind: record.Numeric, Edges: []float64{4, 4.00000001, 4.00000002}},
	}
	cols := columns(t, "country,n,\"a,b\"\n\"x,y\",1,z\n\"\"\"q\"\"\",9,z\nx,4,\"y,z\"\n\"x,y\",2,z\n", o)
	s := New([][]string{{"n"}, {"country"}, {"country", "a,b"}, {"a,b"}}, cols, fields(len(cols)), 100)
	names := map[string]bool{}
	for _, each := range s.Slices() {
		if names[each.Name] {
			t.Errorf("two slices are called %s", each.Name)
		}
		names[each.Name] = true
		if values := slices.Compact(slices.Sorted(slices.Values(each.Values))); len(values) != len(each.Values) {
			t.Errorf("by %s two values have one name: %q", each.Name, each.Values)
		}
	}
	if want := `x,y|"""q"""|x|other|unseen|missing`; strings.Join(s.Slices()[1].Values, "|") != want {
		t.Errorf("values alone are %q, want %s", s.Slices()[1].Values, want)
	}
	for _, want := range []string{`"x,y",z`, `x,"y,z"`, `"""q""",z`} {
		if !slices.Contains(s.Slices()[2].Values, want) {
			t.Errorf("pairs are %q, without %s", s.Slices()[2].Values, want)
		}
	}
	if want := `"a,b"`; s.Slices()[3].Name != want || s.Slices()[2].Name != "country,"+want {
		t.Errorf("slices are called %s and %s", s.Slices()[2].Name, s.Slices()[3].Name)
	}
}

// The likeliest pairs are found without looking at all of them; here all are looked at.
func TestLikelyPairsAreTheLikeliest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		counts := func() []uint64 {
			all := make([]uint64, 1+random.IntN(40))
			for i := range all {
				all[i] = random.Uint64N(20) // with ties and zeros
			}
			slices.Sort(all)
			slices.Reverse(all)
			return all
		}
		a, b, limit := counts(), counts(), 1+random.IntN(200)
		var want []float64
		for _, x := range a {
			for _, y := range b {
				want = append(want, float64(x*y))
			}
		}
		slices.Sort(want)
		slices.Reverse(want)
		want = want[:min(len(want), limit)]
		var got []float64
		seen := map[[2]int]bool{}
		for _, p := range likely(a, b, limit) {
			got = append(got, float64(a[p.first]*b[p.second]))
			seen[[2]int{p.first, p.second}] = true
		}
		if !slices.Equal(got, want) || len(seen) != len(want) {
			t.Fatalf("of %v and %v the %d likeliest weigh %v, want %v", a, b, limit, got, want)
		}
	}
}

func TestTooManySlicesPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("eleven slices were taken")
		}
	}()
	New(make([][]string, 11), nil, nil, 4)
}

// bench returns a slicer of three slices over thousands of rows.
func bench(b *testing.B) (*Slicer, *record.Batch) {
	var csv strings.Builder
	csv.WriteString("country,device,n\n")
	random := rand.New(rand.NewPCG(3, 4))
	country := func() string { return fmt.Sprintf("C%02d", int(random.ExpFloat64()*15)) }
	device := func() string { return [...]string{"mobile", "desktop", "tablet"}[random.IntN(3)] }
	for range 5000 {
		fmt.Fprintf(&csv, "%s,%s,%g\n", country(), device(), random.NormFloat64())
	}
	cols := columns(b, csv.String(), profile.Options{CutPoints: 1024, MaxCategories: 1024})
	var values [][]any
	for i := range 4096 {
		row := []any{country(), device(), random.NormFloat64()}
		if i%10 == 0 {
			row[0] = "an unseen country"
		}
		values = append(values, row)
	}
	return New([][]string{{"country"}, {"n"}, {"country", "device"}}, cols, fields(3), 50), rows(cols, values...)
}

func BenchmarkCodes(b *testing.B) {
	s, batch := bench(b)
	b.ReportAllocs()
	row := 0
	var sum uint16
	for b.Loop() {
		codes := s.Codes(batch, row)
		sum += codes[2]
		row = (row + 1) % batch.Rows
	}
	if sum == 0 {
		b.Log("all rows are of the most frequent pair")
	}
}
