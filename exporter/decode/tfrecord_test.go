package decode

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const sharedSamples = "../../../shared/log-samples"

// readSample returns a file of the samples of logs, unpacked.
func readSample(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(sharedSamples, path))
	if err != nil {
		t.Skip("the samples of logs are not here: ", err)
	}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err == nil {
			data, err = io.ReadAll(z)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return data
}

func decodeTF(s *record.Schema, data []byte, names ...string) *record.Batch {
	var b record.Batch
	NewTFRecord(s, 1, names...).Decode(nil, data, &b)
	return &b
}

// flatSchema wants columns by their names, of which those with a # are numeric.
func flatSchema(names ...string) *record.Schema {
	s := &record.Schema{}
	for _, name := range names {
		field := record.Field{Name: strings.TrimPrefix(name, "#"), Kind: record.Categorical}
		if field.Name != name {
			field.Kind = record.Numeric
		}
		field.Path = []string{field.Name}
		s.Columns = append(s.Columns, field)
	}
	return s
}

// columnText writes the values of a column, so that they can be compared at a glance.
func columnText(b *record.Batch, i int) string {
	c := &b.Columns[i]
	var all []string
	for row, x := range c.Numbers {
		text := fmt.Sprint(x)
		if slices.Contains(c.Wrong, uint32(row)) {
			text = "wrong"
		}
		all = append(all, text)
	}
	for _, s := range c.Spans {
		switch s {
		case record.Absent:
			all = append(all, "-")
		case record.Wrong:
			all = append(all, "wrong")
		default:
			all = append(all, b.String(s))
		}
	}
	return strings.Join(all, " ")
}

func checkColumns(t *testing.T, b *record.Batch, s *record.Schema, want map[string]string) {
	t.Helper()
	for i := range s.Columns {
		if got := columnText(b, i); got != want[s.Columns[i].Name] {
			t.Errorf("%s is %q, want %q", s.Columns[i].Name, got, want[s.Columns[i].Name])
		}
	}
	if len(b.Rejects) > 0 {
		t.Errorf("rejects are %v", b.Rejects)
	}
	checkBatch(t, b)
}

func TestTFRecordReadsExamples(t *testing.T) {
	data := frames(
		example("age", 41, "income", float32(2.5), "plan", "pro", "pair", []float32{1, 2}, "label", 1),
		example("age", -3, "income", float32(math.Inf(1)), "plan", nil, "pair", []float32{3}),
		example("plan", "a\xffb", "age", "old", "income", "1.5"),
	)
	s := flatSchema("#age", "#income", "plan", "#pair_0", "#pair_1", "label")
	b := decodeTF(s, data)
	checkColumns(t, b, s, map[string]string{
		"age": "41 -3 wrong", "income": "2.5 NaN wrong", "plan": "pro - a\xffb", "pair_0": "1 NaN NaN", "pair_1": "2 NaN NaN", "label": "1 - -",
	})
	if b.Lines != 3 || !slices.Equal(b.RowLines, []uint32{0, 1, 2}) || b.Columns[2].Lacking != 0 || b.Columns[5].Lacking != 2 ||
		!slices.Equal(b.Columns[1].Quoted, []uint32{2}) || !slices.Equal(b.Columns[5].Bare, []uint32{0}) {
		t.Errorf("lines %d, rows on %d, columns %+v", b.Lines, b.RowLines, b.Columns)
	}
}

