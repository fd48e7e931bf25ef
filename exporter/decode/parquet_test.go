package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// parquetRecord is a record that testSchema reads, for writing it as JSON and as Parquet.
type parquetRecord struct {
	ID       string    `json:"id"            parquet:"id"`
	Time     time.Time `json:"timestamp"     parquet:"timestamp,timestamp(microsecond)"`
	Version  string    `json:"model_version" parquet:"model_version,dict"`
	Extra    int64     `json:"extra"         parquet:"extra"`
	Features struct {
		Age    *int32   `json:"age"    parquet:"age,optional"`
		Income *float64 `json:"income" parquet:"income,optional"`
		City   *string  `json:"city"   parquet:"city,optional,dict"`
		New    bool     `json:"new"    parquet:"new"`
	} `json:"features" parquet:"features"`
	Output *struct {
		Class int64 `json:"class" parquet:"class"`
	} `json:"output" parquet:"output,optional"`
}

// parquetRecords makes records of which some lack values.
func parquetRecords(n int) []parquetRecord {
	rnd := rand.New(rand.NewPCG(5, 6))
	all := make([]parquetRecord, n)
	for i := range all {
		r := &all[i]
		r.ID = fmt.Sprintf("%016x", rnd.Uint64())
		r.Time = time.Date(2026, 3, 14, 9, 26, 0, rnd.IntN(1e6)*1000, time.UTC).Add(time.Duration(i) * time.Second)
		r.Version = []string{"1", "2.0"}[rnd.IntN(2)]
		if rnd.IntN(5) > 0 {
			age := int32(rnd.IntN(100))
			r.Features.Age = &age
		}
		if rnd.IntN(5) > 0 {
			income := rnd.NormFloat64() * 1e4
			r.Features.Income = &income
		}
		if rnd.IntN(5) > 0 {
			city := []string{"Rome", "Oslo", "São Paulo", ""}[rnd.IntN(4)]
			r.Features.City = &city
		}
		if rnd.IntN(5) > 0 {
			r.Output = &struct {
				Class int64 `json:"class" parquet:"class"`
			}{rnd.Int64N(3)}
		}
	}
	return all
}

