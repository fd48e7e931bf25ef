package exporter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// share is what a version gets of a site's log: so many predictions one minute after the other from a minute on, of
// which the first ones are labelled and the first of these are wrong.
type share struct {
	version                string
	from                   int
	total, labelled, wrong int
}

// serve writes a log in which versions serve and one of their labels.
func (s *site) serve(shares ...share) {
	s.t.Helper()
	for _, v := range shares {
		for i := range v.total {
			at := start.Add(time.Duration(v.from+i) * time.Minute)
			s.add("predictions.jsonl", fmt.Sprintf(
				`{"id":"%s-%d","timestamp":%q,"model_version":%q,"features":{"age":30,"city":"Rome"},"prediction":"no"}`+"\n",
				v.version, v.from+i, at.Format(time.RFC3339), v.version))
			if i < v.labelled {
				truth := "no"
				if i < v.wrong {
					truth = "yes"
				}
				s.add("labels.jsonl", fmt.Sprintf(
					`{"id":"%s-%d","timestamp":%q,"label":%q}`+"\n", v.version, v.from+i, at.Format(time.RFC3339), truth))
			}
		}
	}
}

// count returns the number of series of a metric.
func (s served) count(d metric.Def) int {
	n := 0
	for key := range s {
		if strings.HasPrefix(key, d.Name+"{") {
			n++
		}
	}
	return n
}

// wantDifference holds what is served of two versions in a window of a day against their errors.
func (s served) wantDifference(t *testing.T, champion, version share) {
	t.Helper()
	x1, n1 := uint64(champion.wrong), uint64(champion.labelled)
	x2, n2 := uint64(version.wrong), uint64(version.labelled)
	difference, ok := stat.ProportionDifference(x1, n1, x2, n2)
	test, tested := stat.ProportionZ(x1, n1, x2, n2)
	if !ok || !tested {
		t.Fatal("there is nothing to compare")
	}
	labels := []string{"version=" + version.version, "champion=" + champion.version, "window=24h"}
	s.want(t, difference.Value, metric.VersionDifference, labels...)
	s.want(t, difference.Lower, metric.VersionDifferenceLower, labels...)
	s.want(t, difference.Upper, metric.VersionDifferenceUpper, labels...)
	s.want(t, test.P, metric.VersionPValue, labels...)
}

func TestVersionsAreComparedWithTheChampion(t *testing.T) {
	first := share{version: "v1", total: 100, labelled: 100, wrong: 10}
	second := share{version: "v2", total: 60, labelled: 50, wrong: 20}
	third := share{version: "v3", total: 40, labelled: 40, wrong: 0}
	type pair struct{ champion, version share }
	for _, c := range []struct {
		name, champion string
		shares         []share
		want           []pair
	}{
		{"a single version", "", []share{first}, nil},
		{"two versions", "", []share{first, second}, []pair{{first, second}}},
		{"the second one is the champion", "v2", []share{first, second}, []pair{{second, first}}},
		{"three versions", "", []share{first, second, third}, []pair{{first, second}, {first, third}}},
		{
			"three versions and the last one is the champion", "v3",
			[]share{first, second, third},
			[]pair{{third, first}, {third, second}},
		},
		{"a champion that is not there", "v4", []share{first, second}, nil},
		{"a version without labels", "", []share{first, second, {version: "v4", total: 50}}, []pair{{first, second}}},
		{
			"the version seen first has no labels", "",
			[]share{{version: "v0", total: 50}, second, first},
			[]pair{{second, first}},
		},
		{
			"the version seen first has one label too few", "",
			[]share{{version: "v0", total: 50, labelled: 29, wrong: 29}, second, first},
			[]pair{{second, first}},
		},
		{
			"the champion has one label too few", "v0",
			[]share{{version: "v0", total: 50, labelled: 29, wrong: 29}, second, first},
			nil,
		},
		{
			"no errors at all", "",
			[]share{third, {version: "v4", total: 30, labelled: 30}},
			[]pair{{third, share{version: "v4", labelled: 30}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			more := "    labels: {path: labels.jsonl}\n    windows: [24h]\n"
			if c.champion != "" {
				more += "    champion: " + c.champion + "\n"
			}
			s := newSite(t, more)
			s.serve(c.shares...)
			got := s.once()
			for _, p := range c.want {
				got.wantDifference(t, p.champion, p.version)
			}
			for _, d := range []metric.Def{
				metric.VersionDifference, metric.VersionDifferenceLower, metric.VersionDifferenceUpper, metric.VersionPValue,
			} {
				if n := got.count(d); n != len(c.want) {
					t.Errorf("%s has %d series, want %d", d.Name, n, len(c.want))
				}
			}
		})
	}
}

func TestAVersionIsComparedWhileItsLabelsAreInTheWindow(t *testing.T) {
	s := newSite(t, "    labels: {path: labels.jsonl}\n    windows: [1h, 24h]\n")
	old := share{version: "v1", total: 60, labelled: 60, wrong: 30}
	recent := share{version: "v2", from: 30, total: 60, labelled: 60, wrong: 6}
	s.serve(old, recent)
	got := s.once()
	got.wantDifference(t, old, recent)
	// Half of v1 is left of the last hour, and none of it was wrong.
	got.want(t, 0.1, metric.VersionDifference, "version=v2", "champion=v1", "window=1h")

	s.serve(share{version: "v2", from: 90, total: 60, labelled: 60})
	got = s.once()
	if _, ok := got.find(metric.VersionDifference, "window=1h"); ok {
		t.Error("versions are compared in an hour in which the champion had no labels")
	}
	recent.labelled += 60
	got.wantDifference(t, old, recent)
}

func TestRegressionsAreComparedAtOneTolerance(t *testing.T) {
	for _, c := range []struct {
		name, more string
		want       int
	}{
		{"one reference", "", 1},
		{"two references that lead to two tolerances", "    references: {v2: {path: reference-2.csv}}\n", 0},
		{"one tolerance for both", "    references: {v2: {path: reference-2.csv}}\n    error_tolerance: 2.5\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, "    labels: {path: labels.jsonl}\n    windows: [24h]\n    task: regression\n"+c.more)
			for i, name := range []string{"reference.csv", "reference-2.csv"} {
				var text strings.Builder
				text.WriteString("age,prediction,label\n")
				for k := range 50 {
					fmt.Fprintf(&text, "%d,%d.5,%d\n", k, k+i, k)
				}
				s.write(name, text.String())
			}
			for i := range 80 {
				at := start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
				s.add("predictions.jsonl", fmt.Sprintf(
					`{"id":"%d","timestamp":%q,"model_version":"v%d","features":{"age":30},"prediction":%d}`+"\n", i, at, 1+i%2, i))
				s.add("labels.jsonl", fmt.Sprintf(`{"id":"%d","timestamp":%q,"label":%d}`+"\n", i, at, i+i%2*4*(i/2%2)))
			}
			got := s.once()
			if n := got.count(metric.VersionDifference); n != c.want {
				t.Fatalf("%d differences are served, want %d", n, c.want)
			}
			if c.want > 0 {
				// Every other label of v2 is 4 off.
				got.want(t, 0.5, metric.VersionDifference, "version=v2", "champion=v1", "window=24h")
			}
		})
	}
}
