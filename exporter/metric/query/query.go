// Package query finds the metrics and labels that PromQL expressions name, so that tests can hold rules and dashboards
// against the catalogue.
package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Use is one place in an expression that names labels: those of a selector, with its metric, or those of a list such
// as on (…), with its keyword and AnyMetric.
type Use struct {
	Metric, Keyword string
	Labels          []string
}

// AnyMetric stands for the metric of lists of labels, which apply to more than one.
const AnyMetric = ""

var (
	tokens = regexp.MustCompile(
		`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|#[^\n]*|[0-9][0-9a-zA-Z.]*|[a-zA-Z_:][\w:]*|[^\s]`)
	identifier = regexp.MustCompile(`^[a-zA-Z_:]`)
	lists      = []string{"on", "ignoring", "by", "without", "group_left", "group_right"}
	words      = []string{"and", "or", "unless", "bool", "offset", "inf", "nan"}
)

// Scan finds the metrics and labels that a PromQL expression names. It is no parser, which promtool is: it takes every
// name for a metric that is not a keyword, not a label and not a function. A brace or list that is not closed is an
// error.
func Scan(expr string) ([]Use, error) {
	found := slices.DeleteFunc(tokens.FindAllString(expr, -1), func(s string) bool { return s[0] == '#' })
	next := func(i int) string {
		if i+1 < len(found) {
			return found[i+1]
		}
		return ""
	}
	var uses []Use
	for i := 0; i < len(found); i++ {
		name := found[i]
		if !identifier.MatchString(name) || slices.Contains(words, strings.ToLower(name)) {
			continue
		}
		var u Use
		end := ""
		switch {
		case slices.Contains(lists, name):
			u.Keyword, end = name, ")"
		case next(i) == "(", next(i) == "by", next(i) == "without":
			continue
		case next(i) == "{":
			u.Metric, end = name, "}"
		default:
			uses = append(uses, Use{Metric: name})
			continue
		}
		length := slices.Index(found[i+1:], end)
		if length < 0 {
			return nil, fmt.Errorf("%q is not closed", next(i))
		}
		for _, token := range found[i+1 : i+1+length] {
			if identifier.MatchString(token) {
				u.Labels = append(u.Labels, token)
			}
		}
		uses = append(uses, u)
		i += 1 + length
	}
	return uses, nil
}

// Unknown returns what is named that is not known: metrics, and labels that known does not list for their metric.
func Unknown(uses []Use, known map[string][]string) []string {
	var problems []string
	for _, u := range uses {
		labels, ok := known[u.Metric]
		if !ok {
			problems = append(problems, fmt.Sprintf("no metric %q", u.Metric))
		}
		for _, label := range u.Labels {
			if ok && !slices.Contains(labels, label) {
				problems = append(problems, fmt.Sprintf("%s%s has no label %q", u.Metric, u.Keyword, label))
			}
		}
	}
	return problems
}
