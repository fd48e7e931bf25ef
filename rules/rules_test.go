package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/metric/query"
)

// rule is a rule as Prometheus reads it.
type rule struct {
	Record        string            `yaml:"record"`
	Alert         string            `yaml:"alert"`
	Expr          string            `yaml:"expr"`
	For           string            `yaml:"for"`
	KeepFiringFor string            `yaml:"keep_firing_for"`
	Labels        map[string]string `yaml:"labels"`
	Annotations   map[string]string `yaml:"annotations"`
}

// group is a group of rules.
type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

// parseGroups reads one rule file and takes no key that Prometheus would not take.
func parseGroups(content []byte) ([]group, error) {
	var file struct {
		Groups []group `yaml:"groups"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("parsing rules: %w", err)
	}
	return file.Groups, nil
}

// shipped returns the groups of all embedded files.
func shipped(t *testing.T) []group {
	t.Helper()
	names, err := fs.Glob(Files(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []group
	for _, name := range names {
		content, err := fs.ReadFile(Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		groups, err := parseGroups(content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, groups...)
	}
	return all
}

// selectRules returns the shipped rules that keep holds for.
func selectRules(t *testing.T, keep func(rule) bool) []rule {
	t.Helper()
	var rules []rule
	for _, g := range shipped(t) {
		for _, r := range g.Rules {
			if keep(r) {
				rules = append(rules, r)
			}
		}
	}
	if len(rules) == 0 {
		t.Fatal("no such rules")
	}
	return rules
}

func isAlert(r rule) bool     { return r.Alert != "" }
func isRecording(r rule) bool { return r.Record != "" }
func isThreshold(r rule) bool { return r.Record == "drift_threshold" }

func TestFilesAreComplete(t *testing.T) {
	names := []string{
		"thresholds.yaml", "recording.yaml", "fleet.yaml", "model-alerts.yaml", "data-alerts.yaml", "exporter-alerts.yaml",
	}
	for _, name := range names {
		if _, err := fs.Stat(Files(), name); err != nil {
			t.Error(err)
		}
	}
}

var (
	camelCase   = regexp.MustCompile(`^([A-Z]+[a-z0-9]+)+$`)
	sentence    = regexp.MustCompile(`^[A-Z].+\.$`)
	capital     = regexp.MustCompile(`^(\{\{|[A-Z])`)
	recordNames = regexp.MustCompile(`^[a-z_]+:drift_[a-z_]+:[a-z0-9_]+$`)
	severities  = []string{"critical", "info", "warning"}
	actions     = []string{"fix_data", "fix_pipeline", "investigate", "retrain"}
	waits       = []string{"5m", "10m", "15m", "30m", "1h"}
)

const runbooks = "https://github.com/drift-exporter/drift_exporter/blob/main/docs/runbooks.md#"

// lintAlert returns what breaks the customs of Prometheus alerts, as the linters of monitoring mixins check them, and
// our own about actions and runbooks.
func lintAlert(r rule) []string {
	var problems []string
	check := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, problem)
		}
	}
	summary, description := r.Annotations["summary"], r.Annotations["description"]
	check(camelCase.MatchString(r.Alert), "name is not CamelCase")
	check(len(r.Alert) <= 40, "name is longer than 40 characters")
	check(slices.Contains(severities, r.Labels["severity"]), "severity is not one of critical, info, warning")
	check(slices.Contains(actions, r.Labels["action"]), "action is not known")
	check(sentence.MatchString(summary), "summary is not a sentence")
	check(!strings.Contains(summary, "{{"), "summary has a template")
	check(strings.Contains(description, "{{"), "description has no template")
	check(capital.MatchString(description), "description does not start as a sentence")
	check(r.Annotations["runbook_url"] == runbooks+strings.ToLower(r.Alert), "runbook_url does not lead to its heading")
	// Nobody is told of information, so it need not wait, and must not where it silences others.
	check(slices.Contains(waits, r.For) || r.For == "" && r.Labels["severity"] == "info", "for is not between 5m and 1h")
	for name, value := range r.Labels {
		check(!strings.Contains(value, "{{"), "label "+name+" has a template")
	}
	return problems
}

func TestAlertsKeepTheCustoms(t *testing.T) {
	for _, r := range selectRules(t, isAlert) {
		for _, problem := range lintAlert(r) {
			t.Errorf("%s: %s", r.Alert, problem)
		}
		drifts := strings.HasPrefix(r.Alert, "Model") && r.Alert != "ModelPredictionsStale"
		if drifts && r.Labels["severity"] != "info" && r.KeepFiringFor == "" {
			t.Errorf("%s: keep_firing_for is missing", r.Alert)
		}
	}
}

func TestLintAlertFindsWhatIsWrong(t *testing.T) {
	good := func() rule {
		return rule{
			Alert: "ModelOdd", For: "5m", Labels: map[string]string{"severity": "info", "action": "retrain"},
			Annotations: map[string]string{
				"summary":     "It is odd.",
				"description": "Model {{ $labels.model }} is odd.",
				"runbook_url": runbooks + "modelodd",
			},
		}
	}
	if problems := lintAlert(good()); len(problems) != 0 {
		t.Fatalf("a good alert has problems: %v", problems)
	}
	tests := []struct {
		name  string
		spoil func(*rule)
	}{
		{"a name in snake case", func(r *rule) { r.Alert = "model_odd" }},
		{"a severity of our own", func(r *rule) { r.Labels["severity"] = "page" }},
		{"no action", func(r *rule) { delete(r.Labels, "action") }},
		{"a measured value in a label", func(r *rule) { r.Labels["score"] = "{{ $value }}" }},
		{"a summary without a period", func(r *rule) { r.Annotations["summary"] = "It is odd" }},
		{"a summary with a template", func(r *rule) { r.Annotations["summary"] = "Model {{ $labels.model }} is odd." }},
		{"a description that names nothing", func(r *rule) { r.Annotations["description"] = "It is odd." }},
		{"the runbook of another alert", func(r *rule) { r.Annotations["runbook_url"] = runbooks + "modeleven" }},
		{"no patience", func(r *rule) { r.For = "1m" }},
		{"a warning that does not wait", func(r *rule) { r.For, r.Labels["severity"] = "", "warning" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := good()
			test.spoil(&r)
			if len(lintAlert(r)) == 0 {
				t.Error("no problem was found")
			}
		})
	}
}

func TestGroupsAreSmallAndNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range shipped(t) {
		if !strings.HasPrefix(g.Name, "drift-") || len(g.Name) > 40 || seen[g.Name] {
			t.Errorf("group %q: the name is not drift-something, longer than 40 characters, or taken", g.Name)
		}
		seen[g.Name] = true
		if len(g.Rules) == 0 || len(g.Rules) > 20 {
			t.Errorf("group %q has %d rules, want 1 to 20", g.Name, len(g.Rules))
		}
		for _, r := range g.Rules {
			if isRecording(r) && !isThreshold(r) && !recordNames.MatchString(r.Record) {
				t.Errorf("%s: the name is not level:metric:operation", r.Record)
			}
		}
	}
}

// series returns the labels of every series that our expressions may use, by metric name.
func series(t *testing.T) map[string][]string {
	t.Helper()
	target := []string{"job", "instance"}
	known := map[string][]string{"up": target}
	all := []string{"job", "instance", "severity", "action", "alertname", "alertstate"}
	for _, def := range metric.Catalogue {
		known[def.Name] = slices.Concat(def.Labels, target)
		all = append(all, def.Labels...)
	}
	for _, r := range selectRules(t, isRecording) {
		known[r.Record] = all
	}
	known["drift_threshold"] = []string{"statistic", "severity", "model", "column"}
	known["ALERTS"] = all
	known[query.AnyMetric] = all
	return known
}

// lintExpr returns the metrics and labels of an expression that do not exist, and the matchings that would mix the
// series of two exporters.
func lintExpr(expr string, known map[string][]string) []string {
	uses, err := query.Scan(expr)
	if err != nil {
		return []string{err.Error()}
	}
	problems := query.Unknown(uses, known)
	for _, u := range uses {
		// Thresholds are set for all exporters at once, and any exporter may watch what a model depends on.
		global := []string{"drift_threshold", metric.ModelDependency.Name}
		everywhere := slices.ContainsFunc(uses, func(u query.Use) bool { return slices.Contains(global, u.Metric) })
		targets := slices.Contains(u.Labels, "job") && slices.Contains(u.Labels, "instance")
		if u.Keyword == "on" && !everywhere && !targets {
			problems = append(problems, fmt.Sprintf("on (%s) lacks job or instance", strings.Join(u.Labels, ", ")))
		}
	}
	return problems
}

// dropsTargets reports whether an aggregation mixes the series of exporters, as a description may that lists names.
func dropsTargets(expr string) bool {
	uses, err := query.Scan(expr)
	return err != nil || slices.ContainsFunc(uses, func(u query.Use) bool { return u.Keyword == "by" })
}

// lookups matches the queries that a description makes.
var lookups = regexp.MustCompile("printf `([^`]*)` [^|}]*\\| query")

// templateLabels matches the labels that a description names, of the alert or of what it looked up.
var templateLabels = regexp.MustCompile(`(?:\$labels|\.Labels)\.(\w+)`)

// queries returns the expressions that a template looks up, with something in place of the values filled in.
func queries(template string) []string {
	var found []string
	for _, match := range lookups.FindAllStringSubmatch(template, -1) {
		filled := strings.NewReplacer("%s", `job="j"`, "%q", `"q"`).Replace(match[1])
		found = append(found, filled)
	}
	return found
}

func TestExpressionsUseWhatExists(t *testing.T) {
	known := series(t)
	for _, r := range selectRules(t, func(rule) bool { return true }) {
		for _, problem := range lintExpr(r.Expr, known) {
			t.Errorf("%s%s: %s", r.Alert, r.Record, problem)
		}
		if dropsTargets(r.Expr) {
			t.Errorf("%s%s: by drops labels of the target, without keeps them", r.Alert, r.Record)
		}
		if r.Alert == "" {
			continue
		}
		found := queries(r.Annotations["description"])
		if want := strings.Count(r.Annotations["description"], "| query"); len(found) != want {
			t.Errorf("%s: found %d of %d queries of the description", r.Alert, len(found), want)
		}
		for _, match := range templateLabels.FindAllStringSubmatch(r.Annotations["description"], -1) {
			if !slices.Contains(known[query.AnyMetric], match[1]) {
				t.Errorf("%s: description: no label %q", r.Alert, match[1])
			}
		}
		for _, expr := range found {
			for _, problem := range lintExpr(expr, known) {
				t.Errorf("%s: description: %s in %s", r.Alert, problem, expr)
			}
		}
	}
}

func TestLintExprFindsWhatIsWrong(t *testing.T) {
	known := series(t)
	tests := []struct {
		name, expr string
		want       []string
	}{
		{"all is well", `max without (window) (drift_score{role="feature", statistic!~"a|b"}) > 0.5`, nil},
		{"a metric that is misspelt", `drift_scores > 1`, []string{`no metric "drift_scores"`}},
		{"a metric of somebody else", `rate(node_load1[5m])`, []string{`no metric "node_load1"`}},
		{"a recorded name that nothing records", `a:drift_b:c == 1`, []string{`no metric "a:drift_b:c"`}},
		{"a label the metric lacks", `drift_score{metric="f1"}`, []string{`drift_score has no label "metric"`}},
		{
			"a label that nothing has", `drift_error_ratio / ignoring (windw) drift_error_ratio_lower`,
			[]string{`ignoring has no label "windw"`},
		},
		{
			"a matching that mixes exporters", `drift_score > on (model) group_left () drift_noise_floor`,
			[]string{"on (model) lacks job or instance"},
		},
		{"words in strings and comments", "# drift_nothing\ndrift_score{column=\"drift_nothing{x='\\\"\"}", nil},
		{"a brace that does not close", `drift_score{column="a"`, []string{`"{" is not closed`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := lintExpr(test.expr, known); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// alertThresholds are the statistics that each alert needs a default threshold of.
func alertThresholds() map[string][]string {
	drift := []string{"jensen_shannon", "mean_shift"}
	return map[string][]string{
		"ModelRetrainingRecommended": append(
			[]string{"error_ratio_increase", "mae_increase", "drifted_feature_ratio"}, drift...),
		"ModelErrorRatioHigh":           {"error_ratio_increase"},
		"ModelPerformanceFell":          {"mae_increase"},
		"ModelEstimatedPerformanceFell": {"accuracy_loss_estimated", "mae_increase_estimated"},
		"ModelErrorDrift":               {},
		"ModelSliceErrorRatioHigh":      {"slice_error_ratio_increase"},
		"ModelVersionWorse":             {"version_error_ratio_difference"},
		"ModelPredictionDrift":          drift,
		"ModelLabelDrift":               append([]string{"positive_label_ratio_shift"}, drift...),
		"ModelFeatureDrift":             drift,
		"ModelManyFeaturesDrifted":      append([]string{"drifted_feature_ratio"}, drift...),
		"ModelMissingValuesHigh":        {"missing_ratio_increase"},
		"ModelInvalidValuesHigh":        {"invalid_ratio"},
		"ModelUnseenCategoriesHigh":     {"unseen_ratio"},
		"ModelOutOfRangeHigh":           {"out_of_range_ratio"},
		"ModelTrainingServingSkew": {
			"missing_column_ratio", "number_as_string_ratio", "string_expected_ratio",
		},
		"ModelPredictionsStale":      {"prediction_age_seconds"},
		"ModelPredictionVolumeFell":  {"prediction_volume_decrease"},
		"ModelLabelsLate":            {"label_age_seconds", "labeled_ratio_decrease"},
		"DriftExporterDown":          {},
		"DriftExporterReloadFailed":  {},
		"DriftExporterStateNotSaved": {},
		"DriftExporterSeriesDropped": {},
		"DriftEvaluationStale":       {},
		"DriftSourceDown":            {},
		"DriftSourceStalled":         {"source_backlog_seconds"},
		"DriftRecordsRejected":       {"rejected_record_ratio"},
		"DriftReceiverRefusing":      {},
		"DriftReceiverSpoolFilling":  {"receiver_spool_ratio"},
		"ModelUpstreamDrifting":      {},
	}
}

func TestEachAlertHasItsThresholds(t *testing.T) {
	defaults := map[string]bool{}
	for _, r := range selectRules(t, isThreshold) {
		defaults[r.Labels["statistic"]+"/"+r.Labels["severity"]] = true
	}
	for _, r := range selectRules(t, isAlert) {
		needs, ok := alertThresholds()[r.Alert]
		if !ok {
			t.Errorf("%s: alertThresholds does not say what it needs", r.Alert)
		}
		for _, statistic := range needs {
			if key := statistic + "/" + r.Labels["severity"]; !defaults[key] {
				t.Errorf("%s: no default threshold %s", r.Alert, key)
			}
		}
	}
}

func TestEachThresholdIsRead(t *testing.T) {
	recording, err := fs.ReadFile(Files(), "recording.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// Statistics that are named by a label: scores, and kinds of skew.
	labeled := []string{
		"psi", "jensen_shannon", "hellinger", "total_variation", "chebyshev", "ks", "wasserstein", "mean_shift",
		"missing_column_ratio", "number_as_string_ratio", "string_expected_ratio",
	}
	for _, r := range selectRules(t, isThreshold) {
		statistic, severity := r.Labels["statistic"], r.Labels["severity"]
		replaced := strings.Contains(string(recording), `"statistic", "`+statistic+`", "", ""`)
		if !replaced && !slices.Contains(labeled, statistic) {
			t.Errorf("%s: recording.yaml has nothing to compare it with", statistic)
		}
		errors := statistic == "error_ratio" || statistic == "error_ratio_increase"
		if severity != "warning" && (severity != "critical" || !errors) {
			t.Errorf("%s: no alert reads its severity %q", statistic, severity)
		}
		number, _ := strings.CutPrefix(r.Expr, "vector(")
		value, err := strconv.ParseFloat(strings.TrimSuffix(number, ")"), 64)
		if err != nil || value <= 0 {
			t.Errorf("%s: %q is not a vector of a positive number", statistic, r.Expr)
		}
		if len(r.Labels) != 2 {
			t.Errorf("%s: a default has labels beyond statistic and severity: %v", statistic, r.Labels)
		}
	}
}

func TestEachAlertHasARunbook(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "docs", "runbooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range selectRules(t, isAlert) {
		known[r.Alert] = true
		if !strings.Contains(string(content), "\n## "+r.Alert+"\n") {
			t.Errorf("docs/runbooks.md has no heading %q", r.Alert)
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^## (\S+)$`).FindAllStringSubmatch(string(content), -1) {
		if camelCase.MatchString(match[1]) && !known[match[1]] {
			t.Errorf("docs/runbooks.md explains %s, which is no alert", match[1])
		}
	}
}

// unitTest is what we look at of one case of a promtool test file.
type unitTest struct {
	Series []struct {
		Values string `yaml:"values"`
	} `yaml:"input_series"`
	Alerts []struct {
		Name     string `yaml:"alertname"`
		Expected []struct {
			Labels      map[string]string `yaml:"exp_labels"`
			Annotations map[string]string `yaml:"exp_annotations"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
}

// hasGap reports whether a series of the case misses scrapes.
func (u unitTest) hasGap() bool {
	for _, s := range u.Series {
		if strings.ContainsAny(s.Values, "_") || strings.Contains(s.Values, "stale") {
			return true
		}
	}
	return false
}

func TestEachAlertHasUnitTests(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("tests", "*_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fires, silent, survivesGap := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Tests []unitTest `yaml:"tests"`
		}
		if err := yaml.Unmarshal(content, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, unit := range file.Tests {
			for _, alert := range unit.Alerts {
				silent[alert.Name] = silent[alert.Name] || len(alert.Expected) == 0
				for _, expected := range alert.Expected {
					fires[alert.Name+"/"+expected.Labels["severity"]] = len(expected.Annotations) == 3
					survivesGap[alert.Name] = survivesGap[alert.Name] || unit.hasGap()
				}
			}
		}
	}
	for _, r := range selectRules(t, isAlert) {
		if !fires[r.Alert+"/"+r.Labels["severity"]] {
			t.Errorf("%s: no test in which it fires as %s with all annotations", r.Alert, r.Labels["severity"])
		}
		if !silent[r.Alert] {
			t.Errorf("%s: no test in which it does not fire", r.Alert)
		}
		if !survivesGap[r.Alert] {
			t.Errorf("%s: no test in which it fires although scrapes are missing", r.Alert)
		}
	}
}

// promtool returns the path of promtool.
func promtool(t *testing.T) string {
	t.Helper()
	return program(t, "promtool", "Prometheus 2.42")
}

// program returns the path of a program that comes with a release, or newer ones: what the variable of its name in
// capitals says, or else the one in PATH. Without it the test is skipped, or fails where REQUIRE_TOOLS is 1.
func program(t *testing.T, name, release string) string {
	t.Helper()
	variable := strings.ToUpper(name)
	path, err := exec.LookPath(cmp.Or(os.Getenv(variable), name))
	if err == nil {
		return path
	}
	reason := fmt.Sprintf("%v: get %s with `make tools`, or with %s or newer (prometheus.io/download) "+
		"and put it in PATH, or set %s to its absolute path", err, name, release, variable)
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return ""
}

func TestPromtoolFindsNothingToLint(t *testing.T) {
	names, err := fs.Glob(Files(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	runPromtool(t, names, "check", "rules", "--lint=all", "--lint-fatal")
}

func TestPromtoolUnitTestsPass(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("tests", "*_test.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no unit tests of rules: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			runPromtool(t, []string{path}, "test", "rules")
		})
	}
}

// runPromtool runs promtool with the arguments and the files.
func runPromtool(t *testing.T, files []string, args ...string) {
	t.Helper()
	path := promtool(t)
	if len(files) == 0 {
		t.Fatal("no files")
	}
	output, err := exec.CommandContext(t.Context(), path, append(args, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
	}
}
