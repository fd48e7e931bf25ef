package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

func logfmtSchema() *record.Schema {
	s := testSchema()
	s.Missing = []string{"", "null"}
	return s
}

func decodeLogfmt(s *record.Schema, data string) *record.Batch {
	var b record.Batch
	NewLogfmt(s, 1).Decode(nil, []byte(data), &b)
	return &b
}

func TestLogfmtReadsPairs(t *testing.T) {
	const usual = `timestamp=2026-01-02T03:04:05Z id=a model_version=1 features.age=30 features.income=1.5 features.city=Rome output.class=yes`
	nan := math.NaN()
	for name, c := range map[string]struct {
		line        string
		age, income float64
		city, class string
	}{
		"the usual form":            {usual, 30, 1.5, "Rome", "yes"},
		"in another order":          {"features.city=Rome age=30 \t timestamp=1767323045\tincome=1.5 output.class=yes ", 30, 1.5, "Rome", "yes"},
		"with quotes":               {`timestamp="2026-01-02 03:04:05" age="30" features.city="São Paulo" output.class="a=b"`, 30, nan, "São Paulo", "a=b"},
		"with escapes":              {`timestamp=1767323045 features.city="a\"b\\\t\n\u00e9\xc3\xa9" output.class="\ud83c\udfd9"`, nan, nan, "a\"b\\\t\néé", "🏙"},
		"with no values":            {`timestamp=1767323045 features.age= features.income="" features.city=null output.class=""`, nan, nan, "<absent>", "<absent>"},
		"with keys without values":  {"timestamp=1767323045 features.age features.city", nan, nan, "<absent>", "<absent>"},
		"with a line end of CRLF":   {"timestamp=1767323045 features.age=3\r", 3, nan, "<absent>", "<absent>"},
		"with what is no number":    {"timestamp=1767323045 age=NaN income=+Inf", nan, nan, "<absent>", "<absent>"},
		"with a key given twice":    {"timestamp=1767323045 features.age=1 features.age=2", 2, nan, "<absent>", "<absent>"},
		"the long key beats":        {"timestamp=1767323045 features.age=1 age=2", 1, nan, "<absent>", "<absent>"},
		"with other pairs":          {`level=INFO msg="hello = world" timestamp=1767323045 x=1 features.new=2 features.age=3`, 3, nan, "<absent>", "<absent>"},
		"with more equals signs":    {"timestamp=1767323045 features.city=/x?a=b", nan, nan, "/x?a=b", "<absent>"},
		"with a quote in the midst": {`timestamp=1767323045 features.city=5"x`, nan, nan, `5"x`, "<absent>"},
	} {
		b := decodeLogfmt(logfmtSchema(), usual+"\n\n"+c.line+"\n"+usual+"\n"+c.line)
		if b.Rows != 4 || len(b.Rejects) > 0 || b.Lines != 5 || !slices.Equal(b.RowLines, []uint32{0, 2, 3, 4}) {
			t.Errorf("%s: %d rows on lines %d of %d, rejects %v", name, b.Rows, b.RowLines, b.Lines, b.Rejects)
			continue
		}
		same := func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }
		for _, row := range []int{1, 3} {
			age, income := b.Columns[0].Numbers[row], b.Columns[1].Numbers[row]
			city, class := csvStrings(b, b.Columns[2].Spans)[row], csvStrings(b, b.Columns[3].Spans)[row]
			if !same(age, c.age) || !same(income, c.income) || city != c.city || class != c.class {
				t.Errorf("%s: age %g, income %g, city %q, class %q", name, age, income, city, class)
			}
			if b.Times[row] != b.Times[0] {
				t.Errorf("%s: the time is %d, want %d", name, b.Times[row], b.Times[0])
			}
		}
	}
}

