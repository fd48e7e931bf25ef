package mapping_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// checkBatch fails unless a batch has one of everything for each row, and spans within its bytes.
func checkBatch(t *testing.T, s *record.Schema, b *record.Batch) {
	t.Helper()
	n := b.Rows
	if len(b.IDs) != n || len(b.Times) != n || len(b.Versions) != n || len(b.RowLines) != n || len(b.Halves) != n {
		t.Fatalf("%d rows, but %d ids, %d times, %d versions, %d lines, %d halves",
			n, len(b.IDs), len(b.Times), len(b.Versions), len(b.RowLines), len(b.Halves))
	}
	inside := func(spans ...record.Span) {
		for _, one := range spans {
			if one.IsString() && int(one.Offset)+int(one.Length) > len(b.Bytes) {
				t.Fatalf("the span %v is outside of %d bytes", one, len(b.Bytes))
			}
		}
	}
	inside(b.Versions...)
	for i := range b.Columns {
		c := &b.Columns[i]
		values := len(c.Spans)
		if s.Columns[i].Kind == record.Numeric {
			values = len(c.Numbers)
			for _, x := range c.Numbers {
				if math.IsInf(x, 0) {
					t.Fatal("a number is infinite")
				}
			}
		}
		if values != n || c.Lacking > n {
			t.Fatalf("column %d has %d values and lacks %d of %d rows", i, values, c.Lacking, n)
		}
		inside(c.Spans...)
	}
}

// FuzzDecode reads any log by any preset: nothing panics, and no batch is larger than its log allows.
func FuzzDecode(f *testing.F) {
	names := config.PresetNames()[1:]
	files, err := filepath.Glob("testdata/synthetic/*")
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for k := range names {
			if (i+k)%4 == 0 {
				f.Add(uint8(k), data)
			}
		}
	}
	for _, body := range fuzzBodies() {
		f.Add(uint8(0), []byte(`{"captureData":{"endpointInput":{"data":`+body+`},"endpointOutput":{"data":`+body+`}},"eventMetadata":{"eventId":"e","inferenceTime":1773480413}}`))
	}
	schema := irisSchema()
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		s := spec(t, names[int(which)%len(names)])
		format, err := mapping.Format(s, now)
		if err != nil {
			t.Fatal(err)
		}
		if n := format.Split(data); n < 0 || n > len(data) {
			t.Fatalf("%d of %d bytes are whole records", n, len(data))
		}
		decoder := format.New(schema, seed)
		decoder.(decode.FileDecoder).SetFile(string(data[:min(len(data), 60)]))
		header := data[:bytes.IndexByte(data, '\n')+1]
		padded := append(bytes.Clone(data), make([]byte, decode.Padding)...)[:len(data)]
		var in, out record.Batch
		decoder.Decode(header, padded, &in)
		checkBatch(t, schema, &in)
		if len(in.Rejects)+in.Skipped > len(data)+1 {
			t.Fatalf("%d rejects and %d skipped of %d bytes", len(in.Rejects), in.Skipped, len(data))
		}
		if a := mapping.NewAssembler(s, schema); a != nil {
			a.Add(&in, &out, math.MaxInt64)
			rows := out.Rows
			checkLengths(t, schema, &out)
			a.Flush(&out)
			checkLengths(t, schema, &out)
			if rows+out.Rows > in.Rows {
				t.Fatalf("%d rows became %d", in.Rows, rows+out.Rows)
			}
		}
	})
}

// checkLengths is checkBatch without what an assembler does not promise: columns that a record lacks are counted when
// it comes, not when its rows are given out.
func checkLengths(t *testing.T, s *record.Schema, b *record.Batch) {
	for i := range b.Columns {
		b.Columns[i].Lacking = 0
	}
	checkBatch(t, s, b)
}

// fuzzBodies are bodies of all layouts, as JSON.
func fuzzBodies() []string {
	return []string{
		`{"dataframe_split":{"columns":["sepal_length","x"],"data":[[1,2],[3]]}}`, `{"dataframe_records":[{"sepal_length":1}]}`,
		`{"inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4]]}]}`,
		`{"outputs":[{"name":"p","shape":["1","3"],"datatype":"INT64","contents":{"int64Contents":["1","2","3"]}}]}`,
		`{"outputs":[{"name":"p","shape":[1],"datatype":"FP64"}],"rawOutputContents":["AAAAAAAA8D8="]}`,
		`{"outputs":[{"name":"p","shape":[2],"datatype":"BYTES"}],"raw_output_contents":["AQAAAGEBAAAAYg=="]}`,
		`{"instances":[1,2,3]}`, `{"instances":[{"features":[1,2]}]}`, `{"predictions":[[0.1,0.9]]}`, `{"data":{"names":["a"],"tensor":{"shape":[1,1],"values":[1]}}}`,
		`{"sepal_length":{"0":1,"1":2},"x":{"0":1,"1":2}}`, `{"sepal_length":[1,2],"x":[3,4]}`, `"1,2\n3,4\n"`, `"sepal_length,x\n1,2\n"`,
		`"{\"a\":1}\n{\"a\":2}\n"`, `"H4sIAAAAAAAA/6pWSsvPV7JSMlSqBQQAAP//"`, `[[[]]]`, `[]`, `{}`, `"\u001f\u008b\u0008"`, `1e999`,
		`{"inputs":[{"name":"a","shape":[99999999,99999999],"datatype":"FP32","data":[1]}]}`, `{"outputs":[{"name":"a","shape":[-1],"data":[]}]}`,
	}
}

// FuzzMapping compiles any mapping, and reads a log by it.
func FuzzMapping(f *testing.F) {
	for _, name := range config.PresetNames()[1:] {
		if data, ok := presetText(name); ok {
			f.Add(data, synthetic(f, "kserve-cloudevents-v1.jsonl"))
		}
	}
	f.Add([]byte("{extends: kserve, select: {request: 'inputs[*].data || @'}, row_id: '{a}-{request_id}', classes: [a, b], threshold: 0.2}"),
		synthetic(f, "kserve-cloudevents-v2-matrix.jsonl"))
	schema := irisSchema()
	f.Fuzz(func(t *testing.T, yaml, data []byte) {
		s, err := config.ParseMapping("fuzz", yaml)
		if err != nil {
			return
		}
		format, err := mapping.Format(s, now)
		if err != nil {
			t.Fatal(err)
		}
		var b record.Batch
		format.New(schema, seed).Decode(nil, data, &b)
		checkBatch(t, schema, &b)
	})
}

func presetText(name string) ([]byte, bool) {
	data, err := os.ReadFile(filepath.Join("..", "presets", name+".yaml"))
	return data, err == nil
}
