package profile

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// trainingRow is a row of training data in the order of names, which is that of a reference in JSON Lines.
type trainingRow struct {
	Age      *int64    `json:"age"        parquet:"age,optional"`
	Approved bool      `json:"approved"   parquet:"approved"`
	Code     int32     `json:"code"       parquet:"code"`
	Comment  string    `json:"comment"    parquet:"comment"`
	Joined   time.Time `json:"joined"     parquet:"joined,timestamp(millisecond)"`
	Label    string    `json:"label"      parquet:"label,dict"`
	Plan     string    `json:"plan"       parquet:"plan,dict"`
	Pred     string    `json:"prediction" parquet:"prediction"`
	Ratio    float64   `json:"ratio"      parquet:"ratio"`
	Score    float64   `json:"score"      parquet:"score"`
	Tags     []string  `json:"tags"       parquet:"tags,list"`
	User     string    `json:"user"       parquet:"user"`
}

func trainingRows(n int) []trainingRow {
	rnd := rand.New(rand.NewPCG(3, 4))
	words := strings.Fields("the parcel came late and was open but the people were kind to us all day long")
	rows := make([]trainingRow, n)
	for i := range rows {
		r := &rows[i]
		if age := rnd.Int64N(80); age > 8 {
			r.Age = &age
		}
		r.Approved, r.Code, r.Ratio, r.Score = rnd.IntN(2) == 0, rnd.Int32N(4), rnd.NormFloat64(), rnd.Float64()
		r.Joined = time.UnixMilli(1.7e12 + rnd.Int64N(1e9)).UTC()
		for range 12 {
			r.Comment += words[rnd.IntN(len(words))] + " "
		}
		r.Label, r.Pred = []string{"yes", "no"}[rnd.IntN(2)], []string{"yes", "no"}[rnd.IntN(2)]
		r.Plan = []string{"basic", "pro", "gold plus"}[rnd.IntN(3)]
		r.Tags = []string{"a"}
		r.User = fmt.Sprintf("%08x", rnd.Uint32())
	}
	return rows
}