func TestLogfmtCountsWhatIsNoRecord(t *testing.T) {
	for name, c := range map[string]struct {
		line   string
		reason record.Reason
	}{
		"an open quote":               {`timestamp=1 id="a`, record.Malformed},
		"a quote that is escaped":     {`timestamp=1 id="a\"`, record.Malformed},
		"a bad escape":                {`timestamp=1 id="\q"`, record.Malformed},
		"a cut escape":                {`timestamp=1 id="\u12`, record.Malformed},
		"text behind a quote":         {`timestamp=1 id="a"b`, record.Malformed},
		"an equals sign without key":  {`timestamp=1 =a`, record.Malformed},
		"a quote without key":         {`timestamp=1 "a"`, record.Malformed},
		"a quote in a key":            {`timestamp=1 a"b=c`, record.Malformed},
		"prose":                       {`Starting the server on port 80`, record.Malformed},
		"JSON":                        {`{"timestamp":1}`, record.Malformed},
		"no time":                     {`features.age=3`, record.NoTime},
		"a time that is none":         {`timestamp=soon`, record.NoTime},
		"a time that has no value":    {`timestamp= features.age=3`, record.NoTime},
		"a time without equals sign":  {`timestamp features.age=3`, record.NoTime},
		"a time that is missing text": {`timestamp=null`, record.NoTime},
	} {
		b := decodeLogfmt(logfmtSchema(), "timestamp=1\n"+c.line+"\ntimestamp=1\n")
		if b.Rows != 2 || len(b.Rejects) != 1 || b.Rejects[0].Line != 1 || b.Rejects[0].Reason != c.reason || b.Rejects[0].Detail == "" {
			t.Errorf("%s: %d rows, rejects %+v; want 2, and one of line 1 for %s", name, b.Rows, b.Rejects, c.reason)
		}
	}
}

func TestLogfmtNoticesWhatDiffersFromTheSchema(t *testing.T) {
	s := logfmtSchema()
	s.Where = []record.Condition{{Path: []string{"msg"}, Value: "a prediction"}}
	b := decodeLogfmt(s, `msg="a prediction" timestamp=1 features.age=old other=1
msg=start timestamp=never more=1
timestamp=1
msg="a prediction" timestamp=1 features.age=3 other=2 features.city=7
`)
	if b.Rows != 2 || b.Skipped != 2 || len(b.Rejects) != 0 {
		t.Fatalf("%d rows, %d skipped, rejects %v", b.Rows, b.Skipped, b.Rejects)
	}
	if want := []record.Unknown{{Name: "other", Count: 2}}; !slices.Equal(b.Unknown, want) {
		t.Errorf("unknown are %v, want %v", b.Unknown, want)
	}
	age, income, city := &b.Columns[0], &b.Columns[1], &b.Columns[2]
	if !slices.Equal(age.Wrong, []uint32{0}) || age.Lacking != 0 || income.Lacking != 2 || city.Lacking != 1 || len(city.Bare) != 0 {
		t.Errorf("age is %+v, income %+v, city %+v", age, income, city)
	}
}

