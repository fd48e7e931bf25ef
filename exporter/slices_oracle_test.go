package exporter

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// The tests of this file count the raw logs of public data sets anew, record by record, with nothing of the exporter but
// the names of its metrics, and want the same numbers.

// slicedSets are data sets with what they are divided by. Edges are given, so that intervals are known beforehand.
var slicedSets = []struct {
	name, folder, by string
	edges            map[string][]float64
	tolerance        float64 // of a regression; 0 for a classification
	limit            int
	// want has numbers of values that must have turned up, lest all records fall into few of them.
	want map[string]int
}{
	{
		"flights", "../examples/flights", "[origin, weekday, [origin, weekday], recent_delay_origin, [recent_delay_origin, weekday], prediction]",
		map[string][]float64{"recent_delay_origin": {-5, 0, 7.5}},
		0, 9,
		map[string]int{"missing": 2, "other": 2},
	},
	{
		"flights-control", "../../shared/data/flights-control", "[[hour, destination], destination]",
		map[string][]float64{"hour": {5, 11, 17}},
		0, 1000,
		map[string]int{"unseen": 2},
	},
	{
		"elec2", "../../shared/data/elec2", "[weekday, [weekday, nswprice], score]",
		map[string][]float64{"nswprice": {0.03, 0.05, 0.1}, "score": {0.1, 0.5, 0.9}},
		0, 4,
		map[string]int{"other": 2},
	},
	{
		"bikeshare", "../../shared/data/bikeshare", "[weather, [season, weather], hour]",
		map[string][]float64{"hour": {6, 12, 18}},
		25, 5,
		map[string]int{"other": 1},
	},
	{
		"taxis", "../../shared/data/taxis", "[pickup_zone, [pickup_borough, payment], [payment, color]]", nil, 2.5, 40,
		map[string]int{"other": 1, "unseen": 1, "missing": 1},
	},
}

// raw is a record of a log or a row of a reference, as text; what is missing is not in it.
type raw map[string]string

// readRaw reads the files of a pattern in the order of their names, without a library of the project.
func readRaw(t *testing.T, pattern string) []raw {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all []raw
	for _, file := range files {
		all = append(all, readRawFile(t, file)...)
	}
	return all
}

// readRawFile reads CSV or JSON Lines.
func readRawFile(t *testing.T, path string) []raw {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []raw
	if strings.HasSuffix(path, ".csv") {
		lines, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines[1:] {
			r := raw{}
			for i, value := range line {
				if value != "" {
					r[lines[0][i]] = value
				}
			}
			all = append(all, r)
		}
		return all
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var fields, features map[string]any
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.UseNumber()
		if err := decoder.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		features, _ = fields["features"].(map[string]any)
		delete(fields, "features")
		r := raw{}
		for name, value := range fields {
			r[name] = fmt.Sprint(value)
		}
		for name, value := range features {
			if value != nil {
				r[name] = fmt.Sprint(value)
			}
		}
		all = append(all, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func (r raw) number(t *testing.T, name string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(r[name], 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (r raw) time(t *testing.T) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, r["timestamp"])
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// recount counts a data set anew.
type recount struct {
	t         *testing.T
	reference []raw
	edges     map[string][]float64
	limit     int
}

// value is the interval or the category of a record; ok is false if there is none.
func (c *recount) value(r raw, column string) (value string, ok bool) {
	if r[column] == "" || c.edges[column] == nil {
		return r[column], r[column] != ""
	}
	x, from := r.number(c.t, column), "(-Inf"
	for _, edge := range c.edges[column] {
		to := strconv.FormatFloat(edge, 'g', -1, 64)
		if x <= edge {
			return from + "," + to + "]", true
		}
		from = "(" + to
	}
	return from + ",+Inf)", true
}

// frequency is a value, or a pair of values, of the reference.
type frequency struct {
	value string
	count float64
	place float64 // of an interval on the number line
}

// frequencies counts the reference's values, the most frequent first.
func (c *recount) frequencies(column string) []frequency {
	counts := map[string]frequency{}
	for _, r := range c.reference {
		if value, ok := c.value(r, column); ok {
			f := counts[value]
			f.value = value
			f.count++
			if c.edges[column] != nil {
				f.place = r.number(c.t, column)
			}
			counts[value] = f
		}
	}
	return slices.SortedFunc(maps.Values(counts), func(a, b frequency) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.place, b.place), cmp.Compare(a.value, b.value))
	})
}

// sliceOf returns the function from records to values of a slice.
func (c *recount) sliceOf(by []string) func(raw) string {
	first := c.frequencies(by[0])
	served := first
	known := []map[string]bool{{}, {}}
	for _, f := range first {
		known[0][f.value] = true
	}
	if len(by) == 2 {
		second := c.frequencies(by[1])
		for _, f := range second {
			known[1][f.value] = true
		}
		served = nil
		for _, a := range first {
			for _, b := range second {
				served = append(served, frequency{value: a.value + "," + b.value, count: a.count * b.count})
			}
		}
		slices.SortStableFunc(served, func(a, b frequency) int { return cmp.Compare(b.count, a.count) })
	}
	apart := map[string]bool{}
	for _, f := range served[:min(len(served), c.limit)] {
		apart[f.value] = true
	}
	return func(r raw) string {
		var values []string
		unseen := false
		for i, column := range by {
			value, ok := c.value(r, column)
			if !ok {
				return "missing"
			}
			unseen = unseen || !known[i][value]
			values = append(values, value)
		}
		value := strings.Join(values, ",")
		switch {
		case unseen:
			return "unseen"
		case !apart[value]:
			return "other"
		}
		return value
	}
}

// corrections writes a log of labels that correct every seventh of another one, a day later, and some of them twice.
func corrections(t *testing.T, labels []raw, regression bool) (path string, all []raw) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "corrections.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other := map[string]string{}
	for _, l := range labels {
		if l["label"] != labels[0]["label"] {
			other[labels[0]["label"]], other[l["label"]] = l["label"], labels[0]["label"]
		}
	}
	for i, l := range labels {
		if i%7 != 0 {
			continue
		}
		label := other[l["label"]]
		if regression {
			label = strconv.FormatFloat(l.number(t, "label")+30, 'g', -1, 64)
		}
		for k := range 1 + i%2 {
			// The second time the label repeats what holds, and only then another one comes.
			at := l.time(t).Add(time.Duration(k+1) * 24 * time.Hour)
			text := strconv.Quote(label)
			if regression {
				text = label
			}
			r := raw{"id": l["id"], "timestamp": at.Format(time.RFC3339Nano), "label": label}
			fmt.Fprintf(f, `{"id":%q,"timestamp":%q,"label":%s}`+"\n", r["id"], r["timestamp"], text)
			all = append(all, r)
		}
	}
	return path, all
}

