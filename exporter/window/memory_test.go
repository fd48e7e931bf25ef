package window

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
)

// wideColumns builds the profiles of many numeric columns of k cut points each.
func wideColumns(tb testing.TB, columns, k int) (wide []*profile.Column, fields []int) {
	tb.Helper()
	r := rand.New(rand.NewPCG(9, 10))
	var text strings.Builder
	for i := range columns {
		fmt.Fprintf(&text, "c%d,", i)
	}
	text.WriteString("last\n")
	for range 2 * k {
		for range columns {
			fmt.Fprintf(&text, "%.6f,", r.NormFloat64())
		}
		text.WriteString("0.5\n")
	}
	path := filepath.Join(tb.TempDir(), "reference.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	p, err := profile.Build(profile.Options{Path: path, Format: "csv", CutPoints: k, MaxCategories: 10})
	if err != nil {
		tb.Fatal(err)
	}
	for i, c := range p.Live()[:columns] {
		wide = append(wide, c)
		fields = append(fields, i)
	}
	return wide, fields
}

// fill counts values of every column in all open cells of a pane, as many records would.
func fill(s *Set, r *rand.Rand, pane int64, records uint64) {
	d := s.delta(pane)
	d.records += records
	for i := range s.columns {
		c := &s.columns[i]
		mean := uint32(records / uint64(len(c.Points)+1))
		for cell := 0; cell < len(c.Cells); cell += 2 {
			d.counts[c.offset+cell] += mean + r.Uint32N(mean/4+1)
		}
	}
}

// BenchmarkWeek keeps windows of an hour, a day and a week of 200 columns with 1024 cut points each, at 1,000 records a
// second for a week of event time, and reports the memory that the set holds and that the process took for it. The first
// six days come in steps of a pane of the longer windows, which get the same counts from it.
func BenchmarkWeek(b *testing.B) {
	for _, k := range []int{256, 1024} {
		b.Run(fmt.Sprintf("200 columns, K=%d", k), func(b *testing.B) {
			columns, fields := wideColumns(b, 200, k)
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				s := New(columns, fields, []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}, k, false)
				r := rand.New(rand.NewPCG(1, 2))
				const day = 24 * 60
				for minute := 0; minute < 6*day; minute += 24 {
					fill(s, r, int64(minute), 24*60_000)
					s.Advance(int64(minute) * s.pane)
				}
				for minute := 6 * day; minute < 7*day; minute++ {
					fill(s, r, int64(minute), 60_000)
					s.Advance(int64(minute) * s.pane)
				}
				runtime.ReadMemStats(&after)
				peak := after.HeapSys - after.HeapReleased
				runtime.GC()
				runtime.ReadMemStats(&after)
				if s.View(2).Records < 7*day*60_000*9/10 {
					b.Fatalf("the week holds %d records", s.View(2).Records)
				}
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-held")
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(3*len(columns)), "B/column-window")
				b.ReportMetric(float64(peak)/(1<<20), "MiB-heap")
			}
		})
	}
}
