package exporter

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// bin is what is served of one bin of a column.
type bin struct{ live, reference float64 }

// binsOf returns the served bins of each column, by its role and name.
func binsOf(t *testing.T, e *Exporter) map[string][]bin {
	t.Helper()
	families, err := e.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]bin{}
	for _, f := range families {
		if name := f.GetName(); name != metric.BinValues.Name && name != metric.BinReferenceRatio.Name {
			continue
		}
		for _, m := range f.Metric {
			labels := prometheus.Labels{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			column := "column=" + labels["column"] + " role=" + labels["role"]
			if all[column] == nil {
				all[column] = map[string]bin{}
			}
			b := all[column][labels["bin"]+" "+labels["range"]]
			b.live += m.GetCounter().GetValue()
			b.reference += m.GetGauge().GetValue()
			all[column][labels["bin"]+" "+labels["range"]] = b
		}
	}
	bins := map[string][]bin{}
	for column, of := range all {
		for _, b := range of {
			bins[column] = append(bins[column], b)
		}
	}
	return bins
}

// Where a window holds all that was ever read, the counters of bins and the reference's shares say the same as the
// window does: its number of values, and its scores.
func TestBinsSayWhatTheWindowThatHoldsAllSays(t *testing.T) {
	s := newSite(t, "    windows: [30d]\n")
	var log strings.Builder
	for i := range 400 {
		age, city := strconv.Itoa(30+i%90), []string{"Oslo", "Rome", "Oslo", "Bari"}[i%4]
		if i%25 == 0 {
			age = "null"
		}
		if i%40 == 0 {
			age = `"old"`
		}
		fmt.Fprintf(&log, `{"timestamp":%q,"age":%s,"city":%q,"prediction":"no","score":%.2f}`+"\n",
			start.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), age, city, float64(i%11)/10)
	}
	s.write("predictions.jsonl", log.String())
	e := s.exporter(func() time.Time { return start.Add(24 * time.Hour) })
	if err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, bins := gather(t, e), binsOf(t, e)
	if len(bins) != 4 {
		t.Fatalf("bins of %d columns, want those of age, city, prediction and score", len(bins))
	}
	for column, all := range bins {
		labels := strings.Fields(column)
		var live, reference float64
		rows := 200.0 // of the reference
		p, q := make([]uint64, len(all)), make([]uint64, len(all))
		for i, b := range all {
			live += b.live
			reference += b.reference
			p[i], q[i] = uint64(math.Round(b.reference*rows)), uint64(b.live)
		}
		missing, _ := got.find(metric.MissingRatio, labels...)
		invalid, _ := got.find(metric.InvalidRatio, labels...)
		records, _ := got.find(metric.WindowPredictions)
		if want := records * (1 - missing - invalid); records != 400 || !near(live, want, 1e-12) {
			t.Errorf("%s: the bins hold %g values, the window %g", column, live, want)
		}
		if !near(reference, 1, 1e-12) {
			t.Errorf("%s: the shares of the reference add up to %.17g", column, reference)
		}
		psi, ok := stat.PSI(p, q)
		if served, has := got.find(metric.Score, append(labels, "statistic=psi")...); !ok || !has || !near(psi, served, 1e-9) {
			t.Errorf("%s: the PSI of the bins is %.17g, that of the window %.17g", column, psi, served)
		}
	}
}
