package decode

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

func decodeJSON(s *record.Schema, data string) *record.Batch {
	var b record.Batch
	NewJSON(s, 1).Decode(nil, []byte(data), &b)
	return &b
}

func TestJSONReadsRecordsThatSpreadOverLines(t *testing.T) {
	const a, b = `{"timestamp":1,"features":{"age":1,"city":"a [b] {c}, \"d\""}}`, `{"timestamp":2,"features":{"age":2}}`
	pretty := func(text string) string {
		var out bytes.Buffer
		if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for name, c := range map[string]struct {
		data  string
		lines []uint32
	}{
		"an array on one line":      {"[" + a + "," + b + "]", []uint32{0, 0}},
		"an array of lines":         {"[\n" + a + ",\n" + b + "\n]\n", []uint32{1, 2}},
		"an indented array":         {pretty("[" + a + "," + b + "]"), []uint32{1, 8}},
		"with CRLF":                 {strings.ReplaceAll(pretty("["+a+","+b+"]"), "\n", "\r\n"), []uint32{1, 8}},
		"one object":                {pretty(a), []uint32{0}},
		"objects behind each other": {pretty(a) + pretty(b) + "\n", []uint32{0, 6}},
		"JSON Lines":                {a + "\n" + b + "\n", []uint32{0, 1}},
		"with a byte order mark":    {"\xef\xbb\xbf[" + a + "]", []uint32{0}},
		"commas before the lines":   {"[ " + a + "\n, " + b + "\n]", []uint32{0, 1}},
	} {
		got := decodeJSON(testSchema(), c.data)
		if !slices.Equal(got.RowLines, c.lines) || len(got.Rejects) > 0 || got.Lines != strings.Count(c.data, "\n") {
			t.Errorf("%s: records on lines %d of %d, rejects %v; want %d", name, got.RowLines, got.Lines, got.Rejects, c.lines)
			continue
		}
		if age, city := got.Columns[0].Numbers, got.String(got.Columns[2].Spans[0]); age[0] != 1 || city != `a [b] {c}, "d"` {
			t.Errorf("%s: age %g and city %q", name, age, city)
		}
	}
}

func TestJSONSaysOnWhichLineWhatIsWrong(t *testing.T) {
	const good = "{\"timestamp\":1,\n\"id\":7}"
	for name, c := range map[string]struct {
		bad    string
		reason record.Reason
	}{
		"a number":                {"17", record.WrongType},
		"a word":                  {"nothing", record.Malformed},
		"a string":                {`"a, b"`, record.WrongType},
		"null":                    {"null", record.WrongType},
		"no time":                 {"{\n\"id\":\n1}", record.NoTime},
		"a comma too many":        {"{\"timestamp\":1,\n}", record.Malformed},
		"a line end in a string":  {"{\"timestamp\":1,\"id\":\"a\nb\"}", record.Malformed},
		"an escaped line end":     {"{\"timestamp\":1,\"id\":\"a\\\nb\"}", record.Malformed},
		"a brace without another": {"}", record.Malformed},
	} {
		b := decodeJSON(testSchema(), "[\n"+good+",\n"+c.bad+",\n"+good+"\n]\n")
		if b.Rows != 2 || len(b.Rejects) != 1 || b.Rejects[0].Line != 3 || b.Rejects[0].Reason != c.reason {
			t.Errorf("%s: %d rows, rejects %+v; want 2, and one of line 3 for %s", name, b.Rows, b.Rejects, c.reason)
		}
	}
	b := decodeJSON(testSchema(), "["+good+",\n{\"timestamp\":1,\n")
	if b.Rows != 1 || len(b.Rejects) != 1 || b.Rejects[0].Line != 2 {
		t.Errorf("of a file that is cut there are %d rows and the rejects %v", b.Rows, b.Rejects)
	}
}

func TestSplitJSONEndsBehindTheLastWholeRecord(t *testing.T) {
	for _, c := range []struct{ in, whole string }{
		{"", ""},
		{"[", "["},
		{" [ {", " [ "},
		{`[{"a":"}"`, "["},
		{`[{"a":1},`, `[{"a":1},`},
		{"[{\"a\":1},\n  {\"b\"", "[{\"a\":1},\n  "},
		{"{\"a\":1}\n]\n", "{\"a\":1}\n]\n"},
		{`{"a":"\"}`, ""},
		{"17", ""},
		{"17, 18", "17, "},
		{"\"a", ""},
	} {
		if got := c.in[:SplitJSON([]byte(c.in))]; got != c.whole {
			t.Errorf("of %q the whole records are %q, want %q", c.in, got, c.whole)
		}
	}
}

// An array of the lines must read as the lines themselves, wherever blocks are cut.
func FuzzJSONAgainstJSONLines(f *testing.F) {
	f.Add([]byte("{\"timestamp\":1,\"features\":{\"age\":30,\"city\":\"Rome\"}}\n{\"timestamp\":2,\"id\":\"x\"}\n{\"id\":3}\n"), 20)
	f.Add([]byte("{\"timestamp\":1,\"id\":\"}{\\\"\"}\n17\nnull\n\"a\"\n{\"timestamp\":NaN}\n"), 5)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		s := testSchema()
		decode := func(data []byte) *record.Batch {
			b := new(record.Batch)
			NewJSON(s, 1).Decode(nil, data, b)
			checkBatch(t, b)
			return b
		}
		whole := decode(data)
		n := SplitJSON(data[:max(0, min(cut, len(data)))])
		if n > 0 {
			one, two := decode(data[:n]), decode(data[n:])
			if got, want := renderRows(one, s)+renderRows(two, s), renderRows(whole, s); got != want {
				t.Errorf("%q is\n%s\nand cut at %d\n%s", data, want, n, got)
			}
		}
		// Only whole records of JSON Lines stand the same in an array.
		var lines, array bytes.Buffer
		for line := range bytes.Lines(data) {
			if line = bytes.TrimSpace(line); json.Valid(line) && line[0] == '{' {
				lines.Write(append(bytes.Clone(line), '\n'))
				_ = json.Indent(&array, line, "", " ") // It is valid.
				array.WriteString(",\n")
			}
		}
		var want record.Batch
		NewJSONL(s, 1).Decode(nil, lines.Bytes(), &want)
		if got := decode(array.Bytes()); renderRows(got, s) != renderRows(&want, s) || len(got.Rejects) != len(want.Rejects) {
			t.Errorf("%q: got\n%s\nwant\n%s", array.Bytes(), render(got, s), render(&want, s))
		}
	})
}

func TestJSONDoesNotAllocateForRecords(t *testing.T) {
	data := []byte("[" + strings.ReplaceAll(strings.TrimSpace(string(benchmarkLog(500))), "\n", ",\n") + "]")
	d, b := NewJSON(testSchema(), 1), new(record.Batch)
	d.Decode(nil, data, b)
	if b.Rows != 500 {
		t.Fatalf("%d rows, rejects %v", b.Rows, b.Rejects)
	}
	if n := testing.AllocsPerRun(10, func() { d.Decode(nil, data, b) }); n > 10 {
		t.Errorf("%v allocations for 500 records", n)
	}
}

func BenchmarkJSON(b *testing.B) {
	const records = 1000
	data := []byte("[" + strings.ReplaceAll(strings.TrimSpace(string(benchmarkLog(records))), "\n", ",\n") + "]")
	d, batch := NewJSON(testSchema(), 1), new(record.Batch)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(nil, data, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
}
