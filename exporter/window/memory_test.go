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
	"unsafe"

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
		for cell := range len(c.Points) + 1 {
			d.counts[c.open+cell] += mean + r.Uint32N(mean/4+1)
		}
	}
}

// held returns the bytes that a set keeps for its counts: the sums of its windows, their panes, and those that are open.
func (s *Set) held() int {
	const sumsSize = int(unsafe.Sizeof(sums{}))
	n := 8 * cap(s.shown)
	for _, d := range s.open {
		n += 4*cap(d.counts) + sumsSize*cap(d.sums)
	}
	for _, l := range s.levels {
		n += 8*(cap(l.total)+cap(l.previous)+cap(l.lifetime)) + 4*cap(l.building.counts) + cap(l.buf) + sumsSize*cap(l.building.sums)
		for i := range l.sealed {
			n += len(l.sealed[i].cells) + sumsSize*cap(l.sealed[i].sums)
		}
	}
	return n
}

// The memory of a column in a window depends on the cut points and on nothing else: not on how many records there were,
// but for the bytes that their counts take. It is told exactly, so that a change of it is a decision.
func TestMemoryOfAColumnInAWindow(t *testing.T) {
	for _, c := range []struct {
		k     int
		bytes int // with a thousand records a minute
		more  int // with a hundred thousand
	}{
		{256, 35_829, 56_473},
		{1024, 64_724, 149_922},
	} {
		columns, fields := wideColumns(t, 2, c.k)
		for _, per := range []struct {
			records uint64
			want    int
		}{{1_000, c.bytes}, {100_000, c.more}} {
			windows := []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
			s := New(columns, fields, windows, c.k, false)
			r := rand.New(rand.NewPCG(1, 2))
			fillWeek(s, r, per.records)
			if got := s.held() / (len(columns) * len(windows)); got != per.want {
				t.Errorf("K=%d, %d records a minute: %d bytes for a column in a window, want %d", c.k, per.records, got, per.want)
			}
		}
	}
}

// fillWeek counts so many records a minute for a week of event time. The first six days come in steps of a pane of the
// longer windows, which get the same counts from it.
func fillWeek(s *Set, r *rand.Rand, records uint64) {
	const day = 24 * 60
	for minute := int64(0); minute < 6*day; minute += 24 {
		fill(s, r, minute, 24*records)
		s.Advance(minute * s.pane)
	}
	for minute := int64(6 * day); minute < 7*day; minute++ {
		fill(s, r, minute, records)
		s.Advance(minute * s.pane)
	}
}

// BenchmarkWeek keeps windows of an hour, a day and a week of 200 columns with 1024 cut points each, at 1,000 records a
// second for a week of event time, and reports the memory that the set holds and that the process took for it.
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
				fillWeek(s, r, 60_000)
				runtime.ReadMemStats(&after)
				peak := after.HeapSys - after.HeapReleased
				runtime.GC()
				runtime.ReadMemStats(&after)
				if s.View(2).Records < 7*24*60*60_000*9/10 {
					b.Fatalf("the week holds %d records", s.View(2).Records)
				}
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-held")
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(3*len(columns)), "B/column-window")
				b.ReportMetric(float64(peak)/(1<<20), "MiB-heap")
			}
		})
	}
}
