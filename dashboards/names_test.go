package dashboards

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/metric/query"
	"github.com/drift-exporter/drift_exporter/rules"
)

// rule is what the tests look at of a rule.
type rule struct {
	Record string            `yaml:"record"`
	Alert  string            `yaml:"alert"`
	Labels map[string]string `yaml:"labels"`
}

// shippedRules returns the rules that the dashboards show.
func shippedRules(t *testing.T) []rule {
	t.Helper()
	names, err := fs.Glob(rules.Files(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, name := range names {
		content, err := fs.ReadFile(rules.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Groups []struct {
				Rules []rule `yaml:"rules"`
			} `yaml:"groups"`
		}
		if err := yaml.Unmarshal(content, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, g := range file.Groups {
			all = append(all, g.Rules...)
		}
	}
	return all
}

// series returns the labels of every series that expressions may use, by metric name.
func series(t *testing.T) map[string][]string {
	t.Helper()
	scraped := []string{"job", "instance"}
	known := map[string][]string{}
	// What Prometheus itself says of a scrape, and what every process in Go serves.
	for _, name := range []string{
		"up", "scrape_duration_seconds", "scrape_samples_scraped",
		"process_resident_memory_bytes", "process_cpu_seconds_total", "go_memstats_heap_inuse_bytes",
	} {
		known[name] = scraped
	}
	all := slices.Concat(scraped, []string{"severity", "action", "le"})
	for _, def := range metric.Catalogue {
		known[def.Name] = slices.Concat(def.Labels, scraped)
		if def.Type == metric.Histogram {
			delete(known, def.Name)
			known[def.Name+"_bucket"] = slices.Concat(def.Labels, scraped, []string{"le"})
		}
		all = append(all, def.Labels...)
	}
	for _, r := range shippedRules(t) {
		if r.Record != "" {
			known[r.Record] = all
		}
	}
	known["ALERTS_FOR_STATE"] = slices.Concat(all, []string{"alertname"})
	known["ALERTS"] = slices.Concat(all, []string{"alertname", "alertstate"})
	known[query.AnyMetric] = known["ALERTS"]
	return known
}

// filler gives variables a value that an expression can be read with.
var filler = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h")

// names matches a selector that names several metrics.
var names = regexp.MustCompile(`^\{__name__=~"([\w|]+)", `)

// unknown returns what an expression names that is not there.
func unknown(expr string, known map[string][]string) []string {
	if several := names.FindStringSubmatch(expr); several != nil {
		var problems []string
		for name := range strings.SplitSeq(several[1], "|") {
			problems = append(problems, unknown(name+"{"+strings.TrimPrefix(expr, several[0]), known)...)
		}
		return problems
	}
	uses, err := query.Scan(filler.Replace(expr))
	if err != nil {
		return []string{err.Error()}
	}
	return query.Unknown(uses, known)
}

// labelOf matches what lists the values of a label.
var labelOf = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// expressions returns every expression of a dashboard by where it stands.
func expressions(d *dashboard) map[string]string {
	all := map[string]string{}
	for _, p := range d.queries() {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = target.Expr
		}
	}
	for _, a := range d.Annotations.List {
		if a.BuiltIn == 0 {
			all["annotations"] = a.Expr
		}
	}
	for _, v := range d.Templating.List {
		if match := labelOf.FindStringSubmatch(v.query()); match != nil {
			all["variable "+v.Name] = match[1]
		} else if of, ok := strings.CutPrefix(v.query(), "query_result("); ok {
			all["variable "+v.Name] = strings.TrimSuffix(of, ")")
		}
	}
	return all
}

func TestExpressionsUseWhatExists(t *testing.T) {
	known := series(t)
	for name, d := range shipped(t) {
		found := expressions(d)
		if len(found) < 20 {
			t.Errorf("%s: only %d expressions were found", name, len(found))
		}
		for where, expr := range found {
			for _, problem := range unknown(expr, known) {
				t.Errorf("%s: %s: %s", name, where, problem)
			}
		}
		for _, v := range d.Templating.List {
			if match := labelOf.FindStringSubmatch(v.query()); match != nil && match[2] != v.Name {
				t.Errorf("%s: the variable %s lists the values of %s", name, v.Name, match[2])
			}
		}
	}
}

func TestUnknownFindsWhatIsNotThere(t *testing.T) {
	known := series(t)
	for expr, want := range map[string]string{
		`max by (model) (drift_scores{job="a"})`:                  `no metric "drift_scores"`,
		`rate(drift_predictions_total{colum="a"}[$__range])`:      `drift_predictions_total has no label "colum"`,
		`max by (modell) (drift_error_ratio)`:                     `by has no label "modell"`,
		`{__name__=~"drift_score|drift_scope", model="a"}`:        `no metric "drift_scope"`,
		`max(model:drift_features:drifted)`:                       `no metric "model:drift_features:drifted"`,
		`drift_error_ratio{model="a"`:                             `"{" is not closed`,
		`{__name__=~"drift_score|drift_noise_floor", model="$m"}`: "",
	} {
		if got := strings.Join(unknown(expr, known), ", "); got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

// notShown are the metrics that no dashboard shows, with the reason.
var notShown = map[string]string{
	metric.ErrorPValue.Name:                      "the interval of the error ratio says the same, and how much",
	metric.ConfigReloadTime.Name:                 "whether the last reload succeeded is shown",
	metric.FirstPrediction.Name:                  "it is for rules",
	metric.LabeledPredictions.Name:               "labels are shown by outcome",
	metric.MovingPValue.Name:                     "the scores beside it are shown",
	metric.PredictionErrors.Name:                 "the error ratio of a window is shown, which later labels correct",
	metric.ReferenceCalibrationScore.Name:        "the share of positives beside it is shown",
	metric.ReferenceColumnStandardDeviation.Name: "its mean is shown, and the live one's standard deviation",
	metric.SliceOtherValues.Name:                 "it follows from the configuration",
	metric.SourceInfo.Name:                       "it is for rules",
	metric.WindowEnd.Name:                        "the age of the newest prediction is shown",
}

func TestEveryMetricIsShownOrSaidNotToBe(t *testing.T) {
	shows := map[string]bool{}
	for _, d := range shipped(t) {
		for _, expr := range expressions(d) {
			uses, err := query.Scan(filler.Replace(expr))
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range uses {
				shows[strings.TrimSuffix(u.Metric, "_bucket")] = true
			}
		}
	}
	for _, def := range metric.Catalogue {
		if _, ok := notShown[def.Name]; shows[def.Name] == ok {
			t.Errorf("%s: shown: %t, named in notShown: %t; show a new metric on a dashboard, or say why not",
				def.Name, shows[def.Name], ok)
		}
	}
}

// What selects our alerts among those of others has to select all of them.
func TestDashboardsShowEveryAlert(t *testing.T) {
	selector := regexp.MustCompile(`alertname=~"([^"]*)"`)
	for name, d := range shipped(t) {
		for where, expr := range expressions(d) {
			if !strings.Contains(expr, "ALERTS") {
				continue
			}
			match := selector.FindStringSubmatch(expr)
			if match == nil || strings.Count(expr, match[0]) != strings.Count(expr, "ALERTS") {
				t.Errorf("%s: %s: it shows the alerts of others too", name, where)
				continue
			}
			ours := regexp.MustCompile("^(?:" + match[1] + ")$")
			for _, r := range shippedRules(t) {
				if r.Alert != "" && !ours.MatchString(r.Alert) {
					t.Errorf("%s: %s: it does not show %s", name, where, r.Alert)
				}
			}
		}
	}
}

// promtool reads the expressions as Prometheus does. Without it the test is skipped, or fails where REQUIRE_TOOLS is 1.
func TestPromtoolReadsTheExpressions(t *testing.T) {
	tool := os.Getenv("PROMTOOL")
	if tool == "" {
		tool = "promtool"
	}
	path, err := exec.LookPath(tool)
	if err != nil {
		reason := fmt.Sprintf("%v: build promtool with 'make tools', or set PROMTOOL to its absolute path", err)
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	type recorded struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	type group struct {
		Name  string     `yaml:"name"`
		Rules []recorded `yaml:"rules"`
	}
	var groups []group
	for name, d := range shipped(t) {
		g := group{Name: name}
		for _, expr := range expressions(d) {
			g.Rules = append(g.Rules, recorded{Record: fmt.Sprintf("a:b:c%d", len(g.Rules)), Expr: filler.Replace(expr)})
		}
		groups = append(groups, g)
	}
	var text bytes.Buffer
	if err := yaml.NewEncoder(&text).Encode(map[string][]group{"groups": groups}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "expressions.yaml")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), path, "check", "rules", "--lint=none", file).CombinedOutput()
	if err != nil {
		t.Errorf("promtool: %v\n%s", err, output)
	}
}
