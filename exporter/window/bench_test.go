package window

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// benchmarkRecord draws values as the log of the end-to-end benchmark has them.
func benchmarkRecord(r *rand.Rand) (numbers [10]float64, categories [4]string) {
	round := func(x, to float64) float64 { return math.Round(x*to) / to }
	category := func(prefix string, n int) string { x := r.Float64(); return fmt.Sprint(prefix, int(x*x*float64(n))) }
	score := 1 / (1 + math.Exp(1-1.4*r.NormFloat64()))
	numbers = [...]float64{
		round(math.Exp(r.NormFloat64()+3.5), 100), round(math.Exp(r.NormFloat64()/2+10.8), 100),
		float64(18 + r.IntN(62)), float64(r.IntN(4000)), r.Float64(), r.ExpFloat64() * 3.7,
		round(r.ExpFloat64()*250, 1000), r.NormFloat64(), round(r.ExpFloat64()*9, 10), score,
	}
	categories = [...]string{category("shop", 10), category("C", 20), category("device", 4), strconv.FormatBool(score > 0.5)}
	if r.Float64() < 0.12 {
		numbers[8] = math.NaN()
	}
	return numbers, categories
}

// benchmarkColumns builds the profile of such records.
func benchmarkColumns(tb testing.TB, r *rand.Rand, k int) (columns []*profile.Column, fields []int) {
	tb.Helper()
	var text strings.Builder
	text.WriteString("n0,n1,n2,n3,n4,n5,n6,n7,n8,n9,c0,c1,c2,c3\n")
	for range 20_000 {
		numbers, categories := benchmarkRecord(r)
		for _, x := range numbers {
			if x == x {
				fmt.Fprint(&text, x)
			}
			text.WriteString(",")
		}
		text.WriteString(strings.Join(categories[:], ",") + "\n")
	}
	path := filepath.Join(tb.TempDir(), "reference.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	p, err := profile.Build(profile.Options{Path: path, Format: "csv", CutPoints: k, MaxCategories: 100, Missing: []string{""}})
	if err != nil {
		tb.Fatal(err)
	}
	columns = p.Live()
	for i := range columns {
		fields = append(fields, i)
	}
	return columns, fields
}

// BenchmarkStream counts records as they come from a log, 600 at once, of which 1,400 are in a pane, of two versions.
func BenchmarkStream(b *testing.B) {
	const rows, perPane = 600, 1400
	for _, k := range []int{20, 256, 1024} {
		b.Run(fmt.Sprintf("K=%d", k), func(b *testing.B) {
			r := rand.New(rand.NewPCG(5, 6))
			columns, fields := benchmarkColumns(b, r, k)
			batches := make([]*record.Batch, 50)
			for i := range batches {
				batch := &record.Batch{Rows: rows, Columns: make([]record.Column, len(columns))}
				for range rows {
					numbers, categories := benchmarkRecord(r)
					for i, x := range numbers {
						c := &batch.Columns[i]
						c.Numbers = append(c.Numbers, x)
					}
					for i, text := range categories {
						c := &batch.Columns[len(numbers)+i]
						c.Spans = append(c.Spans, record.Span{Offset: uint32(len(batch.Bytes)), Length: uint32(len(text))})
						batch.Bytes = append(batch.Bytes, text...)
					}
				}
				batches[i] = batch
			}
			// One row in ten is of a second version, which has a set of its own.
			var versions [2][]uint32
			for i := range uint32(rows) {
				v := 0
				if r.IntN(10) == 0 {
					v = 1
				}
				versions[v] = append(versions[v], i)
			}
			var sets [2]*Set
			for v := range sets {
				sets[v] = New(columns, fields, []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}, k, false)
			}
			n := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				pane, left := n/perPane, perPane-n%perPane
				batch := batches[n/rows%int64(len(batches))]
				n += rows
				for v, s := range sets {
					next, _ := slices.BinarySearch(versions[v], uint32(left))
					s.Add(batch, versions[v][:next], pane)
					if next < len(versions[v]) {
						s.Add(batch, versions[v][next:], pane+1)
					}
					s.Advance((n - 1) / perPane * s.pane)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/record")
		})
	}
}
