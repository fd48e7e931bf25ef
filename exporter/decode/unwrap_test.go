package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

func lookupFormat(t testing.TB, name string, o Options) Format {
	t.Helper()
	f, err := Lookup(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// cri wraps a part of a line as a Kubernetes node does, docker as Docker does.
func cri(stream, tag, text string) string {
	return "2026-03-14T09:26:53.123456789Z " + stream + " " + tag + " " + text + "\n"
}

func docker(stream, tag, text string) string {
	if tag == "F" {
		text += "\n"
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("bug: a text cannot be marshalled")
	}
	return fmt.Sprintf(`{"log":%s,"stream":%q,"time":"2026-03-14T09:26:53.123456789Z"}`+"\n", quoted, stream)
}

func TestUnwrapJoinsWhatTheRuntimeHasCut(t *testing.T) {
	const a, b, c = `{"timestamp":1,"id":"a","features":{"city":"\"R\\ome\""}}`, `{"timestamp":2,"id":"b"}`, `{"timestamp":3,"id":"c"}`
	for name, wrap := range map[string]func(stream, tag, text string) string{UnwrapCRI: cri, UnwrapDocker: docker} {
		f := lookupFormat(t, FormatJSONL, Options{Unwrap: name})
		data := wrap("stdout", "F", a) + wrap("stdout", "P", b[:5]) + wrap("stderr", "P", c[:9]) + wrap("stdout", "P", b[5:12]) +
			wrap("stdout", "F", b[12:]) + "\n" + wrap("stderr", "F", c[9:]) + "no such line\n" + wrap("stdout", "F", "no JSON") +
			wrap("stdout", "P", a[:7])
		if n := f.Split([]byte(data)); n != len(data)-len(wrap("stdout", "P", a[:7])) {
			t.Errorf("%s: %d of %d bytes are whole", name, n, len(data))
		}
		var batch record.Batch
		d := f.New(testSchema(), 1)
		for range 2 { // the second time with memory that was used before
			d.Decode(nil, []byte(data), &batch)
			ids := []uint64{hashID(1, []byte("a")), hashID(1, []byte("b")), hashID(1, []byte("c"))}
			if !slices.Equal(batch.IDs, ids) || !slices.Equal(batch.RowLines, []uint32{0, 1, 2}) || batch.Lines != 10 {
				t.Errorf("%s: %d rows on lines %d of %d", name, batch.Rows, batch.RowLines, batch.Lines)
			}
			if city := batch.String(batch.Columns[2].Spans[0]); city != `"R\ome"` {
				t.Errorf("%s: the city is %s", name, city)
			}
			var lines []int
			for _, r := range batch.Rejects {
				lines = append(lines, r.Line)
			}
			if !slices.Equal(lines, []int{7, 8, 9}) {
				t.Errorf("%s: rejects are %v, want those of lines 7, 8 and 9", name, batch.Rejects)
			}
		}
	}
}

func TestUnwrapTellsWrappedLines(t *testing.T) {
	for _, c := range []struct {
		parse wrapping
		line  string
		text  string
		ok    bool
		more  bool
		err   bool // the stream is that of errors
	}{
		{criPart, "2026-03-14T09:26:53Z stdout F a b", "a b", true, false, false},
		{criPart, "2026-03-14T09:26:53+01:00 stderr P:x a", "a", true, true, true},
		{criPart, "2026-03-14T09:26:53Z stdout F ", "", true, false, false},
		{criPart, "2026-03-14T09:26:53Z stdout F", "", true, false, false},
		{criPart, "2026-03-14T09:26:53Z stdin F a", "", false, false, false},
		{criPart, "2026-03-14T09:26:53Z stdout X a", "", false, false, false},
		{criPart, "2026-03-14T09:26:53Z stdout", "", false, false, false},
		{criPart, `{"a":1}`, "", false, false, false},
		{criPart, "", "", false, false, false},
		{dockerPart, `{"log":"a\n","stream":"stdout"}`, "a\n", true, false, false},
		{dockerPart, `{"log":"a\\n","stream":"stdout"}`, `a\n`, true, true, false},
		{dockerPart, `{"log":"a\\\n","stream":"stderr"}` + "\r", "a\\\n", true, false, true},
		{dockerPart, `{"log":"\u00e9\"\n","stream":"stdout","attrs":{"log":"x"}}`, "é\"\n", true, false, false},
		{dockerPart, `{ "stream":"stderr", "log":"a\n" }`, "a\n", true, false, true},
		{dockerPart, `{"log":"","stream":"stdout"}`, "", true, true, false},
		{dockerPart, `{"log":"a\n","stream":"std`, "", false, false, false},
		{dockerPart, `{"log":"a\`, "", false, false, false},
		{dockerPart, `{"msg":"a"}`, "", false, false, false},
		{dockerPart, `17`, "", false, false, false},
	} {
		p, ok := c.parse([]byte(c.line))
		if ok != c.ok || ok && (p.more != c.more || (p.stream == 1) != c.err || string(p.append(nil)) != c.text) {
			t.Errorf("%s: %t with %q, goes on %t, stream %d", c.line, ok, p.append(nil), p.more, p.stream)
		}
	}
}

func TestUnwrapReadsTheSamples(t *testing.T) {
	s := flatSchema()
	s.Time, s.IDParts = []string{"time"}, []record.IDPart{{Path: []string{"request_id"}}, {Text: "#", Path: []string{"row"}}}
	names := []string{"sepal_length", "sepal_width", "petal_length", "petal_width"}
	for _, name := range names {
		s.Columns = append(s.Columns, record.Field{Name: name, Path: []string{"features", name}})
	}
	s.Columns = append(s.Columns, record.Field{Name: "prediction", Path: []string{"prediction"}})
	for file, c := range map[string]struct{ format, unwrap string }{
		"app-cri.log":              {FormatJSONL, UnwrapCRI},
		"app-docker-json-file.log": {FormatJSONL, UnwrapDocker},
		"app-logfmt.log":           {FormatLogfmt, ""},
	} {
		f := lookupFormat(t, c.format, Options{Unwrap: c.unwrap})
		var b record.Batch
		f.New(s, 1).Decode(nil, readSample(t, "synthetic/"+file), &b)
		row := 0
		for line := range bytes.Lines(bytes.TrimSpace(readSample(t, "synthetic/expected-rows.jsonl"))) {
			var want struct {
				ID, Time   string
				Features   map[string]float64
				Prediction float64
			}
			if err := json.Unmarshal(line, &want); err != nil {
				t.Fatal(err)
			}
			at, _ := parseTime([]byte(want.Time))
			if row >= b.Rows || b.IDs[row] != hashID(1, []byte(want.ID)) || b.Times[row] != at {
				t.Fatalf("%s: row %d of %d is not %s; rejects %v", file, row, b.Rows, line, b.Rejects)
			}
			for i, name := range names {
				if x := b.Columns[i].Numbers[row]; x != want.Features[name] {
					t.Errorf("%s: row %d has %s %g, want %g", file, row, name, x, want.Features[name])
				}
			}
			if x := b.Columns[4].Numbers[row]; x != want.Prediction {
				t.Errorf("%s: row %d has the prediction %g, want %g", file, row, x, want.Prediction)
			}
			row++
		}
		if row != 3 || b.Rows != 3 {
			t.Errorf("%s: %d rows, rejects %v", file, b.Rows, b.Rejects)
		}
	}
}

// Lines that are wrapped, and cut anywhere, read as they are themselves, wherever blocks end.
func FuzzUnwrap(f *testing.F) {
	f.Add(`{"timestamp":1,"id":"a","features":{"city":"\"R\\ome\""}}`, 7, 150, []byte(cri("stdout", "P", "a")+docker("stderr", "F", "b")))
	f.Add("timestamp=1 id=\"a b\"\\", 3, 20, []byte("{\"log\":\"\\n\"}\n2 stdout F\n"))
	f.Fuzz(func(t *testing.T, line string, cutLine, cutBlock int, noise []byte) {
		if strings.ContainsAny(line, "\n\r") || strings.TrimSpace(line) == "" || strings.ToValidUTF8(line, "") != line {
			return
		}
		cutLine = max(1, min(cutLine, len(line)-1))
		if len(line) < 2 || strings.ToValidUTF8(line[:cutLine], "") != line[:cutLine] {
			return
		}
		for name, wrap := range map[string]func(stream, tag, text string) string{UnwrapCRI: cri, UnwrapDocker: docker} {
			for _, format := range []string{FormatJSONL, FormatLogfmt} {
				s := logfmtSchema()
				plain, wrapped := lookupFormat(t, format, Options{}), lookupFormat(t, format, Options{Unwrap: name})
				decode := func(f Format, data string) string {
					var b record.Batch
					f.New(s, 1).Decode(nil, []byte(data), &b)
					checkBatch(t, &b)
					return renderRows(&b, s) + strconv.Itoa(len(b.Rejects))
				}
				want := decode(plain, line+"\n"+line+"\n")
				data := wrap("stdout", "P", line[:cutLine]) + wrap("stderr", "F", line) + wrap("stdout", "F", line[cutLine:])
				if got := decode(wrapped, data); got != want {
					t.Errorf("%s of %s: %q gives\n%s\nwant\n%s", format, name, data, got, want)
				}
				all := data + string(noise) + "\n" + data
				n := wrapped.Split([]byte(all)[:max(0, min(cutBlock, len(all)))])
				var whole, one, two record.Batch
				wrapped.New(s, 1).Decode(nil, []byte(all), &whole)
				wrapped.New(s, 1).Decode(nil, []byte(all[:n]), &one)
				wrapped.New(s, 1).Decode(nil, []byte(all[n:]), &two)
				if renderRows(&one, s)+renderRows(&two, s) != renderRows(&whole, s) || whole.Lines != one.Lines+two.Lines {
					t.Errorf("%s of %s: %q reads differently when cut at %d", format, name, all, n)
				}
			}
		}
	})
}

func BenchmarkUnwrap(b *testing.B) {
	const records = 1000
	var log strings.Builder
	for line := range strings.Lines(string(benchmarkLog(records))) {
		log.WriteString(docker("stdout", "F", strings.TrimSuffix(line, "\n")))
	}
	data := []byte(log.String())
	d, batch := lookupFormat(b, FormatJSONL, Options{Unwrap: UnwrapDocker}).New(testSchema(), 1), new(record.Batch)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(nil, data, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
}