// writeParquet writes rows into groups of perGroup.
func writeParquet[T any](t testing.TB, rows []T, perGroup int, options ...parquet.WriterOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[T](&out, options...)
	for group := range slices.Chunk(rows, perGroup) {
		if _, err := w.Write(group); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readParquet calls use for every batch of a file.
func readParquet(p *Parquet, data []byte, use func(*record.Batch)) error {
	if err := p.Open("f.parquet", bytes.NewReader(data), int64(len(data))); err != nil {
		return err
	}
	var b record.Batch
	for {
		err := p.Next(&b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		use(&b)
	}
}

// renderRows is render without what belongs to the batch as a whole.
func renderRows(b *record.Batch, s *record.Schema) string {
	var rows strings.Builder
	for line := range strings.Lines(render(b, s)) {
		if strings.HasPrefix(line, "t=") {
			rows.WriteString(line)
		}
	}
	return rows.String()
}

func asJSONLines[T any](t testing.TB, rows []T) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	for i := range rows {
		if err := e.Encode(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func TestParquetReadsWhatJSONLinesReads(t *testing.T) {
	records := parquetRecords(1000)
	lines := asJSONLines(t, records)
	for name, options := range map[string][]parquet.WriterOption{
		"plain":              nil,
		"zstd":               {parquet.Compression(&parquet.Zstd)},
		"snappy":             {parquet.Compression(&parquet.Snappy)},
		"gzip":               {parquet.Compression(&parquet.Gzip)},
		"small pages":        {parquet.PageBufferSize(256), parquet.Compression(&parquet.Snappy)},
		"pages of version 1": {parquet.DataPageVersion(1), parquet.PageBufferSize(512)},
	} {
		for _, where := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s where=%t", name, where), func(t *testing.T) {
				s := testSchema()
				if where {
					s.Where = []record.Condition{
						{Path: []string{"model_version"}, Value: "2.0"}, {Path: []string{"features", "new"}, Value: "false"},
					}
				}
				var want record.Batch
				NewJSONL(s, 7).Decode(nil, lines, &want)
				got, skipped, rows := "", 0, 0
				err := readParquet(NewParquet(s, 7), writeParquet(t, records, 300, options...), func(b *record.Batch) {
					got += renderRows(b, s)
					skipped += b.Skipped
					rows += b.Rows
					for i := range b.Columns {
						if b.Columns[i].Lacking != 0 {
							t.Errorf("column %s is lacking", s.Columns[i].Name)
						}
					}
				})
				if err != nil || rows == 0 || rows != want.Rows || skipped != want.Skipped {
					t.Fatalf("read %d rows and skipped %d, error %v; want %d and %d", rows, skipped, err, want.Rows, want.Skipped)
				}
				if all := renderRows(&want, s); got != all {
					t.Errorf("got\n%.500s\nwant\n%.500s", got, all)
				}
			})
		}
	}
}

func TestParquetTellsWhatDiffersFromTheSchema(t *testing.T) {
	s := testSchema()
	s.Columns = append(s.Columns, record.Field{Name: "absent", Path: []string{"absent"}})
	err := readParquet(NewParquet(s, 1), writeParquet(t, parquetRecords(100), 100), func(b *record.Batch) {
		if got := b.Columns[4].Lacking; got != 100 || !math.IsNaN(b.Columns[4].Numbers[99]) {
			t.Errorf("the column that the file lacks has Lacking %d and the number %g", got, b.Columns[4].Numbers[99])
		}
		if want := []record.Unknown{{Name: "extra", Count: 100}, {Name: "features.new", Count: 100}}; !slices.Equal(b.Unknown, want) {
			t.Errorf("unknown are %v, want %v", b.Unknown, want)
		}
		if want := []string{"features", "output"}; !slices.Equal(b.Objects, want) {
			t.Errorf("objects are %v, want %v", b.Objects, want)
		}
		if got := len(b.Columns[3].Bare); got == 0 || got > 100 {
			t.Errorf("%d of the numeric classes are bare numbers", got)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// parquetCells is a table of one row whose columns have all types that are told apart.
func parquetCells(t *testing.T) (data []byte, texts map[string]string, numbers map[string]float64, times map[string]int64) {
	t.Helper()
	noon := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	decimal := func(scale, precision, size int) parquet.Node {
		return parquet.Decimal(scale, precision, parquet.FixedLenByteArrayType(size))
	}
	sixteen := func(high, low uint64) []byte {
		var b [16]byte
		for i := range 8 {
			b[7-i], b[15-i] = byte(high>>(8*i)), byte(low>>(8*i))
		}
		return b[:]
	}
	texts, numbers, times = map[string]string{}, map[string]float64{}, map[string]int64{}
	group, values := parquet.Group{}, map[string]parquet.Value{}
	add := func(name string, node parquet.Node, v parquet.Value, text string) {
		group[name], values[name] = node, v
		texts[name] = text
	}
	number := func(name string, node parquet.Node, v parquet.Value, text string, x float64) {
		add(name, node, v, text)
		numbers[name] = x
	}
	at := func(name string, node parquet.Node, v parquet.Value, text string, when time.Time) {
		add(name, node, v, text)
		times[name] = when.UnixNano()
	}
	number("int8", parquet.Int(8), parquet.Int32Value(-7), "-7", -7)
	number("uint32", parquet.Uint(32), parquet.Int32Value(-1), "4294967295", 4294967295)
	number("uint64", parquet.Uint(64), parquet.Int64Value(-1), "18446744073709551615", 1<<64)
	number("int64", parquet.Int(64), parquet.Int64Value(1<<53+1), "9007199254740993", 1<<53)
	number("float", parquet.Leaf(parquet.FloatType), parquet.FloatValue(0.1), "0.1", float64(float32(0.1)))
	number("double", parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(1e-7), "1e-07", 1e-7)
	number("decimal of 32 bits", parquet.Decimal(2, 9, parquet.Int32Type), parquet.Int32Value(-5), "-0.05", -0.05)
	number("decimal of 64 bits", parquet.Decimal(3, 18, parquet.Int64Type), parquet.Int64Value(123456789012345678),
		"123456789012345.678", 123456789012345.678)
	number("short decimal", decimal(2, 5, 3), parquet.FixedLenByteArrayValue([]byte{0xff, 0xff, 0x9c}), "-1.00", -1)
	number("long decimal", decimal(10, 38, 16), parquet.FixedLenByteArrayValue(sixteen(1, 0)),
		"1844674407.3709551616", 1844674407.3709551616)
	number("negative long decimal", decimal(0, 38, 16), parquet.FixedLenByteArrayValue(sixteen(math.MaxUint64-1, 0)),
		"-36893488147419103232", -36893488147419103232)
	number("decimal of 64 bits and a sign", decimal(0, 38, 16), parquet.FixedLenByteArrayValue(sixteen(0, 1<<63)),
		"9223372036854775808", 1<<63)
	add("bool", parquet.Leaf(parquet.BooleanType), parquet.BooleanValue(true), "true")
	add("string", parquet.String(), parquet.ByteArrayValue([]byte("gold plus")), "gold plus")
	add("enum", parquet.Enum(), parquet.ByteArrayValue([]byte("A")), "A")
	add("uuid", parquet.UUID(), parquet.FixedLenByteArrayValue(sixteen(0x0123456789abcdef, 0xfedcba9876543210)),
		"01234567-89ab-cdef-fedc-ba9876543210")
	add("time", parquet.Time(parquet.Millisecond), parquet.Int32Value(3_600_500), "01:00:00.5")
	at("milliseconds", parquet.Timestamp(parquet.Millisecond), parquet.Int64Value(noon.UnixMilli()), "2026-03-14T12:00:00Z", noon)
	at("microseconds", parquet.Timestamp(parquet.Microsecond), parquet.Int64Value(noon.UnixMicro()+1),
		"2026-03-14T12:00:00.000001Z", noon.Add(time.Microsecond))
	at("nanoseconds", parquet.Timestamp(parquet.Nanosecond), parquet.Int64Value(noon.UnixNano()+1),
		"2026-03-14T12:00:00.000000001Z", noon.Add(1))
	at("long ago", parquet.Timestamp(parquet.Millisecond), parquet.Int64Value(-86400_000), "1969-12-31T00:00:00Z", time.Unix(-86400, 0))
	at("date", parquet.Date(), parquet.Int32Value(int32(noon.Unix()/86400)), "2026-03-14", noon.Add(-12*time.Hour))
	at("int96", parquet.Leaf(parquet.Int96Type),
		parquet.Int96Value(deprecated.Int96{43_200_000_000_000 & math.MaxUint32, 43_200_000_000_000 >> 32, uint32(noon.Unix()/86400 + julianEpoch)}),
		"2026-03-14T12:00:00Z", noon)
	at("epoch", parquet.Int(64), parquet.Int64Value(noon.UnixMilli()), strconv.FormatInt(noon.UnixMilli(), 10), noon)
	at("epoch with a fraction", parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(float64(noon.Unix())+0.5),
		strconv.FormatInt(noon.Unix(), 10)+".5", noon.Add(time.Second/2))
	at("time as text", parquet.String(), parquet.ByteArrayValue([]byte("2026-03-14 12:00:00")), "2026-03-14 12:00:00", noon)

	schema := parquet.NewSchema("cells", group)
	var out bytes.Buffer
	w := parquet.NewWriter(&out, schema)
	row := parquet.Row{}
	for i, path := range schema.Columns() {
		row = append(row, values[path[0]].Level(0, 0, i))
	}
	if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), texts, numbers, times
}

func TestParquetReadsAllTypes(t *testing.T) {
	data, texts, numbers, times := parquetCells(t)
	for name, want := range texts {
		s := &record.Schema{Time: []string{"microseconds"}, ID: []string{name}, Columns: []record.Field{
			{Name: "number", Path: []string{name}, Kind: record.Numeric},
			{Name: "text", Path: []string{name}, Kind: record.Categorical},
		}}
		if _, isTime := times[name]; isTime {
			s.Time = []string{name}
		}
		rows := 0
		err := readParquet(NewParquet(s, 3), data, func(b *record.Batch) {
			rows += b.Rows
			if got := b.String(b.Columns[1].Spans[0]); got != want {
				t.Errorf("%s: the text is %q, want %q", name, got, want)
			}
			if b.IDs[0] != hashID(3, []byte(want)) {
				t.Errorf("%s: the id is not that of its text", name)
			}
			x, isNumber := numbers[name]
			number := &b.Columns[0]
			if isNumber && number.Numbers[0] != x {
				t.Errorf("%s: the number is %g, want %g", name, number.Numbers[0], x)
			}
			_, isTime := times[name]
			if wrong := len(number.Wrong) > 0; !isTime && wrong == isNumber {
				t.Errorf("%s: of the wrong type for a number: %t", name, wrong)
			}
			if isTime && b.Times[0] != times[name] {
				t.Errorf("%s: the time is %d, want %d", name, b.Times[0], times[name])
			}
		})
		if err != nil || rows != 1 {
			t.Errorf("%s: %d rows, error %v", name, rows, err)
		}
	}
}

func TestParquetRefusesTimesThatAreNone(t *testing.T) {
	type row struct {
		At *string  `parquet:"timestamp,optional"`
		X  float64  `parquet:"x"`
		L  []string `parquet:"l,list"`
	}
	soon, then := "soon", "2026-03-14T12:00:00Z"
	s := &record.Schema{Time: []string{"timestamp"}, Columns: []record.Field{
		{Name: "x", Path: []string{"x"}}, {Name: "l", Path: []string{"l"}, Kind: record.Text},
	}}
	data := writeParquet(t, []row{{At: nil, X: 1}, {At: &then, X: math.Inf(1)}, {At: &soon, X: 3}, {At: &then, X: 4}}, 10)
	err := readParquet(NewParquet(s, 1), data, func(b *record.Batch) {
		want := []record.Reject{
			{Line: 0, Reason: record.NoTime, Detail: "field timestamp is missing"},
			{Line: 2, Reason: record.NoTime, Detail: "field timestamp is no time: soon"},
		}
		if b.Rows != 2 || !slices.Equal(b.Rejects, want) || !slices.Equal(b.RowLines, []uint32{1, 3}) {
			t.Errorf("%d rows of lines %d, rejects %v", b.Rows, b.RowLines, b.Rejects)
		}
		if x := b.Columns[0].Numbers; !math.IsNaN(x[0]) || x[1] != 4 {
			t.Errorf("numbers are %g, want NaN and 4", x)
		}
		if !slices.Equal(b.Columns[1].Spans, []record.Span{record.Wrong, record.Wrong}) {
			t.Errorf("lists are read as %v, want as wrong", b.Columns[1].Spans)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestParquetGoesOnBehindSkippedRows(t *testing.T) {
	const rows = 1000
	data := writeParquet(t, parquetRecords(rows), 300, parquet.PageBufferSize(512))
	s := testSchema()
	read := func(skip int64) string {
		p := NewParquet(s, 1)
		if err := p.Open("f", bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		if err := p.Skip(skip); err != nil && skip <= rows {
			t.Fatal(err)
		}
		var b record.Batch
		var text strings.Builder
		for p.Next(&b) == nil {
			text.WriteString(renderRows(&b, s))
		}
		return text.String()
	}
	all := strings.SplitAfter(read(0), "\n")
	for _, skip := range []int64{1, 299, 300, 301, 999, 1000, 1001} {
		if want := strings.Join(all[min(skip, rows):], ""); read(skip) != want {
			t.Errorf("behind %d rows the rest is not the same", skip)
		}
	}
}

func TestParquetNamesTheFileAndWhatIsWrong(t *testing.T) {
	good := writeParquet(t, parquetRecords(50), 20, parquet.Compression(&parquet.Snappy))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":             {nil, "is no Parquet file: it has 0 bytes"},
		"another format":    {[]byte(`{"id":1,"timestamp":2}`), `is no Parquet file: it begins with "{\"id"`},
		"cut":               {good[:len(good)-20], "is cut, or is still being written"},
		"encrypted":         {slices.Concat(good[:len(good)-4], []byte("PARE")), "is encrypted"},
		"an endless footer": {slices.Concat(good[:len(good)-8], []byte("\xff\xff\xff\xffPAR1")), "its footer would have 4294967295 bytes"},
		"a broken footer":   {slices.Concat(good[:len(good)-60], bytes.Repeat([]byte{0xee}, 52), good[len(good)-8:]), "damaged"},
	} {
		err := readParquet(NewParquet(testSchema(), 1), c.data, func(*record.Batch) {})
		if err == nil || !strings.HasPrefix(err.Error(), "f.parquet: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
}

// Whatever byte of a file is damaged: there are batches or an error that names the file, and never a panic.
func TestParquetSurvivesDamage(t *testing.T) {
	good := writeParquet(t, parquetRecords(60), 30, parquet.PageBufferSize(256))
	p := NewParquet(testSchema(), 1)
	for i := range good {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			bad := slices.Clone(good)
			bad[i] ^= flip
			err := readParquet(p, bad, func(b *record.Batch) { checkBatch(t, b) })
			if err != nil && !strings.HasPrefix(err.Error(), "f.parquet: ") {
				t.Fatalf("byte %d: the error is %v", i, err)
			}
		}
	}
}

// checkBatch makes sure that a batch is whole: as many values as rows, and spans within its bytes.
func checkBatch(t *testing.T, b *record.Batch) {
	t.Helper()
	spans := func(name string, list []record.Span) {
		for _, s := range list {
			if s.IsString() && uint64(s.Offset)+uint64(s.Length) > uint64(len(b.Bytes)) {
				t.Fatalf("%s: span %v of %d bytes", name, s, len(b.Bytes))
			}
		}
	}
	if len(b.Times) != b.Rows || len(b.IDs) != b.Rows || len(b.Versions) != b.Rows || len(b.RowLines) != b.Rows {
		t.Fatalf("%d rows with %d times, %d ids, %d versions, %d lines",
			b.Rows, len(b.Times), len(b.IDs), len(b.Versions), len(b.RowLines))
	}
	spans("versions", b.Versions)
	for i := range b.Columns {
		if n := len(b.Columns[i].Numbers) + len(b.Columns[i].Spans); n != b.Rows {
			t.Fatalf("column %d has %d values in %d rows", i, n, b.Rows)
		}
		spans("column", b.Columns[i].Spans)
	}
}

func FuzzParquet(f *testing.F) {
	f.Add(writeParquet(f, parquetRecords(20), 10))
	f.Add(writeParquet(f, parquetRecords(20), 10, parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = readParquet(NewParquet(testSchema(), 1), data, func(b *record.Batch) { checkBatch(t, b) })
	})
}

// flatRecord has the values of benchmarkLog.
type flatRecord struct {
	Time     time.Time `parquet:"timestamp,timestamp(millisecond)"`
	ID       string    `parquet:"id"`
	Model    string    `parquet:"model,dict"`
	Version  string    `parquet:"model_version,dict"`
	Features struct {
		Age    float64 `json:"age"    parquet:"age"`
		Income float64 `json:"income" parquet:"income"`
		Ratio  float64 `json:"ratio"  parquet:"ratio"`
		City   string  `json:"city"   parquet:"city,dict"`
	} `parquet:"features"`
	Output struct {
		Class int64 `json:"class" parquet:"class"`
	} `parquet:"output"`
}

func benchmarkParquet(t testing.TB, records int) []byte {
	var rows []flatRecord
	for line := range bytes.Lines(benchmarkLog(records)) {
		var r struct {
			flatRecord
			Time    time.Time `json:"timestamp"`
			Version string    `json:"model_version"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		r.flatRecord.Time, r.flatRecord.Version = r.Time, r.Version
		rows = append(rows, r.flatRecord)
	}
	return writeParquet(t, rows, 200_000, parquet.Compression(&parquet.Zstd))
}

// BenchmarkParquet reads the records of BenchmarkJSONL from a file that is compressed by zstd.
func BenchmarkParquet(b *testing.B) {
	const records = 200_000
	data := benchmarkParquet(b, records)
	p := NewParquet(testSchema(), 1)
	b.ReportAllocs()
	for b.Loop() {
		rows := 0
		if err := readParquet(p, data, func(batch *record.Batch) { rows += batch.Rows }); err != nil || rows != records {
			b.Fatalf("%d rows, error %v", rows, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
}