// logfmtOf writes records of JSON Lines as logfmt, with the dotted paths as keys.
func logfmtOf(t testing.TB, lines []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var write func(o map[string]any, above string)
	write = func(o map[string]any, above string) {
		for key, v := range o {
			switch v := v.(type) {
			case map[string]any:
				write(v, above+key+".")
			case nil:
				fmt.Fprintf(&out, "%s%s=null ", above, key)
			case string:
				fmt.Fprintf(&out, "%s%s=%q ", above, key, v)
			default:
				fmt.Fprintf(&out, "%s%s=%v ", above, key, v)
			}
		}
	}
	for line := range bytes.Lines(lines) {
		value, err := ParseJSON(line)
		if err != nil {
			t.Fatal(err)
		}
		write(value.(map[string]any), "")
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func TestLogfmtReadsWhatJSONLinesReads(t *testing.T) {
	records := parquetRecords(500)
	for i := range records {
		if city := records[i].Features.City; city != nil && *city == "" {
			records[i].Features.City = nil // In a format without types the empty text is missing.
		}
	}
	lines := asJSONLines(t, records)
	s := logfmtSchema()
	var want record.Batch
	NewJSONL(s, 1).Decode(nil, lines, &want)
	got := decodeLogfmt(s, string(logfmtOf(t, lines)))
	if got.Rows != len(records) || renderRows(got, s) != renderRows(&want, s) {
		t.Errorf("got\n%.600s\nwant\n%.600s", renderRows(got, s), renderRows(&want, s))
	}
}

// Whatever slog writes is read back, and whatever else there is neither panics nor depends on where blocks end.
func FuzzLogfmt(f *testing.F) {
	f.Add("features.city", "gold plus", []byte(`time=2026-03-14T09:26:53Z level=INFO msg=prediction request_id=req-0001 row=0 features.sepal_length=5.1`+"\n"))
	f.Add("k", "a\"\\\xff\n=é", []byte("timestamp=1 id=\"\\u00e9\\x41\" =\n\"a\"=b\nx y z"))
	f.Fuzz(func(t *testing.T, key, text string, data []byte) {
		s := logfmtSchema()
		s.Missing = nil
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("a prediction", "timestamp", 1, "features.city", text, "key", key)
		b := decodeLogfmt(s, log.String())
		if b.Rows != 1 || b.String(b.Columns[2].Spans[0]) != text {
			t.Errorf("%q: %d rows, rejects %v", log.String(), b.Rows, b.Rejects)
		}
		whole := decodeLogfmt(s, string(data))
		checkBatch(t, whole)
		if n := bytes.IndexByte(data, '\n') + 1; n > 0 {
			one, two := decodeLogfmt(s, string(data[:n])), decodeLogfmt(s, string(data[n:]))
			if renderRows(one, s)+renderRows(two, s) != renderRows(whole, s) || whole.Lines != one.Lines+two.Lines {
				t.Errorf("%q reads differently when cut at %d", data, n)
			}
		}
		fields := map[string]bool{}
		LogfmtFields(data, func(key []byte) { fields[string(key)] = true })
		for _, u := range whole.Unknown {
			if !fields[u.Name] {
				t.Errorf("%q: field %q is not listed", data, u.Name)
			}
		}
	})
}

func benchmarkLogfmt(t testing.TB, records int) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(benchmarkLog(records)) {
		var r struct {
			Timestamp, ID, Model string
			Version              string `json:"model_version"`
			Features             struct{ Age, Income, Ratio json.Number }
			Output               struct{ Class json.Number }
		}
		if err := json.Unmarshal(bytes.ReplaceAll(line, []byte(`,"city":"Rome"`), nil), &r); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "timestamp=%s id=%s model=%s model_version=%s features.age=%s features.income=%s features.ratio=%s "+
			"features.city=Rome output.class=%s\n", r.Timestamp, r.ID, r.Model, r.Version, r.Features.Age, r.Features.Income,
			r.Features.Ratio, r.Output.Class)
	}
	return append(out.Bytes(), make([]byte, Padding)...)[:out.Len()]
}

func TestLogfmtDoesNotAllocateOnceItsBuffersHaveGrown(t *testing.T) {
	data := append(benchmarkLogfmt(t, 100), []byte(strings.Repeat("timestamp=1 features.city=\"a\\\"b\" output.class=7\n", 100))...)
	data = append(data, make([]byte, Padding)...)[:len(data)]
	d, b := NewLogfmt(logfmtSchema(), 1), new(record.Batch)
	d.Decode(nil, data, b)
	if b.Rows != 200 {
		t.Fatalf("%d rows, rejects %v", b.Rows, b.Rejects)
	}
	if n := testing.AllocsPerRun(10, func() { d.Decode(nil, data, b) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// BenchmarkLogfmt reads the records of BenchmarkJSONL.
func BenchmarkLogfmt(b *testing.B) {
	const records = 1000
	data := benchmarkLogfmt(b, records)
	d, batch := NewLogfmt(logfmtSchema(), 1), new(record.Batch)
	d.Decode(nil, data, batch)
	if batch.Rows != records {
		b.Fatalf("decoded %d records: %v", batch.Rows, batch.Rejects[:1])
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(nil, data, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
}
