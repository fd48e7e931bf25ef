package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// prometheus is a running one that scrapes the exporter and has loaded the rules.
type prometheus struct {
	t   *testing.T
	url string
}

// get calls the API and returns its data.
func (p prometheus) get(path string, parameters url.Values) json.RawMessage {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/"+path+"?"+parameters.Encode(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	body := response.Body
	defer body.Close()
	var answer struct {
		Error string          `json:"error"`
		Data  json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil || answer.Error != "" {
		p.t.Fatalf("%s %v: %s (%v)", path, parameters, answer.Error, err)
	}
	return answer.Data
}

// result is one series of an answer.
type result struct {
	Metric map[string]string `json:"metric"`
}

func (p prometheus) results(path string, parameters url.Values) []result {
	p.t.Helper()
	var data struct {
		Result []result `json:"result"`
	}
	if err := json.Unmarshal(p.get(path, parameters), &data); err != nil {
		p.t.Fatal(err)
	}
	return data.Result
}

// shown is how far back the panels look.
const shown = 15 * time.Minute

// run returns what a panel's query finds.
func (p prometheus) run(target target, values map[string]string) []result {
	p.t.Helper()
	expr, now := substitute(target.Expr, values), time.Now()
	if target.Instant {
		return p.results("query", url.Values{"query": {expr}})
	}
	return p.results("query_range", url.Values{
		"query": {expr}, "step": {"15"},
		"start": {now.Add(-shown).UTC().Format(time.RFC3339)}, "end": {now.UTC().Format(time.RFC3339)},
	})
}

// values returns what a variable can be set to.
func (p prometheus) values(v *variable, set map[string]string) []string {
	p.t.Helper()
	if v.Multi {
		return []string{v.AllValue}
	}
	var values []string
	if match := labelOf.FindStringSubmatch(v.query()); match != nil {
		data := p.get("label/"+match[2]+"/values", url.Values{"match[]": {substitute(match[1], set)}})
		if err := json.Unmarshal(data, &values); err != nil {
			p.t.Fatal(err)
		}
		return values
	}
	// The regular expression takes the value out of a result, as Grafana writes that.
	pattern := regexp.MustCompile(strings.Trim(v.Regex, "/"))
	expr := strings.TrimSuffix(strings.TrimPrefix(v.query(), "query_result("), ")")
	for _, r := range p.results("query", url.Values{"query": {substitute(expr, set)}}) {
		var labels []string
		for name, value := range r.Metric {
			labels = append(labels, fmt.Sprintf("%s=%q", name, value))
		}
		if match := pattern.FindStringSubmatch("{" + strings.Join(labels, ",") + "}"); match != nil {
			values = append(values, match[1])
		}
	}
	return values
}

// substitute fills in the variables of an expression.
func substitute(expr string, values map[string]string) string {
	expr = strings.NewReplacer("$__rate_interval", "1m", "$__range", fmt.Sprintf("%ds", int(shown.Seconds()))).Replace(expr)
	return regexp.MustCompile(`\$[a-z]+`).ReplaceAllStringFunc(expr, func(name string) string {
		value, ok := values[name[1:]]
		if !ok {
			return "no variable " + name // which is no expression
		}
		return value
	})
}

// choices returns every way to set the variables of a dashboard.
func (p prometheus) choices(list []variable, set map[string]string) []map[string]string {
	p.t.Helper()
	if len(list) == 0 {
		return []map[string]string{set}
	}
	v := &list[0]
	if v.Type != "query" {
		return p.choices(list[1:], set)
	}
	values := p.values(v, set)
	if len(values) == 0 {
		p.t.Errorf("the variable %s has no value", v.Name)
	}
	var all []map[string]string
	for _, value := range values {
		with := map[string]string{v.Name: value}
		maps.Copy(with, set)
		all = append(all, p.choices(list[1:], with)...)
	}
	return all
}

// Every query of every panel finds something, for some choice of the variables, on a running demo, once alerts fire and
// its Prometheus has scraped for three minutes: what is a week in the demo.
func TestEveryPanelHasDataOnTheDemo(t *testing.T) {
	const variable = "DRIFT_EXPORTER_PROMETHEUS"
	address := os.Getenv(variable)
	if address == "" {
		t.Skipf("needs a Prometheus that watches the demo: set %s to its URL, such as http://localhost:9090", variable)
	}
	p := prometheus{t, strings.TrimSuffix(address, "/")}
	for name, d := range shipped(t) {
		choices := p.choices(d.Templating.List, map[string]string{})
		if len(choices) == 0 {
			t.Errorf("%s: there is nothing to choose", name)
			continue
		}
		for _, panel := range d.queries() {
			for _, target := range panel.Targets {
				found := slices.ContainsFunc(choices, func(values map[string]string) bool {
					return len(p.run(target, values)) > 0
				})
				if !found {
					t.Errorf("%s: %s %s finds nothing: %s", name, panel.Title, target.RefID,
						substitute(target.Expr, choices[0]))
				}
			}
		}
	}
}