// standing is the label of an id that holds, with the time at which it came first.
type standing struct {
	label         string
	since, newest time.Time
}

// stand goes through labels in the order in which they are read.
func stand(t *testing.T, labels []raw) map[string]standing {
	t.Helper()
	all := map[string]standing{}
	for _, l := range labels {
		at := l.time(t)
		before, known := all[l["id"]]
		switch {
		case !known || !at.Before(before.newest) && l["label"] != before.label:
			all[l["id"]] = standing{l["label"], at, at}
		case !at.Before(before.newest):
			before.newest = at
			all[l["id"]] = before
		}
	}
	return all
}

// slicedWindows are such that panes of predictions are two, eight and forty-eight hours long and those of labels 2.8, 11.2
// and 72.
var slicedWindows = []struct {
	name                  string
	pane, labelPane       time.Duration
	panes, numberOfLabels int64
}{
	{"7d", 168 * time.Minute, 168 * time.Minute, 60, 60},
	{"28d", 672 * time.Minute, 672 * time.Minute, 60, 60},
	{"180d", 4032 * time.Minute, 72 * time.Hour, 65, 60},
}

// begin is the time at which a window begins that ends in the pane of the newest time.
func begin(newest time.Time, pane time.Duration, panes int64) time.Time {
	number := newest.UnixNano()/int64(pane) + 1 - panes
	return time.Unix(0, number*int64(pane))
}

// slicesServed are the series of slices, as TestSlicesEqualARecountOfTheLogs wants them.
type slicesServed map[string]float64

func (s slicesServed) add(d metric.Def, column, value, window string, by float64) {
	s[fmt.Sprintf("%s{column=%s,model=m,value=%s,version=,window=%s}", d.Name, column, value, window)] += by
}

func TestSlicesEqualARecountOfTheLogs(t *testing.T) {
	for _, set := range slicedSets {
		t.Run(set.name, func(t *testing.T) {
			folder := dataFolder(t, set.folder)
			find := func(name string) string {
				found, _ := filepath.Glob(filepath.Join(folder, name+"*"))
				if len(found) == 0 {
					t.Fatalf("there is no file %s", name)
				}
				return filepath.Join(folder, name+"*"+filepath.Ext(found[0]))
			}
			labels := readRaw(t, find("labels"))
			more, corrected := corrections(t, labels, set.tolerance > 0)
			var tolerance string
			var columns strings.Builder
			for column, edges := range set.edges {
				text, _ := json.Marshal(edges)
				fmt.Fprintf(&columns, "%s: {edges: %s}, ", column, text)
			}
			if set.tolerance > 0 {
				tolerance = fmt.Sprintf(", error_tolerance: %g", set.tolerance)
			}
			got, _ := runOnce(t, fmt.Sprintf(
				"models:\n- {name: m, reference: {path: %q}, predictions: {path: %q}, labels: [{path: %q, timeout: 10y}, {path: %q}], windows: [7d, 28d, 180d], fields: {version: none}, columns: {%s}, slices: %s, max_slice_values: %d%s}\n",
				filepath.Join(folder, "reference.csv"), find("predictions"), find("labels"), more, columns.String(), set.by, set.limit, tolerance), false)

			c := &recount{t: t, reference: readRaw(t, find("reference")), edges: set.edges, limit: set.limit}
			want := c.all(readRaw(t, find("predictions")), append(labels, corrected...), set.by, set.tolerance)
			compareSlices(t, got, want)
			for value, atLeast := range set.want {
				found := 0
				for key := range want {
					if strings.HasPrefix(key, metric.SliceErrorRatio.Name+"{") && strings.Contains(key, ",value="+value+",") {
						found++
					}
				}
				if found < atLeast {
					t.Errorf("%d error ratios are of the value %s, want at least %d", found, value, atLeast)
				}
			}
		})
	}
}

