package query

import (
	"slices"
	"testing"
)

func TestScan(t *testing.T) {
	expr := `sum without (window) (a:b_c:d{x="}", y!~'z'}) > bool on (job, instance) group_left () rate(e[5m]) or Inf`
	want := []Use{
		{Keyword: "without", Labels: []string{"window"}},
		{Metric: "a:b_c:d", Labels: []string{"x", "y"}},
		{Keyword: "on", Labels: []string{"job", "instance"}},
		{Keyword: "group_left"},
		{Metric: "e"},
	}
	got, err := Scan(expr)
	if err != nil {
		t.Fatal(err)
	}
	equal := func(a, b Use) bool {
		return a.Metric == b.Metric && a.Keyword == b.Keyword && slices.Equal(a.Labels, b.Labels)
	}
	if !slices.EqualFunc(got, want, equal) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestUnknown(t *testing.T) {
	known := map[string][]string{"up": {"job"}, AnyMetric: {"job", "instance"}}
	uses, err := Scan(`up{job="a", model="m"} * on (job, version) down`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`up has no label "model"`, `on has no label "version"`, `no metric "down"`}
	if got := Unknown(uses, known); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
