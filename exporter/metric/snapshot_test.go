package metric

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// text returns what a scrape of a gatherer gets in the text format, without comments.
func text(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(encode(t, families, expfmt.NewFormat(expfmt.TypeTextPlain)))) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func encode(t *testing.T, families []*Family, format expfmt.Format) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := expfmt.NewEncoder(&out, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func value(t *testing.T, g prometheus.Gatherer, series string) string {
	t.Helper()
	for line := range strings.Lines(text(t, g)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "absent"
}

const (
	droppedNotFinite = `drift_exporter_series_dropped_total{reason="not_finite"}`
	droppedInvalid   = `drift_exporter_series_dropped_total{reason="invalid_label"}`
)

func TestSnapshotServesWhatIsFiniteAndCountsTheRest(t *testing.T) {
	store := NewStore(nil)
	s := NewSnapshot()
	s.Add(ErrorRatio, 0.25, "m", "1", "1h")
	s.Add(ErrorRatio, math.NaN(), "m", "1", "24h")
	s.Add(ErrorRatio, math.Inf(1), "m", "1", "7d")
	s.Add(ErrorRatio, math.Inf(-1), "m", "2", "7d")
	s.Add(ErrorRatioLower, math.NaN(), "m", "1", "1h")
	s.Add(ErrorRatioUpper, math.MaxFloat64, "m", "1", "1h")
	store.Publish(s)
	want := `drift_error_ratio{model="m",version="1",window="1h"} 0.25
drift_error_ratio_upper{model="m",version="1",window="1h"} 1.7976931348623157e+308
` + droppedInvalid + " 0\n" + droppedNotFinite + " 4\n"
	if got := text(t, store); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestHistogramsAreServedCumulatively(t *testing.T) {
	store := NewStore(nil)
	s := NewSnapshot()
	s.AddHistogram(LabelDelay, []float64{1, 60}, []uint64{3, 0, 2}, 7e3, "m", "1")
	store.Publish(s)
	want := `drift_label_delay_seconds_bucket{model="m",version="1",le="1"} 3
drift_label_delay_seconds_bucket{model="m",version="1",le="60"} 3
drift_label_delay_seconds_bucket{model="m",version="1",le="+Inf"} 5
drift_label_delay_seconds_sum{model="m",version="1"} 7000
drift_label_delay_seconds_count{model="m",version="1"} 5
`
	if got := text(t, store); !strings.Contains(got, want) {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestDroppedValuesAddUpOverPublications(t *testing.T) {
	store := NewStore(nil)
	for range 3 {
		s, other := NewSnapshot(), NewSnapshot()
		s.Add(WindowEnd, math.NaN(), "m")
		other.Add(WindowEnd, math.NaN(), "n")
		s.Add(WindowDuration, 1, "m", "\xff")
		other.Add(WindowDuration, 2, "m", "\xfe")
		store.Publish(s, other)
	}
	if got := value(t, store, droppedNotFinite); got != "6" {
		t.Errorf("%s values are counted as not finite, want 6", got)
	}
	if got := value(t, store, droppedInvalid); got != "3" {
		t.Errorf("%s values are counted for their labels, want 3", got)
	}
	store.Publish(NewSnapshot())
	if got := value(t, store, droppedNotFinite); got != "6" {
		t.Errorf("after a clean publication %s, want 6: counters do not fall", got)
	}
}

func TestNamesThatAreNotUTF8AreReplacedAndTheFirstOfEqualOnesServed(t *testing.T) {
	store := NewStore(nil)
	s := NewSnapshot()
	s.Add(WindowEnd, 1, "a\xff\xfeb")
	s.Add(WindowEnd, 2, "a\xffb")
	s.Add(WindowEnd, 3, "a\uFFFDb")
	s.Add(WindowEnd, 4, "quote\" backslash\\ newline\n ☃")
	store.Publish(s)
	// A run of invalid bytes is one replacement.
	for series, want := range map[string]string{
		`drift_window_end_timestamp_seconds{model="a�b"}`:                             "1",
		`drift_window_end_timestamp_seconds{model="quote\" backslash\\ newline\n ☃"}`: "4",
		droppedInvalid:   "2",
		droppedNotFinite: "0",
	} {
		if got := value(t, store, series); got != want {
			t.Errorf("%s is %s, want %s in:\n%s", series, got, want, text(t, store))
		}
	}
}

func TestAddPanicsIfLabelsDoNotFit(t *testing.T) {
	defer func() {
		if message := fmt.Sprint(recover()); !strings.HasPrefix(message, "bug: drift_error_ratio has labels") {
			t.Errorf("panicked with %q", message)
		}
	}()
	NewSnapshot().Add(ErrorRatio, 1, "model")
}

func TestNothingIsServedBeforeTheFirstPublication(t *testing.T) {
	if families, err := NewStore(nil).Gather(); len(families) != 0 || err != nil {
		t.Errorf("got %v, %v", families, err)
	}
}

// shuffled returns two snapshots with values of many metrics, in an order that is no order.
func shuffled() []*Snapshot {
	snapshots := []*Snapshot{NewSnapshot(), NewSnapshot()}
	for i := range 60 {
		k := i * 37 % 60
		s := snapshots[i%2]
		s.Add(Score, float64(k), "m", strconv.Itoa(k%3), fmt.Sprintf("column%d", k%5), "feature", "1h", fmt.Sprint("s", k))
		s.Add(Predictions, float64(k), fmt.Sprint("model", k), "1")
		s.Add(WindowDuration, float64(k), fmt.Sprint("model", k), "")
	}
	return snapshots
}

func TestGatheredOutputIsSortedAndSteady(t *testing.T) {
	store := NewStore(nil)
	store.Publish(shuffled()...)
	first := text(t, store)
	families, err := store.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range families {
		if i > 0 && f.GetName() <= families[i-1].GetName() {
			t.Errorf("%s comes after %s", f.GetName(), families[i-1].GetName())
		}
		for _, m := range f.GetMetric() {
			if !slices.IsSortedFunc(m.GetLabel(), func(a, b *dto.LabelPair) int {
				return strings.Compare(a.GetName(), b.GetName())
			}) {
				t.Errorf("%s: labels are not sorted: %v", f.GetName(), m.GetLabel())
			}
		}
	}
	reversed := shuffled()
	slices.Reverse(reversed)
	store.Publish(reversed...)
	if second := text(t, store); second != first {
		t.Errorf("another order of snapshots gives another exposition:\n%s\n%s", first, second)
	}
}

func TestExpositionIsLegalInEveryFormat(t *testing.T) {
	store := NewStore(nil)
	store.Publish(append(shuffled(), example())...)
	// Gatherers checks the consistency of what it merges: duplicates, types, label names, UTF-8.
	families, err := prometheus.Gatherers{store}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	want := encode(t, families, expfmt.NewFormat(expfmt.TypeTextPlain))
	textParser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := textParser.TextToMetricFamilies(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	var again []*Family
	for _, f := range parsed {
		again = append(again, f)
	}
	sortFamilies(again)
	if got := encode(t, again, expfmt.NewFormat(expfmt.TypeTextPlain)); !bytes.Equal(got, want) {
		t.Errorf("parsed and written again:\n%s\nwant:\n%s", got, want)
	}
	checkOpenMetrics(t, string(encode(t, families, expfmt.NewFormat(expfmt.TypeOpenMetrics))), families)
}

// checkOpenMetrics checks what OpenMetrics has other than the text format: names of counters, and the end.
func checkOpenMetrics(t *testing.T, exposition string, families []*Family) {
	t.Helper()
	if !strings.HasSuffix(exposition, "\n# EOF\n") {
		t.Error("the OpenMetrics exposition does not end with # EOF")
	}
	for _, f := range families {
		name, kind := f.GetName(), strings.ToLower(f.GetType().String())
		if f.GetType() == dto.MetricType_COUNTER {
			name = strings.TrimSuffix(name, "_total")
		}
		if line := "\n# TYPE " + name + " " + kind + "\n"; strings.Count("\n"+exposition, line) != 1 {
			t.Errorf("the OpenMetrics exposition does not have one line %q", line)
		}
		lines, series := 0, f.GetName()
		if f.GetType() == dto.MetricType_HISTOGRAM {
			series += "_count"
		}
		for line := range strings.Lines(exposition) {
			if strings.HasPrefix(line, series+"{") || strings.HasPrefix(line, series+" ") {
				lines++
			}
		}
		if lines != len(f.GetMetric()) {
			t.Errorf("%s has %d lines in OpenMetrics for %d series", f.GetName(), lines, len(f.GetMetric()))
		}
	}
}

func TestStoreServesTheBaseAsItIsAtTheScrape(t *testing.T) {
	base := prometheus.NewPedanticRegistry()
	first := prometheus.NewGauge(prometheus.GaugeOpts{Name: "a_value", Help: "First."})
	last := prometheus.NewCounter(prometheus.CounterOpts{Name: "z_total", Help: "Last."})
	base.MustRegister(first, last)
	store := NewStore(base)
	if got, want := text(t, store), "a_value 0\nz_total 0\n"; got != want {
		t.Errorf("before the first publication: %q, want %q", got, want)
	}
	s := NewSnapshot()
	s.Add(WindowEnd, 5, "m")
	store.Publish(s)
	last.Add(2)
	want := "a_value 0\n" + droppedInvalid + " 0\n" + droppedNotFinite + " 0\n" +
		"drift_window_end_timestamp_seconds{model=\"m\"} 5\nz_total 2\n"
	for range 2 { // A scrape changes nothing.
		if got := text(t, store); got != want {
			t.Errorf("got:\n%swant:\n%s", got, want)
		}
	}
	if _, err := (prometheus.Gatherers{store}).Gather(); err != nil {
		t.Error(err)
	}
}

func TestStoreServesItsOwnMetricsThoughTheBaseFails(t *testing.T) {
	broken := errors.New("broken")
	store := NewStore(prometheus.GathererFunc(func() ([]*Family, error) { return nil, broken }))
	store.Publish(example())
	families, err := store.Gather()
	if !errors.Is(err, broken) {
		t.Errorf("error is %v, want that of the base", err)
	}
	if len(families) != len(Catalogue) {
		t.Errorf("%d families, want %d", len(families), len(Catalogue))
	}
}

// TestScrapesSeeOnePublication scrapes while others are published: every scrape holds values of one publication only.
func TestScrapesSeeOnePublication(t *testing.T) {
	store := NewStore(nil)
	publish := func(i int) {
		s := NewSnapshot()
		s.Add(WindowEnd, float64(i), "m")
		s.Add(EvaluationInterval, float64(i))
		s.Add(Predictions, float64(i), "m", "1")
		store.Publish(s)
	}
	publish(0)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				families, err := store.Gather()
				if err != nil {
					t.Error(err)
					return
				}
				values := make(map[float64]bool)
				for _, f := range families {
					if f.GetName() != SeriesDropped.Name {
						m := f.GetMetric()[0]
						values[m.GetGauge().GetValue()+m.GetCounter().GetValue()] = true
					}
				}
				if len(values) != 1 {
					t.Errorf("a scrape mixes the publications %v", values)
					return
				}
			}
		})
	}
	for i := range 200 {
		publish(i)
	}
	group.Wait()
}

func BenchmarkPublishAndGather(b *testing.B) {
	store := NewStore(prometheus.NewRegistry())
	statistics := []string{"psi", "jensen_shannon", "hellinger", "total_variation", "ks"}
	columns := make([]string, 1000)
	for i := range columns {
		columns[i] = fmt.Sprint("column", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		s := NewSnapshot()
		for i, column := range columns {
			for k, statistic := range statistics {
				s.Add(Score, float64(i*k), "churn", "1", column, "feature", "24h", statistic)
				s.Add(NoiseFloor, float64(i*k), "churn", "1", column, "feature", "24h", statistic)
			}
		}
		store.Publish(s)
		if families, err := store.Gather(); err != nil || len(families) != 3 {
			b.Fatal(len(families), err)
		}
	}
}

func TestSamplesAreSortedByTheirLabels(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{0, 1, 2, 500} {
		for labels := range 4 {
			all := make([]sample, n)
			for i := range all {
				for range labels {
					all[i].labels = append(all[i].labels, strings.Repeat("ab", r.IntN(4))+string(rune('a'+r.IntN(3))))
				}
			}
			got := sortedByLabels(all, labels)
			want := make([]int, n)
			for i := range want {
				want[i] = i
			}
			slices.SortStableFunc(want, func(a, b int) int { return slices.Compare(all[a].labels, all[b].labels) })
			if !slices.Equal(got, want) {
				t.Errorf("%d samples of %d labels are sorted as %d, want %d", n, labels, got, want)
			}
		}
	}
}
