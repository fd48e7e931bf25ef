package decode

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// testSchema wants two numbers, a category and the usual fields.
func testSchema() *record.Schema {
	return &record.Schema{
		ID: []string{"id"}, Time: []string{"timestamp"}, Version: []string{"model_version"},
		Columns: []record.Field{
			{Name: "age", Path: []string{"features", "age"}, Also: [][]string{{"age"}}, Kind: record.Numeric},
			{Name: "income", Path: []string{"features", "income"}, Also: [][]string{{"income"}}, Kind: record.Numeric},
			{Name: "city", Path: []string{"features", "city"}, Also: [][]string{{"city"}}, Kind: record.Categorical},
			{Name: "prediction", Path: []string{"output", "class"}, Kind: record.Categorical},
		},
	}
}

// render writes a batch as text, so that two can be compared at a glance. Where a value came from is left out.
func render(b *record.Batch, s *record.Schema) string {
	var out strings.Builder
	span := func(sp record.Span) string {
		switch sp {
		case record.Absent:
			return "absent"
		case record.Wrong:
			return "wrong"
		}
		return fmt.Sprintf("%q", b.Text(sp))
	}
	for row := range b.Rows {
		fmt.Fprintf(&out, "t=%d id=%d v=%s", b.Times[row], b.IDs[row], span(b.Versions[row]))
		for i := range s.Columns {
			c := &b.Columns[i]
			if s.Columns[i].Kind != record.Numeric {
				fmt.Fprintf(&out, " %s=%s", s.Columns[i].Name, span(c.Spans[row]))
				continue
			}
			wrong := ""
			if slices.Contains(c.Wrong, uint32(row)) {
				wrong = "(wrong)"
			}
			fmt.Fprintf(&out, " %s=%x%s", s.Columns[i].Name, math.Float64bits(c.Numbers[row]), wrong)
			if math.IsNaN(c.Numbers[row]) {
				out.WriteString("nan")
			}
		}
		out.WriteByte('\n')
	}
	for _, r := range b.Rejects {
		fmt.Fprintf(&out, "line %d: %s\n", r.Line, r.Reason)
	}
	for i := range b.Columns {
		c := &b.Columns[i]
		fmt.Fprintf(&out, "%s lacking=%d quoted=%d bare=%d\n", s.Columns[i].Name, c.Lacking, c.Quoted, c.Bare)
	}
	slices.SortFunc(b.Unknown, func(x, y record.Unknown) int { return strings.Compare(x.Name, y.Name) })
	fmt.Fprintf(&out, "unknown %v lines=%d skipped=%d", b.Unknown, b.Lines, b.Skipped)
	return out.String()
}

func decodeJSONL(d *JSONL, data string) *record.Batch {
	var b record.Batch
	d.Decode(nil, []byte(data), &b)
	return &b
}