// all returns what is to be served.
func (c *recount) all(predictions, labels []raw, by string, tolerance float64) slicesServed {
	held := stand(c.t, labels)
	var newest, newestLabel time.Time
	for _, p := range predictions {
		newest = later(newest, p.time(c.t))
	}
	for _, l := range labels {
		newestLabel = later(newestLabel, l.time(c.t))
	}
	newestLabel = later(newestLabel, newest)
	errors := slicesServed{}
	served := slicesServed{}
	for _, columns := range parseSlices(by) {
		name, valueOf, seen := strings.Join(columns, ","), c.sliceOf(columns), map[string]bool{}
		for _, p := range predictions {
			if p["id"] != "" && seen[p["id"]] {
				continue
			}
			seen[p["id"]] = true
			value := valueOf(p)
			label, labelled := held[p["id"]]
			for _, w := range slicedWindows {
				if !p.time(c.t).Before(begin(newest, w.pane, w.panes)) {
					served.add(metric.SlicePredictions, name, value, w.name, 1)
				}
				if !labelled || label.since.Before(begin(newestLabel, w.labelPane, w.numberOfLabels)) {
					continue
				}
				served.add(metric.SliceLabels, name, value, w.name, 1)
				wrong := p["prediction"] != label.label
				if tolerance > 0 {
					wrong = math.Abs(p.number(c.t, "prediction")-raw{"label": label.label}.number(c.t, "label")) > tolerance
				}
				if wrong {
					errors.add(metric.SliceLabels, name, value, w.name, 1)
				}
			}
		}
	}
	for key, n := range maps.Clone(served) {
		if name, rest, _ := strings.Cut(key, "{"); name == metric.SliceLabels.Name && n >= 30 {
			ratio := errors[key] / n
			served[metric.SliceErrorRatio.Name+"{"+rest] = ratio
			// The roots of (ratio - x)² = z² x (1 - x) / n are the ends of Wilson's interval.
			const z = 1.959963984540054
			a, b, c := 1+z*z/n, -2*ratio-z*z/n, ratio*ratio
			root := math.Sqrt(max(b*b-4*a*c, 0))
			served[metric.SliceErrorRatioLower.Name+"{"+rest] = (-b - root) / (2 * a)
			served[metric.SliceErrorRatioUpper.Name+"{"+rest] = (-b + root) / (2 * a)
		}
	}
	return served
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// parseSlices reads a list such as [a, [a, b]].
func parseSlices(text string) [][]string {
	var all [][]string
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	for text != "" {
		var item string
		if rest, ok := strings.CutPrefix(text, "["); ok {
			item, text, _ = strings.Cut(rest, "]")
		} else {
			item, text, _ = strings.Cut(text, ",")
			text = "," + text
		}
		all = append(all, strings.Split(item, ", "))
		text = strings.TrimLeft(text, ", ")
	}
	return all
}

// compareSlices wants exactly these series; the ends of intervals may differ in their last digits.
func compareSlices(t *testing.T, got served, want slicesServed) {
	t.Helper()
	found := 0
	for key, x := range got {
		if !strings.HasPrefix(key, "drift_slice_") || strings.HasPrefix(key, metric.SliceOtherValues.Name) {
			continue
		}
		found++
		y, ok := want[key]
		bound := strings.Contains(key, "_lower{") || strings.Contains(key, "_upper{")
		if !ok || x != y && (!bound || math.Abs(x-y) > 1e-9) {
			t.Errorf("%s is %.17g, want %.17g (present: %t)", key, x, y, ok)
		}
	}
	if found != len(want) || found < 50 {
		t.Errorf("%d series of slices are served, want %d", found, len(want))
	}
	for key := range want {
		if _, ok := got[key]; !ok {
			t.Errorf("%s is absent", key)
		}
	}
}
