package exporter

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

var labelSets = []struct {
	name, folder string
	regression   bool
}{
	{"flights", "../examples/flights", false},
	{"flights-minutes", "../examples/flights-minutes", true},
	{"bikeshare", "../../shared/data/bikeshare", true},
}

// TestLabelDriftEqualsARecountOfTheLogs counts labels that come late, twice and corrected anew, record by record. What is
// served of them must not depend on which log was read first, and must be the same after a restart.
func TestLabelDriftEqualsARecountOfTheLogs(t *testing.T) {
	for _, set := range labelSets {
		t.Run(set.name, func(t *testing.T) {
			folder := dataFolder(t, set.folder)
			ending := ".jsonl"
			if set.regression {
				ending = ".csv"
			}
			predictions, labels := filepath.Join(folder, "predictions*"+ending), filepath.Join(folder, "labels*"+ending)
			all := readRaw(t, labels)
			more, corrected := corrections(t, all, set.regression)
			config := filepath.Join(t.TempDir(), "config.yaml")
			text := fmt.Sprintf("models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: [{path: %q, timeout: 10y}, {path: %q}], windows: [7d, 28d, 180d], fields: {version: none}}\n",
				filepath.Join(folder, "reference.csv"), predictions, labels, more)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			want := recountLabels(t, set.regression, readRaw(t, filepath.Join(folder, "reference.csv")),
				readRaw(t, predictions), append(all, corrected...))
			if len(want) < 20 {
				t.Fatalf("there are only %d values to compare", len(want))
			}

			first := newLabelled(t, config)
			first.run(t.Context())
			served := first.served()
			wantLabels(t, "predictions first", served, want)

			turned := newLabelled(t, config)
			slices.Reverse(turned.pipelines)
			turned.run(t.Context())
			wantLabels(t, "labels first", turned.served(), want)

			var e state.Encoder
			first.save(&e)
			restored := newLabelled(t, config)
			d := state.NewDecoder(slices.Concat(e.Parts()...))
			if restored.load(d); d.End() != nil {
				t.Fatal(d.End())
			}
			again := restored.served()
			compared := 0
			for key, x := range served {
				if strings.Contains(key, "role=label") {
					compared++
					if y, ok := again[key]; !ok || x != y {
						t.Errorf("%s is %g after a restart (served: %t), and was %g", key, y, ok, x)
					}
				}
			}
			if compared < len(want) {
				t.Errorf("only %d series of labels are served", compared)
			}
		})
	}
}

// labelled is a model in a test.
type labelled struct {
	*model
	t *testing.T
	e *Exporter
}

// newLabelled makes the model of a configuration, without noise floors, which take most of the time.
func newLabelled(t *testing.T, config string) *labelled {
	t.Helper()
	e, m := modelOf(t, config)
	m.dropFloors()
	return &labelled{m, t, e}
}

func (l *labelled) served() served {
	l.t.Helper()
	l.e.store.Publish(l.evaluate(time.Now()), l.e.own())
	return gather(l.t, l.e)
}

// recountLabels returns what is to be served of labels, by metric and its labels from role on.
func recountLabels(t *testing.T, regression bool, reference, predictions, labels []raw) map[string]float64 {
	t.Helper()
	held := stand(t, labels)
	var newest time.Time
	for _, r := range slices.Concat(predictions, labels) {
		newest = later(newest, r.time(t))
	}
	want := make(map[string]float64)
	for _, w := range slicedWindows {
		seen := make(map[string]bool)
		var live []raw
		for _, p := range predictions {
			label, ok := held[p["id"]]
			if !ok || seen[p["id"]] || label.since.Before(begin(newest, w.labelPane, w.numberOfLabels)) {
				continue
			}
			seen[p["id"]] = true
			live = append(live, raw{"label": label.label})
		}
		if len(live) < 30 {
			t.Fatalf("there are only %d labels over %s", len(live), w.name)
		}
		add := func(d metric.Def, name string, x float64, ok bool) {
			if ok {
				want[fmt.Sprintf("%s{role=label,window=%s,%s}", d.Name, w.name, name)] = x
			}
		}
		if regression {
			recountNumbers(t, reference, live, add)
		} else {
			recountClasses(reference, live, add)
		}
	}
	return want
}

type adder func(d metric.Def, name string, x float64, ok bool)

// recountBins adds what is computed of counts of coarse bins or classes.
func recountBins(p, q []uint64, add adder) {
	for _, s := range binScores {
		x, ok := s.f(p, q)
		add(metric.Score, "statistic="+s.name, x, ok)
	}
	test, ok := stat.ChiSquared(p, q)
	add(metric.PValue, "test=chi_squared", test.P, ok)
}

func recountClasses(reference, live []raw, add adder) {
	counts := make(map[string]*[2]uint64)
	for side, rows := range [][]raw{reference, live} {
		for _, r := range rows {
			if counts[r["label"]] == nil {
				counts[r["label"]] = new([2]uint64)
			}
			counts[r["label"]][side]++
		}
	}
	var p, q []uint64
	for _, n := range counts {
		p, q = append(p, n[0]), append(q, n[1])
	}
	recountBins(p, q, add)
	test, ok := stat.ProportionZ(p[0], sum(p), q[0], sum(q))
	add(metric.PValue, "test=z", test.P, ok)
	add(metric.UnseenRatio, "role=label", 0, true)
}

