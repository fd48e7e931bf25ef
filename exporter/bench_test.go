package exporter

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

var benchRecords = flag.Int("records", 500_000, "records of the log that BenchmarkEndToEnd reads")

// writeBenchmarkLog writes a log of a fraud model with twelve features, of which two drift half-way, as JSON Lines and
// CSV, its labels, and 50,000 rows of training data. A tenth of the records are of a second version.
func writeBenchmarkLog(b *testing.B, dir string, records int) {
	b.Helper()
	const referenceRows = 50_000
	create := func(name string) (*bufio.Writer, func()) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriterSize(f, 1<<20)
		return w, func() {
			if err := w.Flush(); err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	jsonl, close1 := create("predictions.jsonl")
	csv, close2 := create("predictions.csv")
	reference, close3 := create("reference.csv")
	labels, close4 := create("labels.jsonl")
	defer func() { close1(); close2(); close3(); close4() }()

	numeric := []string{"amount", "income", "age", "tenure_days", "ratio", "velocity", "distance_km", "temperature", "days_since_last"}
	categorical := []string{"merchant", "country", "device"}
	for _, w := range []*bufio.Writer{csv, reference} {
		if w == csv {
			fmt.Fprint(w, "timestamp,id,model_version,")
		}
		for _, name := range append(slices.Clip(numeric), categorical...) {
			fmt.Fprint(w, name, ",")
		}
		fmt.Fprint(w, "prediction,score")
	}
	fmt.Fprint(csv, "\n")
	fmt.Fprint(reference, ",label\n")

	r := rand.New(rand.NewPCG(7, 8))
	category := func(prefix string, n int) string { x := r.Float64(); return prefix + strconv.Itoa(int(x*x*float64(n))) }
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := -referenceRows; i < records; i++ {
		drift := 0.0
		if i > records/2 {
			drift = 0.3
		}
		round := func(x, to float64) float64 { return math.Round(x*to) / to }
		values := []float64{
			round(math.Exp(r.NormFloat64()+3.5+drift), 100), round(math.Exp(r.NormFloat64()/2+10.8), 100),
			float64(18 + r.IntN(62)), float64(r.IntN(4000)), r.Float64(), r.ExpFloat64() * 3.7,
			round(r.ExpFloat64()*250, 1000), r.NormFloat64() + drift, round(r.ExpFloat64()*9, 10),
		}
		names := []string{category("shop", 10), category("C", 20), category("device", 4)}
		score := 1 / (1 + math.Exp(1-1.4*r.NormFloat64()))
		class, label := 0, 0
		if score > 0.5 {
			class = 1
		}
		if r.Float64() < score {
			label = 1
		}
		missing := r.Float64() < 0.12
		at := start.Add(time.Duration(i) * 43 * time.Millisecond)
		id := fmt.Sprintf("%08x-%04x-4a57-9c39-%012x", r.Uint32(), r.Uint32N(1<<16), r.Uint64N(1<<48))
		version := "2026.1.1"
		if r.IntN(10) == 0 {
			version = "2026.1.2"
		}
		rest := ""
		var restSb91 strings.Builder
		for k, x := range values {
			text := strconv.FormatFloat(x, 'f', -1, 64)
			if k == len(values)-1 && missing {
				text = ""
			}
			restSb91.WriteString(text + ",")
		}
		rest += restSb91.String()
		var restSb98 strings.Builder
		for _, name := range names {
			restSb98.WriteString(name + ",")
		}
		rest += restSb98.String()
		rest += fmt.Sprintf("%d,%s", class, strconv.FormatFloat(score, 'f', -1, 64))
		if i < 0 {
			fmt.Fprintf(reference, "%s,%d\n", rest, label)
			continue
		}
		stamp := at.Format("2006-01-02T15:04:05.000Z")
		fmt.Fprintf(csv, "%s,%s,%s,%s\n", stamp, id, version, rest)
		fmt.Fprintf(labels, `{"id":%q,"timestamp":%q,"label":%d}`+"\n", id, at.Add(time.Hour).Format("2006-01-02T15:04:05.000Z"), label)
		fmt.Fprintf(jsonl, `{"timestamp":%q,"id":%q,"model":"fraud","model_version":%q,"features":{`, stamp, id, version)
		for k, x := range values {
			text := strconv.FormatFloat(x, 'f', -1, 64)
			if k == len(values)-1 && missing {
				text = "null"
			}
			fmt.Fprintf(jsonl, "%q:%s,", numeric[k], text)
		}
		for k, name := range names {
			fmt.Fprintf(jsonl, "%q:%q", categorical[k], name)
			if k < len(names)-1 {
				fmt.Fprint(jsonl, ",")
			}
		}
		fmt.Fprintf(jsonl, `},"prediction":%d,"score":%s}`+"\n", class, strconv.FormatFloat(score, 'f', -1, 64))
	}
}

// writeBenchmarkParquet writes the log in JSON Lines as Parquet, compressed by zstd.
func writeBenchmarkParquet(b *testing.B, dir string) {
	b.Helper()
	type row struct {
		Timestamp time.Time `json:"timestamp"     parquet:"timestamp,timestamp(millisecond)"`
		ID        string    `json:"id"            parquet:"id"`
		Model     string    `json:"model"         parquet:"model,dict"`
		Version   string    `json:"model_version" parquet:"model_version,dict"`
		Features  struct {
			Amount   float64  `json:"amount"          parquet:"amount"`
			Income   float64  `json:"income"          parquet:"income"`
			Age      int64    `json:"age"             parquet:"age"`
			Tenure   int64    `json:"tenure_days"     parquet:"tenure_days"`
			Ratio    float64  `json:"ratio"           parquet:"ratio"`
			Velocity float64  `json:"velocity"        parquet:"velocity"`
			Distance float64  `json:"distance_km"     parquet:"distance_km"`
			Heat     float64  `json:"temperature"     parquet:"temperature"`
			Days     *float64 `json:"days_since_last" parquet:"days_since_last,optional"`
			Merchant string   `json:"merchant"        parquet:"merchant,dict"`
			Country  string   `json:"country"         parquet:"country,dict"`
			Device   string   `json:"device"          parquet:"device,dict"`
		} `json:"features" parquet:"features"`
		Prediction int64   `json:"prediction" parquet:"prediction"`
		Score      float64 `json:"score"      parquet:"score"`
	}
	in, err := os.Open(filepath.Join(dir, "predictions.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, "predictions.parquet"))
	if err != nil {
		b.Fatal(err)
	}
	w := parquet.NewGenericWriter[row](out, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(250_000))
	for lines := json.NewDecoder(bufio.NewReaderSize(in, 1<<20)); ; {
		var r [1]row
		err := lines.Decode(&r[0])
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			_, err = w.Write(r[:])
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkEndToEnd reads a whole log as --once does, from the configuration to the published metrics: reference, noise
// floors, decoding, windows, all statistics. Run it with -cpu 1,2.
func BenchmarkEndToEnd(b *testing.B) {
	dir := b.TempDir()
	writeBenchmarkLog(b, dir, *benchRecords)
	writeBenchmarkParquet(b, dir)
	for _, c := range []struct{ name, log, labels string }{
		{"jsonl", "predictions.jsonl", ""},
		{"csv", "predictions.csv", ""},
		{"parquet", "predictions.parquet", ""},
		{"jsonl with labels", "predictions.jsonl", ", labels: {path: labels.jsonl}"},
		{
			"jsonl with labels and slices", "predictions.jsonl",
			", labels: {path: labels.jsonl}, slices: [country, [country, device], amount]",
		},
	} {
		config := filepath.Join(dir, "config.yaml")
		text := fmt.Sprintf("models: [{name: fraud, reference: {path: reference.csv}, predictions: {path: %s}%s}]\n", c.log, c.labels)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, c.log))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(info.Size())
			for b.Loop() {
				e, err := New(Options{ConfigFile: config, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				if err := e.Once(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(*benchRecords)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
		})
	}
}

// BenchmarkEvaluate computes all statistics of 200 columns in three windows, after a record has come in and while
// nothing does, with the column's own cost of a scrape left out.
func BenchmarkEvaluate(b *testing.B) {
	const columns, rows = 200, 5_000
	for _, k := range []int{256, 1024} {
		b.Run(fmt.Sprintf("200 columns, 3 windows, K=%d", k), func(b *testing.B) {
			m := wideModel(b, columns, rows, k)
			now := time.Now()
			m.evaluate(now) // noise floors are computed once
			b.Run("changed", func(b *testing.B) {
				for b.Loop() {
					m.monitors[0].evaluated = nil
					m.evaluate(now)
				}
			})
			b.Run("unchanged", func(b *testing.B) {
				for b.Loop() {
					m.evaluate(now)
				}
			})
		})
	}
}

// wideModel returns a model of many numeric columns that has read its log.
func wideModel(b *testing.B, columns, rows, k int) *model {
	b.Helper()
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(11, 12))
	for _, name := range []string{"reference.csv", "predictions.csv"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriter(f)
		fmt.Fprint(w, "timestamp")
		for i := range columns {
			fmt.Fprintf(w, ",c%d", i)
		}
		fmt.Fprintln(w)
		for i := range rows {
			fmt.Fprint(w, time.Date(2026, 1, 1, 0, 0, i/10, 0, time.UTC).Format(time.RFC3339))
			for range columns {
				fmt.Fprintf(w, ",%.9f", r.NormFloat64())
			}
			fmt.Fprintln(w)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	config := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("models: [{name: wide, reference: {path: reference.csv}, predictions: {path: predictions.csv}, cut_points: %d}]\n", k)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	_, m := modelOf(b, config)
	m.run(b.Context())
	return m
}
