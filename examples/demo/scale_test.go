package main

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/bundle"
)

func TestScale(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"a wait is divided", "        for: 15m\n", "        for: 15s\n"},
		{"a wait outlasts the start of Prometheus", "        for: 5m\n", "        for: 10s\n"},
		{"a wait of days", "        keep_firing_for: 1d\n", "        keep_firing_for: 24m\n"},
		{"an interval is at least a second", "    interval: 10s\n", "    interval: 1s\n"},
		{"a range is divided", "max_over_time(up[10m]) == 0", "max_over_time(up[10s]) == 0"},
		{"a range holds some scrapes", "rate(up[2m])", "rate(up[5s])"},
		{"a subquery", "max_over_time(up[1h:10m])", "max_over_time(up[1m:10m])"},
		{"an offset", "up offset 1h", "up offset 1m"},
		{"a range with an offset", "max_over_time(up[20m] offset 1h)", "max_over_time(up[20s] offset 1m)"},
		{"another day", "min_over_time(up[6h] offset 21h)", "min_over_time(up[6s] offset 21s)"},
		{"parts of a second are rounded up", "        keep_firing_for: 90s\n", "        keep_firing_for: 2s\n"},
		{"a group waits for what silences it", "  group_wait: 30s\n", "  group_wait: 5s\n"},
		{"labels in brackets", "group_by: [model]", "group_by: [model]"},
		{"a word that looks like a key", "# wait for: 15m is long", "# wait for: 15m is long"},
		{
			"a threshold in seconds", "  expr: vector(90000)\n  labels:\n    severity: warning\n    statistic: age_seconds\n",
			"  expr: vector(1500)\n  labels:\n    severity: warning\n    statistic: age_seconds\n",
		},
		{
			"another threshold", "  expr: vector(30)\n  labels:\n    severity: warning\n    statistic: psi\n",
			"  expr: vector(30)\n  labels:\n    severity: warning\n    statistic: psi\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := string(scale([]byte(test.text), 60)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Every wait before an alert and every range of the shipped files is reached: none is longer than a minute afterwards.
func TestScaleReachesAllShippedRules(t *testing.T) {
	long := regexp.MustCompile(`(?m)^\s*(for|group_wait|group_interval): \d+[mhd].*|\[\d+[mhd]\]`)
	shipped, err := bundle.Files(bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range shipped {
		if path.Dir(name) != "rules" && name != "alertmanager.example.yaml" {
			continue
		}
		for _, found := range long.FindAllString(string(scale(content, 24*60)), -1) {
			if !strings.HasSuffix(strings.TrimSuffix(found, "]"), "1m") {
				t.Errorf("%s still has %q", name, found)
			}
		}
	}
}