func recountNumbers(t *testing.T, reference, live []raw, add adder) {
	t.Helper()
	sorted := func(rows []raw) []float64 {
		all := make([]float64, len(rows))
		for i, r := range rows {
			all[i] = r.number(t, "label")
		}
		slices.Sort(all)
		return all
	}
	a, b := sorted(reference), sorted(live)
	edges := stat.DecileEdges(a)
	bins := func(values []float64) []uint64 {
		counts := make([]uint64, len(edges)+1)
		for _, x := range values {
			counts[sort.SearchFloat64s(edges, x)]++
		}
		return counts
	}
	recountBins(bins(a), bins(b), add)
	var p, q stat.Moments
	p.Add(a)
	q.Add(b)
	sd, _ := p.StandardDeviation()
	add(metric.Score, "statistic=mean_shift", math.Abs(q.Mean-p.Mean)/sd, true)
	test, ok := stat.WelchZ(p, q)
	add(metric.PValue, "test=z", test.P, ok)
	add(metric.ColumnMean, "role=label", q.Mean, true)
	outside := 0.0
	for _, x := range b {
		if x < a[0] || x > a[len(a)-1] {
			outside++
		}
	}
	add(metric.OutOfRangeRatio, "role=label", outside/float64(len(b)), true)
	// The distance and the area between both cumulative distributions, at every value that occurs.
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
	var ks, area float64
	for i, x := range all {
		below := func(values []float64) float64 {
			return float64(sort.Search(len(values), func(i int) bool { return values[i] > x })) / float64(len(values))
		}
		d := math.Abs(below(a) - below(b))
		ks = max(ks, d)
		if i+1 < len(all) {
			area += d * (all[i+1] - x)
		}
	}
	add(metric.Score, "statistic=ks", ks, true)
	add(metric.Score, "statistic=wasserstein", area/sd, true)
}

func wantLabels(t *testing.T, when string, got served, want map[string]float64) {
	t.Helper()
	for key, y := range want {
		name, labels, _ := strings.Cut(strings.TrimSuffix(key, "}"), "{")
		x, ok := got.find(metric.Def{Name: name}, strings.Split(labels, ",")...)
		if !ok || !near(x, y, 1e-9) {
			t.Errorf("%s: %s is %.17g (served: %t), want %.17g", when, key, x, ok, y)
		}
	}
}

// A class that the reference lacks is unseen, and a later label takes it back.
func TestLabelsOfUnseenClasses(t *testing.T) {
	s := newSite(t, "    labels: {path: \"labels*.jsonl\"}\n    windows: [24h]\n")
	for i := range 40 {
		s.add("predictions.jsonl", prediction(i, ""))
		s.add("labels.jsonl", label(i, []string{"no", "yes", "maybe", "perhaps"}[i%4]))
	}
	got := s.once()
	got.want(t, 0.5, metric.UnseenRatio, "role=label")
	for class, n := range map[string]float64{"no": 10, "yes": 10, "unseen": 20} {
		got.want(t, n, metric.BinValues, "role=label", "range="+class)
	}
	got.want(t, 0.5, metric.Score, "role=label", "statistic=chebyshev")
	if floor, ok := got.find(metric.NoiseFloor, "role=label", "statistic=chebyshev"); !ok || floor <= 0 || floor >= 0.5 {
		t.Errorf("the noise floor is %g (served: %t)", floor, ok)
	}
	// What a label has not yet is not missing.
	for _, d := range []metric.Def{metric.MissingRatio, metric.InvalidRatio} {
		if _, ok := got.find(d, "role=label"); ok {
			t.Errorf("%s is served of labels", d.Name)
		}
	}

	for i := 2; i < 40; i += 4 {
		s.add("labels.jsonl", strings.Replace(label(i, "no"), "T0", "T1", 1))
	}
	got = s.once()
	got.want(t, 0.25, metric.UnseenRatio, "role=label")
	got.want(t, 20, metric.BinValues, "role=label", "range=unseen") // by the label that came first
	got.want(t, 40, metric.WindowLabels)
}

func TestLabelsAreComparedOnlyWithLabels(t *testing.T) {
	for _, c := range []struct {
		name   string
		drop   bool // the reference's labels
		labels int
		want   bool
	}{
		{"enough labels", false, 40, true},
		{"fewer than min_records", false, 29, false},
		{"a reference without labels", true, 40, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "    labels: {path: \"labels*.jsonl\"}\n    windows: [24h]\n    task: classification\n")
			if c.drop {
				lines := strings.Split(strings.TrimSpace(s.read("reference.csv")), "\n")
				for i, line := range lines {
					lines[i] = line[:strings.LastIndex(line, ",")]
				}
				s.write("reference.csv", strings.Join(lines, "\n")+"\n")
			}
			for i := range 60 {
				s.add("predictions.jsonl", prediction(i, ""))
			}
			for i := range c.labels {
				s.add("labels.jsonl", label(i, []string{"no", "yes"}[i%2]))
			}
			if _, ok := s.once().find(metric.Score, "role=label", "column=label", "statistic=psi", "window=24h"); ok != c.want {
				t.Errorf("a score is served: %t, want %t", ok, c.want)
			}
		})
	}
}

// Where a dictionary has no room for all classes of a reference, a class without a code may be one of them.
func TestCellOfAClassWithoutCode(t *testing.T) {
	s := newSite(t, "    labels: {path: \"labels*.jsonl\"}\n")
	b := newLabelled(t, s.path("config.yaml")).general
	full := outcome.NewClasses(1)
	full.Code([]byte("no"))
	for name, c := range map[string]struct {
		classes *outcome.Classes
		want    int
	}{
		"all have one": {outcome.NewClasses(2), b.labelColumn.UnseenCell()},
		"one has none": {full, b.labelColumn.OtherCell()},
	} {
		for _, class := range b.profile.Classes {
			c.classes.Code([]byte(class))
		}
		if got := b.newLabelCounts(c.classes).cell(outcome.Other); got != c.want {
			t.Errorf("%s: other classes are in cell %d, want %d", name, got, c.want)
		}
	}
}