func writeRows(t *testing.T, name string, rows []trainingRow) Options {
	t.Helper()
	var out bytes.Buffer
	if strings.HasSuffix(name, ".parquet") {
		w := parquet.NewGenericWriter[trainingRow](&out, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(5000))
		if _, err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	} else if strings.HasSuffix(name, ".json") {
		text, err := json.MarshalIndent(rows, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	} else {
		e := json.NewEncoder(&out)
		for i := range rows {
			if err := e.Encode(&rows[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	o := write(t, name, out.String())
	o.Format = ""
	return o
}

// describeProfile is a profile as a file has it, without where it came from.
func describeProfile(t *testing.T, p *Profile) string {
	t.Helper()
	p.Path, p.Modified = "", time.Time{}
	text, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAReferenceOfAnyFormatGivesTheSameProfile(t *testing.T) {
	rows := trainingRows(20_000)
	got := describeProfile(t, build(t, writeRows(t, "training.jsonl", rows)))
	for _, name := range []string{"training.parquet", "training.json"} {
		other := strings.Split(describeProfile(t, build(t, writeRows(t, name, rows))), "\n")
		for i, line := range strings.Split(got, "\n") {
			if i >= len(other) || other[i] != line {
				t.Fatalf("%s: line %d is\n%.700s\nwant\n%.700s", name, i, other[min(i, len(other)-1)], line)
			}
		}
	}
	for _, part := range []string{`"kind":"text"`, `"kind":"categorical"`, `"kind":"numeric"`, "holds timestamps", "looks like an id"} {
		if !strings.Contains(got, part) {
			t.Errorf("the profile has no %s, and so does not show that it is the same", part)
		}
	}
}

func TestABrokenParquetReferenceIsNamed(t *testing.T) {
	o := writeRows(t, "training.parquet", trainingRows(10))
	data, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Path, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(o); err == nil || !strings.Contains(err.Error(), "training.parquet: is cut") {
		t.Errorf("the error is %v", err)
	}
}

func TestACompressedReferenceIsUnpacked(t *testing.T) {
	const csv = "age,plan\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n"
	var gz, zst bytes.Buffer
	z := gzip.NewWriter(&gz)
	s, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []interface {
		Write(p []byte) (int, error)
		Close() error
	}{z, s} {
		if _, err := w.Write([]byte(csv)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"plain.csv": csv, "packed.csv.gz": gz.String(), "packed.csv.zst": zst.String(),
	} {
		o := write(t, name, content)
		o.Format = ""
		if p := build(t, o); p.Rows != 6 || len(column(t, p, "plan").Categories) != 2 || filepath.Base(p.Path) != name {
			t.Errorf("%s: %d rows with %d columns", name, p.Rows, len(p.Columns))
		}
	}
	o := write(t, "cut.csv.gz", gz.String()[:20])
	o.Format = ""
	if _, err := Build(o); err == nil || !strings.Contains(err.Error(), "cut.csv.gz: is compressed by gzip and cut") {
		t.Errorf("the error is %v", err)
	}
}

func TestALogfmtReferenceGivesTheSameColumns(t *testing.T) {
	var lines, pairs strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, `{"age":%d,"features":{"plan":"plan %d"},"code":%d,"label":"%d","prediction":"%d"}`+"\n", i%70, i%3, i%4, i%2, i%2)
		fmt.Fprintf(&pairs, `age=%d features.plan="plan %d" code=%d label=%d prediction=%d`, i%70, i%3, i%4, i%2, i%2)
		if i > 1000 {
			pairs.WriteString(" late=1.5")
		}
		pairs.WriteByte('\n')
	}
	got, want := build(t, write(t, "training.logfmt", pairs.String())), build(t, write(t, "training.jsonl", lines.String()))
	for i := range want.Columns {
		c := &want.Columns[i]
		if c.Role != Feature {
			continue
		}
		if other := column(t, got, c.Name); other.Kind != c.Kind || other.Why != c.Why || other.Missing != c.Missing ||
			fmt.Sprint(other.Cells) != fmt.Sprint(c.Cells) || fmt.Sprint(other.Categories) != fmt.Sprint(c.Categories) {
			t.Errorf("column %s is %s, want %s", c.Name, other, c)
		}
	}
	if late := column(t, got, "late"); late.Missing != 1001 || got.Rows != 2000 {
		t.Errorf("of %d rows %d lack the column that comes late", got.Rows, late.Missing)
	}
	o := write(t, "bad.logfmt", "age=1 plan=a\nage=1 plan=\"a\n")
	if _, err := Build(o); err == nil || !strings.Contains(err.Error(), "bad.logfmt:2: ") {
		t.Errorf("the error is %v", err)
	}
}

// The taxi trips are real tf.Examples, of which some features are empty in every one.
func TestATFRecordReferenceIsRead(t *testing.T) {
	path := "../../../shared/log-samples/tfx/taxi-unlabelled-tfexample.tfrecord.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("the samples of logs are not here: ", err)
	}
	o := write(t, "unused.csv", "")
	o.Path, o.Format = path, ""
	p := build(t, o)
	if p.Rows != 205 {
		t.Errorf("%d rows, want 205", p.Rows)
	}
	for name, want := range map[string]record.Kind{
		"trip_miles": record.Numeric, "trip_start_hour": record.Numeric, "company": record.Categorical, "payment_type": record.Categorical,
	} {
		if c := column(t, p, name); c.Kind != want {
			t.Errorf("%s is %s, want %s: %s", name, c.Kind, want, c.Why)
		}
	}
	if len(p.LeftOut) == 0 {
		t.Error("no column is left out, though pickup_census_tract has no values")
	}
}

func TestACSVReferenceWithoutAHeaderHasTheNamesThatAreGiven(t *testing.T) {
	o := write(t, "training.csv", "1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n")
	o.Header = []string{"age", "plan"}
	p := build(t, o)
	if p.Rows != 6 || column(t, p, "age").Kind != record.Numeric || len(column(t, p, "plan").Categories) != 2 {
		t.Errorf("%d rows with %v", p.Rows, p.Columns)
	}
	o.Header = []string{"age", "plan", "city"}
	if _, err := Build(o); err == nil || !strings.Contains(err.Error(), "training.csv:1: wrong number of fields") {
		t.Errorf("the error is %v", err)
	}
}