func TestJSONLReadsRecords(t *testing.T) {
	const usual = `{"id":"a","timestamp":"2026-01-02T03:04:05Z","model_version":"1","features":{"age":30,"income":1.5,"city":"Rome"},"output":{"class":"yes"}}`
	nan := math.NaN()
	for name, c := range map[string]struct {
		line   string
		age    float64
		income float64
		wrong  bool // the age
		city   string
		class  string
	}{
		"the usual form":                 {usual, 30, 1.5, false, "Rome", "yes"},
		"flat, in another order":         {`{"city":"Rome","age":30,"timestamp":"2026-01-02T03:04:05Z","income":1.5,"id":"a","output.class":"yes"}`, 30, 1.5, false, "Rome", "yes"},
		"blanks between everything":      {` { "id" : "a" , "timestamp" : 1767323045 , "features" : { "age" : 30 , "income" : 1.5 , "city" : "Rome" } , "output" : { "class" : "yes" } } `, 30, 1.5, false, "Rome", "yes"},
		"nulls":                          {`{"id":null,"timestamp":1767323045,"features":{"age":null,"income":null,"city":null},"output":null}`, nan, nan, false, "absent", "absent"},
		"keys that are not there":        {`{"timestamp":1767323045}`, nan, nan, false, "absent", "absent"},
		"not a number, as Python writes": {`{"timestamp":1767323045,"features":{"age":NaN,"income":-Infinity,"city":"Rome"}}`, nan, nan, false, "Rome", "absent"},
		"not a number, as strings":       {`{"timestamp":1767323045,"features":{"age":"NaN","income":"-inf"}}`, nan, nan, false, "absent", "absent"},
		"a string in a numeric column":   {`{"timestamp":1767323045,"features":{"age":"30"}}`, nan, nan, true, "absent", "absent"},
		"a list in a numeric column":     {`{"timestamp":1767323045,"features":{"age":[1,{"x":"}"}]}}`, nan, nan, true, "absent", "absent"},
		"a number out of range":          {`{"timestamp":1767323045,"features":{"age":1e999}}`, nan, nan, false, "absent", "absent"},
		"scalars as categories":          {`{"timestamp":1767323045,"features":{"city":1.0},"output":{"class":true}}`, nan, nan, false, "1.0", "true"},
		"an object as category":          {`{"timestamp":1767323045,"features":{"city":{}}}`, nan, nan, false, "wrong", "absent"},
		"escapes":                        {`{"timestamp":1767323045,"features":{"city":"R\u006fme \"\\"}}`, nan, nan, false, `Rome "\`, "absent"},
		"emoji":                          {`{"timestamp":1767323045,"features":{"city":"🏙️"}}`, nan, nan, false, "🏙️", "absent"},
		"a key given twice":              {`{"timestamp":1767323045,"features":{"age":1,"age":2}}`, 2, nan, false, "absent", "absent"},
		"an object given twice":          {`{"timestamp":1767323045,"features":{"age":1},"features":{"income":2}}`, nan, 2, false, "absent", "absent"},
		"nested beats flat":              {`{"timestamp":1767323045,"age":1,"features":{"age":2}}`, 2, nan, false, "absent", "absent"},
		"unknown keys of all kinds":      {`{"x":[1,2,{"y":null}],"z":{"a":"}"},"timestamp":1767323045,"features":{"age":3,"w":-1.5e3},"q":false}`, 3, nan, false, "absent", "absent"},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewJSONL(testSchema(), 1)
			b := decodeJSONL(d, usual+"\n"+c.line+"\n"+usual+"\n"+c.line+"\n")
			if b.Rows != 4 || len(b.Rejects) > 0 {
				t.Fatalf("got %d rows and rejects %v, want 4 and none", b.Rows, b.Rejects)
			}
			same := func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }
			text := func(s record.Span) string {
				switch s {
				case record.Absent:
					return "absent"
				case record.Wrong:
					return "wrong"
				}
				return b.String(s)
			}
			for _, row := range []int{1, 3} {
				if age := b.Columns[0].Numbers[row]; !same(age, c.age) {
					t.Errorf("age is %g, want %g", age, c.age)
				}
				if income := b.Columns[1].Numbers[row]; !same(income, c.income) {
					t.Errorf("income is %g, want %g", income, c.income)
				}
				if wrong := slices.Contains(b.Columns[0].Wrong, uint32(row)); wrong != c.wrong {
					t.Errorf("age is of the wrong type: %t, want %t", wrong, c.wrong)
				}
				if city := text(b.Columns[2].Spans[row]); city != c.city {
					t.Errorf("city is %q, want %q", city, c.city)
				}
				if class := text(b.Columns[3].Spans[row]); class != c.class {
					t.Errorf("prediction is %q, want %q", class, c.class)
				}
				if b.Times[row] != b.Times[0] {
					t.Errorf("time is %d, want %d", b.Times[row], b.Times[0])
				}
			}
		})
	}
}

func TestJSONLCountsWhatIsNoRecord(t *testing.T) {
	for name, c := range map[string]struct {
		line   string
		reason record.Reason
	}{
		"cut":                        {`{"timestamp":1767323045,"features":{"age":3`, record.Malformed},
		"cut in a string":            {`{"timestamp":"2026-01`, record.Malformed},
		"not JSON":                   {`level=info msg=hello`, record.Malformed},
		"trailing garbage":           {`{"timestamp":1767323045} x`, record.Malformed},
		"two records on a line":      {`{"timestamp":1767323045}{"timestamp":1767323045}`, record.Malformed},
		"a leading zero":             {`{"timestamp":1767323045,"features":{"age":01}}`, record.Malformed},
		"a control character":        {"{\"timestamp\":1767323045,\"features\":{\"city\":\"a\x01\"}}", record.Malformed},
		"a missing comma":            {`{"timestamp":1767323045 "id":"a"}`, record.Malformed},
		"a trailing comma":           {`{"timestamp":1767323045,}`, record.Malformed},
		"an array":                   {`[1,2]`, record.WrongType},
		"a number":                   {`17`, record.WrongType},
		"a null":                     {`null`, record.WrongType},
		"features that are a list":   {`{"timestamp":1767323045,"features":[1,2]}`, record.WrongType},
		"no time":                    {`{"features":{"age":3}}`, record.NoTime},
		"a time that is null":        {`{"timestamp":null}`, record.NoTime},
		"a time that is no time":     {`{"timestamp":"soon"}`, record.NoTime},
		"a time that is an object":   {`{"timestamp":{}}`, record.NoTime},
		"a time beyond all bounds":   {`{"timestamp":1e300}`, record.NoTime},
		"an unfinished escape":       {`{"timestamp":1767323045,"id":"\u12"}`, record.Malformed},
		"NaN where no number stands": {`{NaN:1}`, record.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			good := `{"timestamp":1767323045,"features":{"age":3}}` + "\n"
			b := decodeJSONL(NewJSONL(testSchema(), 1), good+c.line+"\n"+good)
			if b.Rows != 2 || b.Lines != 3 {
				t.Errorf("got %d rows of %d lines, want 2 of 3", b.Rows, b.Lines)
			}
			if len(b.Rejects) != 1 || b.Rejects[0].Reason != c.reason || b.Rejects[0].Line != 1 || b.Rejects[0].Detail == "" {
				t.Errorf("got rejects %+v, want one of line 1 for %q", b.Rejects, c.reason)
			}
		})
	}
}

func TestJSONLPassesOverOtherRecords(t *testing.T) {
	s := testSchema()
	s.Where = []record.Condition{{Path: []string{"model"}, Value: "churn"}}
	lines := `{"model":"churn","timestamp":1,"features":{"age":1}}
{"model":"fraud","timestamp":1,"features":{"age":2}}
{"timestamp":1,"features":{"age":3}}
{"model":"ch\u0075rn","timestamp":1,"features":{"age":4}}
{"model":"fr\u0061ud","timestamp":"never","features":{"age":5}}
{"model":"fraud","timestamp":"never"}
`
	b := decodeJSONL(NewJSONL(s, 1), lines)
	if b.Rows != 2 || b.Skipped != 4 || len(b.Rejects) != 0 {
		t.Fatalf("got %d rows, %d skipped, rejects %v; want 2, 4 and none", b.Rows, b.Skipped, b.Rejects)
	}
	if got := b.Columns[0].Numbers; !slices.Equal(got, []float64{1, 4}) {
		t.Errorf("ages are %g, want 1 and 4", got)
	}
}

func TestJSONLKnowsAnIDByItsText(t *testing.T) {
	b := decodeJSONL(NewJSONL(testSchema(), 1), `{"timestamp":1,"id":"17"}
{"timestamp":1,"id":17}
{"timestamp":1,"id":"\u0031\u0037"}
{"timestamp":1,"id":"18"}
{"timestamp":1}
`)
	if ids := b.IDs; ids[0] == 0 || ids[0] != ids[1] || ids[0] != ids[2] || ids[0] == ids[3] || ids[4] != 0 {
		t.Errorf("ids are %d, want three alike, one other and none", ids)
	}
}

// Fast and careful must agree on every line, however much the decoder has learned before.
func FuzzJSONLFastAgainstCareful(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","timestamp":"2026-01-02T03:04:05Z","model_version":"1","features":{"age":30,"income":1.5,"city":"Rome"},"output":{"class":"yes"}}`,
		`{"city":"Rome","age":30,"timestamp":1,"income":1e5,"id":17}`,
		`{"timestamp":1,"features":{"age":NaN,"x":[{"y":-0.5}],"income":"inf"},"output":{"class":{}}}`,
		`{"timestamp":1,"features":{"age":1,"age":2},"features":{"income":"x"}}`,
		`{"timestamp":1,"features":{},"output":{},"id":"é\n"}`,
		`{"timestamp":1,"features":null,"age":true,"output.class":null}`,
		"{\"timestamp\":1,\"features\":{\"city\":\"\xff\"}}",
		`{"timestamp":1.5e9 , "features" : {"age":-Infinity}  }  `,
		`[{"timestamp":1}]`,
		// What has led fast readers astray: digits beyond a float64, escapes in keys, line ends of Windows, a byte order
		// mark, and something behind the record.
		`{"timestamp":1,"features":{"age":12345678901234567890123.5,"income":0.30000000000000004440892098500626}}`,
		`{"timestamp":1,"features":{"\u0061ge":1,"age":2,"income":-0.0,"city":"a\u0000b"}}`,
		"{\"timestamp\":1,\"features\":{\"age\":3}}\r",
		"\xef\xbb\xbf{\"timestamp\":1}",
		`{"timestamp":1} x`,
		`{"timestamp":"2026-01-02T03:04:05.123Z","id":"a"}`,
		`{"timestamp":"2026-01-02T03:04:60Z","features":{"age":-1.,"income":1e}}`,
	} {
		f.Add([]byte(seed), []byte(`{"timestamp":2,"features":{"age":7,"city":"Oslo"},"id":"b"}`))
	}
	f.Fuzz(func(t *testing.T, line, before []byte) {
		s := testSchema()
		data := append(append(append(append([]byte(nil), before...), '\n'), line...), '\n')
		data = append(data, line...)
		data = append(data, '\n')
		var fast record.Batch
		NewJSONL(s, 1).Decode(nil, data, &fast)

		var careful record.Batch
		d := NewJSONL(s, 1)
		careful.Reset(s)
		d.batch = &careful
		for l := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
			d.slow(l)
			careful.Lines++
		}
		d.root.takeUnknown(&careful, "", 1)
		if got, want := render(&fast, s), render(&careful, s); got != want {
			t.Errorf("the two ways differ on %q:\nfast\n%s\ncareful\n%s", data, got, want)
		}
	})
}

func TestJSONLNoticesWhatDiffersFromTheSchema(t *testing.T) {
	const line = `{"timestamp":1,"x":1,"features":{"age":"30","city":7,"new":{"a":1},"income":"much"}}` + "\n"
	b := decodeJSONL(NewJSONL(testSchema(), 1), line+line+`{"timestamp":1,"features":{"age":3,"city":null,"ne\u0077":2}}`+"\n")
	age, income, city, class := &b.Columns[0], &b.Columns[1], &b.Columns[2], &b.Columns[3]
	if !slices.Equal(age.Quoted, []uint32{0, 1}) || !slices.Equal(age.Wrong, []uint32{0, 1}) || age.Lacking != 0 {
		t.Errorf("age is %+v, want two quoted numbers", age)
	}
	if len(income.Quoted) != 0 || len(income.Wrong) != 2 || income.Lacking != 1 {
		t.Errorf("income is %+v, want two wrong values that are no numbers, and one record without", income)
	}
	if !slices.Equal(city.Bare, []uint32{0, 1}) || city.Lacking != 0 || class.Lacking != 3 {
		t.Errorf("city is %+v and prediction %+v, want two bare numbers, and no prediction at all", city, class)
	}
	slices.SortFunc(b.Unknown, func(x, y record.Unknown) int { return strings.Compare(x.Name, y.Name) })
	if want := []record.Unknown{{Name: "features.new", Count: 3}, {Name: "x", Count: 2}}; !slices.Equal(b.Unknown, want) {
		t.Errorf("unknown fields are %v, want %v", b.Unknown, want)
	}
}

func TestJSONLDoesNotReadOnBehindItsData(t *testing.T) {
	d := NewJSONL(testSchema(), 1)
	log := benchmarkLog(3)
	decodeJSONL(d, string(log))
	for n := range log {
		var b record.Batch
		d.Decode(nil, log[:n:min(n+Padding, len(log))], &b)
		whole := bytes.Count(log[:n], []byte("\n"))
		cut := n > 0 && log[n-1] != '\n'
		if b.Rows < whole || b.Rows+len(b.Rejects) > whole+1 || len(b.Rejects) == 1 != (cut && log[n] != '\n') {
			t.Fatalf("%q: %d rows, rejects %v", log[:n], b.Rows, b.Rejects)
		}
	}
}

func TestJSONLDoesNotAllocateForRecords(t *testing.T) {
	data := benchmarkLog(2000)
	half := data[:bytes.LastIndexByte(data[:len(data)/2], '\n')+1]
	d := NewJSONL(testSchema(), 1)
	var batch record.Batch
	d.Decode(nil, data, &batch)
	if batch.Rows != 2000 {
		t.Fatalf("decoded %d records of 2000: %+v", batch.Rows, batch.Rejects[:1])
	}
	decode := func(log []byte) float64 {
		return testing.AllocsPerRun(10, func() { d.Decode(nil, log, &batch) })
	}
	// Names of nested fields that are unknown are told once for a batch.
	if few, many := decode(half), decode(data); few > 3 || many != few {
		t.Errorf("decoding 1000 records took %g allocations and 2000 took %g, want as many and at most 3", few, many)
	}
}

func benchmarkLog(records int) []byte {
	var out bytes.Buffer
	for i := range records {
		fmt.Fprintf(&out, `{"timestamp":"2026-11-22T00:%02d:%02d.043Z","id":"8c6f2f7e-0b1d-4a57-9c39-%012d","model":"fraud",`+
			`"model_version":"2026.11.1","features":{"age":%d.0,"income":%.2f,"ratio":0.%016d,"city":"Rome"},"output":{"class":%d}}`+"\n",
			i/60%60, i%60, i, 18+i%60, 1000*math.Sqrt(float64(i)), 1234567890123456+i*7919, i%2)
	}
	return append(out.Bytes(), make([]byte, Padding)...)[:out.Len()]
}

func BenchmarkJSONL(b *testing.B) {
	const records = 1000
	data := benchmarkLog(records)
	d := NewJSONL(testSchema(), 1)
	var batch record.Batch
	d.Decode(nil, data, &batch)
	if batch.Rows != records {
		b.Fatalf("decoded %d records of %d: %+v", batch.Rows, records, batch.Rejects[:1])
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(nil, data, &batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
}