func TestTFRecordReadsPredictionLogs(t *testing.T) {
	const float, double, int32s, stringType, int64s, boolean, half, brain = 1, 2, 3, 7, 9, 10, 19, 14
	le := func(values ...any) []byte {
		var out bytes.Buffer
		for _, v := range values {
			if err := binary.Write(&out, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
		return out.Bytes()
	}
	data := frames(predictLog(1773480413, [][]byte{
		tensorOf("id", stringType, []int{3}, 8, "a", 8, "b", 8, "c"),
		tensorOf("matrix", float, []int{3, 2}, 5, []float32{1, 2, 3, 4, 5, 6}),
		tensorOf("content", double, []int{3, 1}, 4, le(1.5, 2.5, 3.5)),
		tensorOf("repeated", int32s, []int{3}, 7, []int{7, 8}),
		tensorOf("zeros", int64s, []int{3}),
		tensorOf("apart", int64s, []int{3}, 10, 1<<60+1, 10, -2, 10, 3),
		tensorOf("flag", boolean, []int{3}, 11, []int{1, 0, 1}),
		tensorOf("small", half, []int{3}, 13, []int{0x3c00, 0xc000, 0x7c00}),
		tensorOf("brain", brain, []int{3}, 4, le(uint16(0x3f80), uint16(0x4000), uint16(0x4040))),
		tensorOf("scalar", double, nil, 6, 0.25),
		tensorOf("image", float, []int{3, 2, 2}, 5, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
		tensorOf("others", float, []int{2}, 5, []float32{1, 2}),
		tensorOf("complex", 8, []int{3}),
	}, [][]byte{
		tensorOf("class", int64s, []int{3}, 10, []int{0, 2, 1}),
		tensorOf("scores", float, []int{3, 2}, 5, []float32{0.5, 0.5, 0.25, 0.75, 1, 0}),
	}))
	s := flatSchema("#matrix_0", "#matrix_1", "#content", "#repeated", "#zeros", "apart", "flag", "#small", "#brain", "#scalar",
		"#image", "#others", "complex", "class", "#scores_1", "model", "signature_name")
	s.ID, s.Time, s.Version = []string{"id"}, []string{"timestamp"}, []string{"model_version"}
	b := decodeTF(s, data)
	checkColumns(t, b, s, map[string]string{
		"matrix_0": "1 3 5", "matrix_1": "2 4 6", "content": "1.5 2.5 3.5", "repeated": "7 8 8", "zeros": "0 0 0",
		"apart": "1152921504606846977 -2 3", "flag": "true false true", "small": "1 -2 NaN", "brain": "1 2 3", "scalar": "0.25 0.25 0.25",
		"image": "wrong wrong wrong", "others": "wrong wrong wrong", "complex": "wrong wrong wrong", "class": "0 2 1",
		"scores_1": "0.5 0.75 0", "model": "iris iris iris", "signature_name": "serving_default serving_default serving_default",
	})
	if b.Lines != 1 || !slices.Equal(b.RowLines, []uint32{0, 0, 0}) || b.Times[2] != 1773480413e9 || b.String(b.Versions[1]) != "3" {
		t.Errorf("lines %d, rows on %d, times %d", b.Lines, b.RowLines, b.Times)
	}
	for i, id := range []string{"a", "b", "c"} {
		if b.IDs[i] != hashID(1, []byte(id)) {
			t.Errorf("the id of row %d is not that of %s", i, id)
		}
	}
	named := flatSchema("#left", "#right")
	checkColumns(t, decodeTF(named, data, "left", "right"), named, map[string]string{"left": "0.5 0.25 1", "right": "0.5 0.75 0"})
}

func TestTFRecordReadsClassifyAndRegressLogs(t *testing.T) {
	input := message(1, message(1, example("age", 1)[0:], 1, example("age", 2)))
	class := func(label string, score float32) []byte { return message(1, label, 2, score) }
	classify := message(1, message(1, message(1, "m"), 4, 1773480413), 2, message(
		1, message(2, input),
		2, message(1, message(
			1, message(1, class("no", 0.75), 1, class("yes", 0.25)),
			1, message(1, class("", 0.125), 1, class("", 0.875)))),
	))
	withContext := message(2, message(1, example("age", 5), 1, example("age", 6), 2, example("plan", "pro")))
	regress := message(3, message(1, message(2, withContext), 2, message(1, message(1, message(1, float32(1.5)), 1, []byte(nil)), 2, message(4, "beta"))))
	s := flatSchema("#age", "plan", "prediction", "#score", "#score_yes", "#score_1")
	s.Version = []string{"model_version"}
	b := decodeTF(s, frames(classify, regress))
	checkColumns(t, b, s, map[string]string{
		"age": "1 2 5 6", "plan": "- - pro pro", "prediction": "no 1 1.5 0", "score": "0.25 0.875 NaN NaN",
		"score_yes": "0.25 NaN NaN NaN", "score_1": "NaN 0.875 NaN NaN",
	})
	if b.Versions[1] != record.Absent || b.String(b.Versions[3]) != "beta" {
		t.Errorf("versions are %v", b.Versions)
	}
}

func TestTFRecordCountsWhatIsNoRecord(t *testing.T) {
	good := example("age", 1)
	for name, c := range map[string]struct {
		message []byte
		reason  record.Reason
	}{
		"no message":            {[]byte("hello"), record.Malformed},
		"an empty message":      {nil, record.Malformed},
		"a cut message":         {good[:len(good)-1], record.Malformed},
		"a bad feature":         {message(1, message(1, message(1, "age", 2, message(3, message(1, "\xff"))))), record.Malformed},
		"multi_inference":       {message(4, "x"), record.WrongType},
		"session_run":           {message(5, "x"), record.WrongType},
		"too many rows":         {predictLog(1, [][]byte{tensorOf("x", 1, []int{1 << 20}, 5, []float32{1})}, nil), record.WrongType},
		"too many values":       {predictLog(1, [][]byte{tensorOf("x", 1, []int{1, 4096}, 5, []float32{1})}, nil), record.WrongType},
		"a negative dimension":  {predictLog(1, [][]byte{tensorOf("x", 1, []int{-1}, 5, []float32{1})}, nil), record.Malformed},
		"an endless dimension":  {predictLog(1, [][]byte{tensorOf("x", 1, []int{1 << 62}, 5, []float32{1})}, nil), record.Malformed},
		"a tensor of no values": {predictLog(1, [][]byte{tensorOf("x", 1, []int{0, 3})}, nil), ""},
	} {
		b := decodeTF(flatSchema("#age"), frames(good, c.message, good))
		if c.reason == "" {
			if b.Rows != 2 || len(b.Rejects) > 0 || b.Lines != 3 {
				t.Errorf("%s: %d rows of %d frames, rejects %v", name, b.Rows, b.Lines, b.Rejects)
			}
			continue
		}
		if b.Rows != 2 || len(b.Rejects) != 1 || b.Rejects[0].Line != 1 || b.Rejects[0].Reason != c.reason || b.Rejects[0].Detail == "" {
			t.Errorf("%s: %d rows, rejects %+v; want 2, and one of frame 1 for %s", name, b.Rows, b.Rejects, c.reason)
		}
	}
	s := flatSchema("#age")
	s.Time = []string{"timestamp"}
	if b := decodeTF(s, frames(good)); len(b.Rejects) != 1 || b.Rejects[0].Reason != record.NoTime {
		t.Errorf("an example without time has the rejects %v", b.Rejects)
	}
}

func TestTFRecordGoesOnBehindDamage(t *testing.T) {
	one, two, three := frames(example("age", 1)), frames(example("age", 2)), frames(example("age", 3))
	flip := func(frame []byte, i int) []byte {
		frame = slices.Clone(frame)
		frame[i] ^= 1
		return frame
	}
	s := flatSchema("#age")
	for name, c := range map[string]struct {
		data    []byte
		ages    string
		rejects []int
	}{
		"nothing":                 {nil, "", nil},
		"a wrong checksum":        {slices.Concat(one, flip(two, 20), three), "1 3", []int{1}},
		"a wrong length":          {slices.Concat(one, flip(two, 0), three), "1 3", []int{1}},
		"bytes between":           {slices.Concat(one, []byte("some bytes that are no frame"), two, three), "1 2 3", []int{1}},
		"bytes behind":            {slices.Concat(one, []byte("some bytes that are no frame")), "1", []int{1}},
		"a cut frame":             {slices.Concat(one, two[:20], []byte("\n")), "1", []int{1}},
		"a cut header":            {slices.Concat(one, two[:5], []byte("\n")), "1", []int{1}},
		"the line end of readers": {slices.Concat(one, two, []byte("\n")), "1 2", nil},
	} {
		b := decodeTF(s, c.data)
		var lines []int
		for _, r := range b.Rejects {
			lines = append(lines, r.Line)
		}
		if got := columnText(b, 0); got != c.ages || !slices.Equal(lines, c.rejects) {
			t.Errorf("%s: ages %q and rejects %v, want %q and %v", name, got, b.Rejects, c.ages, c.rejects)
		}
		if n := countFrames(c.data); n != b.Lines {
			t.Errorf("%s: %d frames are counted, %d read", name, n, b.Lines)
		}
	}
}

func TestSplitTFRecordEndsBehindTheLastWholeFrame(t *testing.T) {
	one, two := frames(example("age", 1)), frames(example("age", 2))
	all := slices.Concat(one, two)
	for n := range len(all) + 1 {
		want := 0
		if n >= len(one) {
			want = len(one)
		}
		if n == len(all) {
			want = n
		}
		if got := SplitTFRecord(all[:n]); got != want {
			t.Errorf("of %d bytes %d are whole frames, want %d", n, got, want)
		}
	}
	noise := bytes.Repeat([]byte{7}, 100)
	if got := SplitTFRecord(noise); got != 100-frameHeader+1 {
		t.Errorf("of 100 bytes without a frame %d are passed over", got)
	}
	if got := SplitTFRecord(slices.Concat(noise, one, two[:9])); got != 100+len(one) {
		t.Errorf("%d bytes are up to the end of the frame behind those, want %d", got, 100+len(one))
	}
}

func TestTFRecordReadsTheSamples(t *testing.T) {
	s := flatSchema("#sepal_length", "#sepal_width", "#petal_length", "#petal_width", "#class")
	s.Time, s.ID, s.Version = []string{"timestamp"}, []string{"id"}, []string{"model_version"}
	names := []string{"sepal_length", "sepal_width", "petal_length", "petal_width"}
	b := decodeTF(s, readSample(t, "synthetic/tfserving-predictionlog.tfrecord"), names...)
	row := 0
	for line := range bytes.Lines(bytes.TrimSpace(readSample(t, "synthetic/expected-rows.jsonl"))) {
		var want struct {
			ID         string
			Time       string
			Features   map[string]float64
			Prediction float64
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		at, _ := parseTime([]byte(want.Time))
		if row >= b.Rows || b.IDs[row] != hashID(1, []byte(want.ID)) || b.Times[row] != at || b.String(b.Versions[row]) != "3" {
			t.Fatalf("row %d of %d is not %s", row, b.Rows, line)
		}
		for i, name := range names {
			if x := b.Columns[i].Numbers[row]; x != float64(float32(want.Features[name])) {
				t.Errorf("row %d: %s is %g, want %g", row, name, x, want.Features[name])
			}
		}
		if x := b.Columns[4].Numbers[row]; x != want.Prediction {
			t.Errorf("row %d: the class is %g, want %g", row, x, want.Prediction)
		}
		row++
	}
	if row != 3 || b.Rows != 3 || len(b.Rejects) > 0 {
		t.Errorf("%d of %d rows, rejects %v", row, b.Rows, b.Rejects)
	}
	cut := readSample(t, "synthetic/tfserving-predictionlog-truncated.tfrecord")
	if n := SplitTFRecord(cut); decodeTF(s, cut[:n]).Rows != 2 || n == 0 {
		t.Errorf("of the cut file %d bytes are whole frames", n)
	}
}

// The numbers are those of the schema that TensorFlow inferred, and of the files' own descriptions: 100 and 205 examples,
// all of whose checksums are right.
func TestTFRecordReadsRealExamples(t *testing.T) {
	s := flatSchema("#body_mass_g", "#culmen_depth_mm", "#culmen_length_mm", "#flipper_length_mm", "species")
	b := decodeTF(s, readSample(t, "tfx/penguin-eval-tfexample.tfrecord.gz"))
	if b.Rows != 100 || len(b.Rejects) > 0 || len(b.Unknown) > 0 {
		t.Errorf("%d penguins, rejects %v, unknown %v", b.Rows, b.Rejects, b.Unknown)
	}
	species := map[string]int{}
	for row := range b.Rows {
		for i := range 4 {
			if x := b.Columns[i].Numbers[row]; !(x >= 0 && x <= 1) {
				t.Errorf("row %d: %s is %g, though it was scaled to one", row, s.Columns[i].Name, x)
			}
		}
		species[b.String(b.Columns[4].Spans[row])]++
	}
	if len(species) != 3 || species["0"] == 0 || species["1"] == 0 || species["2"] == 0 {
		t.Errorf("species are %v, want 0, 1 and 2", species)
	}
	s = flatSchema("company", "#trip_miles", "#dropoff_census_tract", "payment_type", "#trip_start_hour")
	b = decodeTF(s, readSample(t, "tfx/taxi-unlabelled-tfexample.tfrecord.gz"))
	if b.Rows != 205 || len(b.Rejects) > 0 || b.String(b.Columns[0].Spans[0]) != "Taxi Affiliation Services" ||
		!math.IsNaN(b.Columns[2].Numbers[0]) || b.Columns[2].Lacking != 0 || b.String(b.Columns[3].Spans[0]) != "Cash" {
		t.Errorf("%d trips, rejects %v, the first one by %q", b.Rows, b.Rejects, b.String(b.Columns[0].Spans[0]))
	}
	for row, hour := range b.Columns[4].Numbers {
		if hour != math.Trunc(hour) || hour < 0 || hour > 23 {
			t.Errorf("row %d: the trip starts at %g o'clock", row, hour)
		}
	}
}

func TestTFRecordReadsWhatJSONLinesReads(t *testing.T) {
	records := parquetRecords(500)
	var file []byte
	for i := range records {
		r := &records[i]
		features := []any{"id", r.ID, "timestamp", int(r.Time.UnixMicro()), "model_version", r.Version, "extra", int(r.Extra), "features.new", 0}
		add := func(name string, there bool, value func() any) {
			if !there {
				features = append(features, name, nil)
				return
			}
			features = append(features, name, value())
		}
		add("features.age", r.Features.Age != nil, func() any { return int(*r.Features.Age) })
		if r.Features.Income != nil {
			*r.Features.Income = float64(float32(*r.Features.Income))
		}
		add("features.income", r.Features.Income != nil, func() any { return float32(*r.Features.Income) })
		add("features.city", r.Features.City != nil, func() any { return *r.Features.City })
		add("output.class", r.Output != nil, func() any { return int(r.Output.Class) })
		file = append(file, frames(example(features...))...)
	}
	s := testSchema()
	var want record.Batch
	NewJSONL(s, 1).Decode(nil, asJSONLines(t, records), &want)
	got := decodeTF(s, file)
	if got.Rows != len(records) || renderRows(got, s) != renderRows(&want, s) {
		t.Errorf("got\n%.600s\nwant\n%.600s", renderRows(got, s), renderRows(&want, s))
	}
	for i := range s.Columns {
		if len(got.Columns[i].Bare) != len(want.Columns[i].Bare) {
			t.Errorf("%s has %d bare numbers, want %d", s.Columns[i].Name, len(got.Columns[i].Bare), len(want.Columns[i].Bare))
		}
	}
}

func FuzzTFRecord(f *testing.F) {
	f.Add(example("age", 41, "income", float32(2.5), "plan", "pro", "pair", []float32{1, 2}), []byte{}, 5)
	f.Add(predictLog(1, [][]byte{tensorOf("age", 1, []int{2, 1}, 5, []float32{1, 2}), tensorOf("id", 7, []int{2}, 8, "a", 8, "b")}, nil), []byte{1, 2, 3}, 70)
	f.Add(message(2, message(1, message(2, message(1, message(1, example("age", 1)))), 2, message(1, message(1, message(1, message(1, "a", 2, float32(1))))))), []byte("\n"), 0)
	for _, name := range []string{"tfserving-predictionlog.tfrecord", "tfserving-predictionlog-truncated.tfrecord"} {
		if data, err := os.ReadFile(filepath.Join(sharedSamples, "synthetic", name)); err == nil {
			f.Add(example("age", 1), data, 100)
		}
	}
	s := flatSchema("#age", "#income", "plan", "#pair_0", "prediction", "#features_1")
	s.ID = []string{"id"}
	f.Fuzz(func(t *testing.T, message, noise []byte, cut int) {
		data := slices.Concat(frames(message), noise, frames(message))
		whole := decodeTF(s, data)
		checkBatch(t, whole)
		if whole.Lines != countFrames(data) {
			t.Errorf("%q: %d frames are counted, %d read", data, countFrames(data), whole.Lines)
		}
		n := SplitTFRecord(data[:max(0, min(cut, len(data)))])
		one, two := decodeTF(s, data[:n]), decodeTF(s, data[n:])
		if got := renderRows(one, s) + renderRows(two, s); got != renderRows(whole, s) {
			t.Errorf("%q is\n%s\nand cut at %d\n%s", data, renderRows(whole, s), n, got)
		}
		TFRecordFields(data, func([]byte) {})
	})
}

func TestTFRecordDoesNotAllocateOnceItsBuffersHaveGrown(t *testing.T) {
	data := benchmarkTFRecord(20)
	s := flatSchema("#age", "#income", "city", "#class")
	d, b := NewTFRecord(s, 1), new(record.Batch)
	d.Decode(nil, data, b)
	if b.Rows != 40 {
		t.Fatalf("%d rows, rejects %v", b.Rows, b.Rejects)
	}
	if n := testing.AllocsPerRun(10, func() { d.Decode(nil, data, b) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// benchmarkTFRecord is as many examples as requests of one row.
func benchmarkTFRecord(records int) []byte {
	var all [][]byte
	for i := range records {
		all = append(all,
			example("age", i%60, "income", float32(i), "ratio", float32(0.5), "city", "Rome", "class", i%2, "id", fmt.Sprintf("%036d", i)),
			predictLog(1773480413+i, [][]byte{
				tensorOf("age", 9, []int{1, 1}, 10, []int{i % 60}), tensorOf("income", 1, []int{1, 1}, 5, []float32{float32(i)}),
				tensorOf("city", 7, []int{1, 1}, 8, "Rome"), tensorOf("id", 7, []int{1}, 8, fmt.Sprintf("%036d", i)),
			}, [][]byte{tensorOf("class", 9, []int{1}, 10, []int{i % 2})}))
	}
	return frames(all...)
}

func BenchmarkTFRecord(b *testing.B) {
	const records = 500
	data := benchmarkTFRecord(records)
	s := flatSchema("#age", "#income", "city", "#class")
	s.ID = []string{"id"}
	d, batch := NewTFRecord(s, 1), new(record.Batch)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(nil, data, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2*records), "ns/record")
}
