package mapping_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const seed = 7

// row is a row of a batch, with its values as a person reads them.
type row struct {
	ID      uint64
	Time    int64
	Version string
	Part    record.Part
	Values  map[string]string // of all columns; "" stands for a missing value, "!" for a wrong one
}

func spec(t testing.TB, preset string) *mapping.Spec {
	t.Helper()
	s, ok := config.Preset(preset)
	if !ok {
		t.Fatalf("there is no preset %s", preset)
	}
	return s
}

func parse(t testing.TB, yaml string) *mapping.Spec {
	t.Helper()
	s, err := config.ParseMapping("test", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func numeric(role record.Role, names ...string) []record.Field {
	var all []record.Field
	for _, name := range names {
		all = append(all, record.Field{Name: name, Path: []string{name}, Role: role})
	}
	return all
}

var irisNames = []string{"sepal_length", "sepal_width", "petal_length", "petal_width"}

// irisSchema wants the features, a class and its score.
func irisSchema() *record.Schema {
	s := &record.Schema{
		ID: []string{"id"}, Time: []string{"timestamp"}, Version: []string{"model_version"},
		Columns: numeric(record.Feature, irisNames...),
		Missing: []string{"", "NA"},
	}
	s.Columns = append(s.Columns,
		record.Field{Name: "prediction", Path: []string{"prediction"}, Kind: record.Categorical, Role: record.Prediction},
		record.Field{Name: "score", Path: []string{"score"}, Role: record.Score})
	return s
}

func labelSchema() *record.Schema {
	return &record.Schema{
		ID: []string{"id"}, Time: []string{"timestamp"},
		Columns: []record.Field{{Name: "label", Path: []string{"label"}, Kind: record.Categorical, Role: record.Label}},
	}
}

func now() time.Time { return time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) }

// reading is what reading files gave.
type reading struct {
	rows    []row
	rejects map[record.Reason]int
	skipped int
	waiting int
}

// read reads files as a pipeline does: in blocks of whole records, and with the halves brought together at the end.
// named gives a file a path of its own.
func read(t testing.TB, s *mapping.Spec, schema *record.Schema, block int, files ...named) reading {
	t.Helper()
	format, err := mapping.Format(s, now)
	if err != nil {
		t.Fatal(err)
	}
	decoder := format.New(schema, seed)
	assembler := mapping.NewAssembler(s, schema)
	r := reading{rejects: make(map[record.Reason]int)}
	var in, out record.Batch
	for _, f := range files {
		decoder.(decode.FileDecoder).SetFile(f.path)
		for _, b := range blocks(format, f.data, block) {
			decoder.Decode(b.header, b.data, &in)
			if assembler == nil {
				r.add(schema, &in)
				continue
			}
			assembler.Add(&in, &out, math.MaxInt64)
			r.add(schema, &out)
		}
	}
	if assembler != nil {
		r.waiting = assembler.Waiting()
		assembler.Flush(&out)
		r.add(schema, &out)
	}
	return r
}

// named is the content of a file under a path.
type named struct {
	path string
	data []byte
}

type blockOf struct{ header, data []byte }

// blocks cuts a file as a source does.
func blocks(f decode.Format, data []byte, size int) []blockOf {
	var all []blockOf
	var header []byte
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(bytes.Clone(data), '\n')
	}
	if f.Header {
		n := bytes.IndexByte(data, '\n') + 1
		header, data = data[:n], data[n:]
	}
	for end := 0; len(data) > 0; {
		if end += size; end > len(data) {
			end = len(data)
		}
		whole := f.Split(data[:end])
		if whole == 0 && end < len(data) {
			continue
		}
		if whole == 0 {
			whole = len(data)
		}
		padded := append(bytes.Clone(data[:whole]), make([]byte, decode.Padding)...)
		all = append(all, blockOf{header, padded[:whole]})
		data, end = data[whole:], 0
	}
	return all
}

func (r *reading) add(s *record.Schema, b *record.Batch) {
	r.skipped += b.Skipped
	for _, reject := range b.Rejects {
		r.rejects[reject.Reason]++
	}
	for i := range b.Rows {
		one := row{ID: b.IDs[i], Time: b.Times[i], Values: make(map[string]string)}
		if len(b.Halves) > 0 {
			one.Part = b.Halves[i].Part
		}
		if b.Versions[i].IsString() {
			one.Version = b.String(b.Versions[i])
		}
		for k := range s.Columns {
			one.Values[s.Columns[k].Name] = valueOf(b, &b.Columns[k], s.Columns[k].Kind, i)
		}
		r.rows = append(r.rows, one)
	}
}

func valueOf(b *record.Batch, c *record.Column, kind record.Kind, i int) string {
	if kind == record.Numeric {
		for _, wrong := range c.Wrong {
			if int(wrong) == i {
				return "!"
			}
		}
		if math.IsNaN(c.Numbers[i]) {
			return ""
		}
		return strconv.FormatFloat(c.Numbers[i], 'g', -1, 64)
	}
	switch s := c.Spans[i]; {
	case s == record.Wrong:
		return "!"
	case !s.IsString():
		return ""
	default:
		return b.String(s)
	}
}

func id(text string) uint64 { return decode.HashID(seed, []byte(text)) }

func synthetic(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "synthetic", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// expected are the three rows that every synthetic file holds.
func expected(t *testing.T) []row {
	t.Helper()
	var all []row
	for line := range bytes.Lines(synthetic(t, "expected-rows.jsonl")) {
		var e struct {
			Request    string `json:"request_id"`
			Row        int
			Time       time.Time
			Features   map[string]json.Number
			Prediction json.Number
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		one := row{
			ID: id(e.Request + "_" + strconv.Itoa(e.Row)), Time: e.Time.UnixNano(),
			Values: map[string]string{"prediction": e.Prediction.String(), "score": ""},
		}
		for name, x := range e.Features {
			f, _ := x.Float64()
			one.Values[name] = strconv.FormatFloat(f, 'g', -1, 64)
		}
		all = append(all, one)
	}
	return all
}
