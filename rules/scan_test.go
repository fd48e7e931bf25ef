package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// use is one place in an expression that names labels: those of a selector, with its metric, or those of a list such
// as on (…), with its keyword and anyMetric.
type use struct {
	metric, keyword string
	labels          []string
}

// anyMetric stands for the metric of lists of labels, which apply to more than one.
const anyMetric = ""

var (
	tokens = regexp.MustCompile(
		`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|#[^\n]*|[0-9][0-9a-zA-Z.]*|[a-zA-Z_:][\w:]*|[^\s]`)
	identifier = regexp.MustCompile(`^[a-zA-Z_:]`)
	lists      = []string{"on", "ignoring", "by", "without", "group_left", "group_right"}
	words      = []string{"and", "or", "unless", "bool", "offset", "inf", "nan"}
)

// scan finds the metrics and labels that a PromQL expression names. It is no parser, which promtool is: it takes every
// name for a metric that is not a keyword, not a label and not a function.
func scan(expr string) ([]use, error) {
	found := slices.DeleteFunc(tokens.FindAllString(expr, -1), func(s string) bool { return s[0] == '#' })
	next := func(i int) string {
		if i+1 < len(found) {
			return found[i+1]
		}
		return ""
	}
	var uses []use
	for i := 0; i < len(found); i++ {
		name := found[i]
		if !identifier.MatchString(name) || slices.Contains(words, strings.ToLower(name)) {
			continue
		}
		var u use
		end := ""
		switch {
		case slices.Contains(lists, name):
			u.keyword, end = name, ")"
		case next(i) == "(", next(i) == "by", next(i) == "without":
			continue
		case next(i) == "{":
			u.metric, end = name, "}"
		default:
			uses = append(uses, use{metric: name})
			continue
		}
		length := slices.Index(found[i+1:], end)
		if length < 0 {
			return nil, fmt.Errorf("%q is not closed", next(i))
		}
		for _, token := range found[i+1 : i+1+length] {
			if identifier.MatchString(token) {
				u.labels = append(u.labels, token)
			}
		}
		uses = append(uses, u)
		i += 1 + length
	}
	return uses, nil
}

func TestScan(t *testing.T) {
	expr := `sum without (window) (a:b_c:d{x="}", y!~'z'}) > bool on (job, instance) group_left () rate(e[5m]) or Inf`
	want := []use{
		{keyword: "without", labels: []string{"window"}},
		{metric: "a:b_c:d", labels: []string{"x", "y"}},
		{keyword: "on", labels: []string{"job", "instance"}},
		{keyword: "group_left"},
		{metric: "e"},
	}
	got, err := scan(expr)
	if err != nil {
		t.Fatal(err)
	}
	equal := func(a, b use) bool {
		return a.metric == b.metric && a.keyword == b.keyword && slices.Equal(a.labels, b.labels)
	}
	if !slices.EqualFunc(got, want, equal) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
