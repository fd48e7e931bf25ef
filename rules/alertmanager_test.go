package rules

import (
	"bytes"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/drift-exporter/drift_exporter/exporter/metric/query"
)

const alertmanagerExample = "alertmanager.example.yaml"

// route, inhibition and the rest are what we look at of a configuration of Alertmanager.
type (
	route struct {
		Matchers []string `yaml:"matchers"`
		GroupBy  []string `yaml:"group_by"`
		Routes   []route  `yaml:"routes"`
	}
	inhibition struct {
		Source []string `yaml:"source_matchers"`
		Target []string `yaml:"target_matchers"`
		Equal  []string `yaml:"equal"`
	}
	alertmanagerConfig struct {
		Route     route        `yaml:"route"`
		Inhibit   []inhibition `yaml:"inhibit_rules"`
		Receivers []yaml.Node  `yaml:"receivers"`
	}
)

func parseAlertmanager(t *testing.T) alertmanagerConfig {
	t.Helper()
	var c alertmanagerConfig
	if err := yaml.Unmarshal(Alertmanager(), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// runAmtool returns what amtool prints.
func runAmtool(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), program(t, "amtool", "Alertmanager 0.26"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("amtool %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

func TestAmtoolFindsNothingInTheExample(t *testing.T) {
	output := runAmtool(t, "check-config", alertmanagerExample)
	for _, word := range []string{"warn", "deprecat", "level="} {
		if strings.Contains(strings.ToLower(output), word) {
			t.Errorf("amtool check-config is not silent:\n%s", output)
		}
	}
}

// Whatever a shipped alert asks for, somebody who can do it is told.
func TestEachAlertIsRouted(t *testing.T) {
	receiver := func(r rule) string {
		switch severity, action := r.Labels["severity"], r.Labels["action"]; {
		case severity == "info":
			return "nobody"
		case severity == "critical":
			return "on-call"
		case action == "retrain":
			return "retrain,model-owners"
		case action == "fix_data":
			return "data-owners"
		case action == "fix_pipeline":
			return "platform"
		}
		return "model-owners"
	}
	tested := map[string]bool{}
	for _, r := range selectRules(t, isAlert) {
		severity, action := r.Labels["severity"], r.Labels["action"]
		if tested[severity+action] {
			continue // routes know no names
		}
		tested[severity+action] = true
		got := runAmtool(t, "config", "routes", "test", "--config.file="+alertmanagerExample,
			"alertname="+r.Alert, "severity="+severity, "action="+action, "job=drift_exporter", "model=churn")
		if want := receiver(r); strings.TrimSpace(got) != want {
			t.Errorf("%s of severity %s goes to %s, want %s", r.Alert, severity, got, want)
		}
	}
	got := runAmtool(t, "config", "routes", "test", "--config.file="+alertmanagerExample, "alertname=DiskFull",
		"severity=critical")
	if strings.TrimSpace(got) != "other-alerts" {
		t.Errorf("an alert of others goes to %s", got)
	}
}

// matchers returns all matchers of the configuration.
func (c alertmanagerConfig) matchers() []string {
	var all []string
	var walk func(r route)
	walk = func(r route) {
		all = append(all, r.Matchers...)
		for _, inner := range r.Routes {
			walk(inner)
		}
	}
	walk(c.Route)
	for _, i := range c.Inhibit {
		all = append(all, slices.Concat(i.Source, i.Target)...)
	}
	return all
}

// Matchers are read as UTF-8 in the strict mode of coming releases too, and name what alerts have.
func TestMatchersOfTheExampleNameLabelsThatExist(t *testing.T) {
	known := series(t)[query.AnyMetric]
	for _, matcher := range parseAlertmanager(t).matchers() {
		parts := regexp.MustCompile(`^(\w+)(?:=|!=|=~|!~)"(.*)"$`).FindStringSubmatch(matcher)
		if parts == nil {
			t.Errorf("%s is not a label, an operator and a value in double quotes", matcher)
			continue
		}
		if !slices.Contains(known, parts[1]) {
			t.Errorf("%s: no alert has the label", matcher)
		}
		if parts[1] != "alertname" {
			continue
		}
		for name := range strings.SplitSeq(parts[2], "|") {
			pattern := regexp.MustCompile("^(" + name + ")$")
			if !slices.ContainsFunc(selectRules(t, isAlert), func(r rule) bool { return pattern.MatchString(r.Alert) }) {
				t.Errorf("%s: no alert is called %s", matcher, name)
			}
		}
	}
}

// Labels that both alerts lack are equal too, so an inhibition that names no label that each has would silence the
// alerts of all models.
func TestInhibitionsOfTheExampleAreNarrow(t *testing.T) {
	inhibitions := parseAlertmanager(t).Inhibit
	if len(inhibitions) < 5 {
		t.Fatalf("there are %d inhibitions", len(inhibitions))
	}
	for _, i := range inhibitions {
		if !slices.Contains(i.Equal, "job") || !slices.Contains(i.Equal, "instance") {
			t.Errorf("%v silences alerts of other exporters: equal is %v", i.Source, i.Equal)
		}
		for _, label := range i.Equal {
			if !slices.Contains(series(t)[query.AnyMetric], label) {
				t.Errorf("%v: no alert has the label %s", i.Source, label)
			}
		}
	}
}

func TestTheExampleHoldsNoSecret(t *testing.T) {
	for _, inline := range []string{"url:", "credentials:", "password:", "token:", "routing_key:", "api_url:"} {
		for line := range bytes.Lines(Alertmanager()) {
			if text := bytes.TrimLeft(line, " -"); bytes.HasPrefix(text, []byte(inline)) {
				t.Errorf("%s is written inline; read it from a file", strings.TrimSpace(string(text)))
			}
		}
	}
}
