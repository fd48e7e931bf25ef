package dashboards

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const templated = "${datasource}"

var (
	// selectors matches the selector of a series, with its metric's name.
	selectors = regexp.MustCompile(`([a-zA-Z_:][\w:]*)?\{([^{}]*)\}`)
	// ranges matches a call with a range, with its function and the range.
	ranges = regexp.MustCompile(`(\w+)\(([^()]*)\[([^\]]*)\]`)
	// sources matches what a variable may be filled by.
	sources = regexp.MustCompile(`^(label_names|label_values|metrics|query_result)\((.+)\)$`)
	// units are those of Grafana's that the dashboards use.
	units = []string{"short", "percentunit", "s", "bytes", "Bps", "cps", "reqps", "dateTimeFromNow"}
)

// lint returns what breaks the 17 rules that Grafana's dashboard linter has, one after the other. Two of them are about
// another query language, of which there is none where all data sources are Prometheus.
func lint(d *dashboard) []string {
	problems := slices.Concat(lintVariables(d), lintPanels(d))
	if d.Editable == nil || *d.Editable {
		problems = append(problems, "uneditable: it can be edited")
	}
	return problems
}

func lintVariables(d *dashboard) []string {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	found := map[string]variable{}
	for _, v := range d.Templating.List {
		found[v.Name] = v
		switch v.Type {
		case "datasource":
			if v.Name != "datasource" || v.Label != "Data source" || v.query() != "prometheus" {
				report("template-datasource: %s is no variable datasource, labelled Data source, of type prometheus", v.Name)
			}
		case "query":
			if v.Refresh != 2 {
				report("template-on-time-change-reload: %s has refresh %d, want 2", v.Name, v.Refresh)
			}
			if !sources.MatchString(v.query()) {
				report("template-label-promql: %s is filled by %q", v.Name, v.query())
			}
			if v.Datasource.Type != "prometheus" || v.Datasource.UID != templated {
				report("template-datasource: %s is filled from %v", v.Name, v.Datasource)
			}
		}
	}
	if found["datasource"].Type != "datasource" {
		report("template-datasource: there is no variable datasource")
	}
	for name, label := range map[string]string{"job": "Job", "instance": "Instance"} {
		v := found[name]
		if v.Type != "query" || v.Label != label || !v.Multi || v.AllValue != ".+" || !strings.HasPrefix(v.query(), "label_values(") {
			report("template-%s: there is no such variable with label %s, many values and .+ for all of them", name, label)
		}
	}
	return problems
}

func lintPanels(d *dashboard) []string {
	var problems []string
	for _, p := range d.queries() {
		report := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s: "+format, append([]any{p.Title}, args...)...))
		}
		if p.Datasource.UID != templated {
			report("panel-datasource: its data come from %v", p.Datasource)
		}
		if p.Title == "" || p.Description == "" {
			report("panel-title-description: it has no title or no description")
		}
		if !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
			report("panel-units: %q is none of the known units", p.FieldConfig.Defaults.Unit)
		}
		if len(p.Targets) == 0 {
			report("panel-no-targets: it queries nothing")
		}
		for _, t := range p.Targets {
			if t.Datasource.Type != "prometheus" || t.Datasource.UID != templated {
				report("target-logql: it queries %v", t.Datasource)
			}
			for _, problem := range lintExpr(t.Expr) {
				report("%s", problem)
			}
		}
	}
	return problems
}

// lintExpr holds the linter's rules about expressions.
func lintExpr(expr string) []string {
	var problems []string
	if strings.TrimSpace(expr) == "" {
		problems = append(problems, "target-promql: the expression is empty")
	}
	for _, s := range selectors.FindAllStringSubmatch(expr, -1) {
		for _, label := range []string{"job", "instance"} {
			if !strings.Contains(s[2], label+`=~"$`+label+`"`) {
				problems = append(problems, fmt.Sprintf("target-%s: %s does not select by $%s", label, s[0], label))
			}
		}
	}
	counters := strings.Count(expr, "_total{")
	for _, call := range ranges.FindAllStringSubmatch(expr, -1) {
		function, of, span := call[1], call[2], call[3]
		rate := function == "rate" || function == "irate"
		// An increase over all that is shown is a number of its own, not a rate.
		if rate && span != "$__rate_interval" || function == "increase" && span != "$__rate_interval" && span != "$__range" {
			problems = append(problems, fmt.Sprintf("target-rate-interval: %s over %s", function, span))
		}
		if strings.Contains(of, "_total{") && (rate || function == "increase") {
			counters--
		}
	}
	if counters != 0 {
		problems = append(problems, "target-counter-agg: a counter is read as it is")
	}
	return problems
}

func TestDashboardsKeepTheRulesOfTheLinter(t *testing.T) {
	for name, d := range shipped(t) {
		for _, problem := range lint(d) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

func TestLintFindsWhatIsWrong(t *testing.T) {
	content, err := fs.ReadFile(Files(), "models.json")
	if err != nil {
		t.Fatal(err)
	}
	find := func(d *dashboard, name string) *variable {
		i := slices.IndexFunc(d.Templating.List, func(v variable) bool { return v.Name == name })
		return &d.Templating.List[i]
	}
	expr := func(text string) func(d *dashboard) {
		return func(d *dashboard) { d.queries()[0].Targets[0].Expr = text }
	}
	const where = `{job=~"$job", instance=~"$instance"}`
	for want, spoil := range map[string]func(d *dashboard){
		"template-datasource":            func(d *dashboard) { find(d, "datasource").Label = "Source" },
		"template-job":                   func(d *dashboard) { find(d, "job").Multi = false },
		"template-instance":              func(d *dashboard) { find(d, "instance").AllValue = ".*" },
		"template-label-promql":          func(d *dashboard) { find(d, "model").Query = json.RawMessage(`"drift_model_info"`) },
		"template-on-time-change-reload": func(d *dashboard) { find(d, "model").Refresh = 1 },
		"panel-datasource":               func(d *dashboard) { d.queries()[0].Datasource.UID = "abc" },
		"panel-title-description":        func(d *dashboard) { d.queries()[0].Description = "" },
		"panel-units":                    func(d *dashboard) { d.queries()[0].FieldConfig.Defaults.Unit = "bananas" },
		"panel-no-targets":               func(d *dashboard) { d.queries()[0].Targets = nil },
		"target-logql":                   func(d *dashboard) { d.queries()[0].Targets[0].Datasource.Type = "loki" },
		"target-promql":                  expr(""),
		"target-rate-interval":           expr("rate(drift_predictions_total" + where + "[5m])"),
		"target-job":                     expr(`up{instance=~"$instance"}`),
		"target-instance":                expr(`up{job=~"$job"}`),
		"target-counter-agg":             expr("sum(drift_predictions_total" + where + ")"),
		"uneditable":                     func(d *dashboard) { *d.Editable = true },
	} {
		t.Run(want, func(t *testing.T) {
			d := parse(t, "models.json", content)
			spoil(d)
			problems := lint(d)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, want+":") }) {
				t.Errorf("%s was not found, only %q", want, problems)
			}
		})
	}
}

// What the linter does not ask for: people find their way, panels do not overlap, and an empty one says why it is empty.
func TestDashboardsAreSound(t *testing.T) {
	uids := map[string]bool{}
	all := shipped(t)
	for _, d := range all {
		uids[d.UID] = true
	}
	for name, d := range all {
		if want := "drift-" + strings.TrimSuffix(name, ".json"); d.UID != want {
			t.Errorf("%s: its uid is %q, want %q, as links have it", name, d.UID, want)
		}
		if !slices.Contains(d.Tags, "drift_exporter") || !strings.HasPrefix(d.Title, "Drift / ") || d.Description == "" {
			t.Errorf("%s: title %q, tags %q, description %q", name, d.Title, d.Tags, d.Description)
		}
		seen := map[int]bool{}
		for i := range d.Panels {
			p := &d.Panels[i]
			if seen[p.ID] || p.ID == 0 {
				t.Errorf("%s: %s: its id %d is taken", name, p.Title, p.ID)
			}
			seen[p.ID] = true
			if p.Grid.X+p.Grid.W > 24 || p.Grid.W < 1 || p.Grid.H < 1 {
				t.Errorf("%s: %s: it lies outside of the grid", name, p.Title)
			}
			for _, o := range d.Panels[:i] {
				if p.Grid.X < o.Grid.X+o.Grid.W && o.Grid.X < p.Grid.X+p.Grid.W &&
					p.Grid.Y < o.Grid.Y+o.Grid.H && o.Grid.Y < p.Grid.Y+p.Grid.H {
					t.Errorf("%s: %s overlaps %s", name, p.Title, o.Title)
				}
			}
			checkLinks(t, name, p, uids)
		}
		for _, p := range d.queries() {
			if len(p.FieldConfig.Defaults.NoValue) < 10 {
				t.Errorf("%s: %s: without data it says only %q", name, p.Title, p.FieldConfig.Defaults.NoValue)
			}
			for i, target := range p.Targets {
				if target.RefID != string(rune('A'+i)) || target.Instant == target.Range ||
					target.Instant != (target.Format == "table") || target.Range == (target.Legend == "") ||
					strings.Contains(target.Expr, " by (le) ") != (target.Format == "heatmap") {
					t.Errorf("%s: %s: query %d is of no kind: %+v", name, p.Title, i, target)
				}
				for _, label := range unnamed(target) {
					t.Errorf("%s: %s: lines that differ in %s have the same name", name, p.Title, label)
				}
			}
		}
	}
}

// grouped matches the labels that tell the series of an expression apart.
var grouped = regexp.MustCompile(`^(?:topk\(\d+, )?\w+ by \(([^)]*)\)`)

// unnamed returns the labels that tell the lines of a graph apart, and that their names lack.
func unnamed(t target) []string {
	match := grouped.FindStringSubmatch(t.Expr)
	if match == nil || t.Instant {
		return nil
	}
	return slices.DeleteFunc(strings.Split(match[1], ", "), func(label string) bool {
		return strings.Contains(t.Legend, "{{"+label+"}}")
	})
}

// fields matches the fields of a row that a link names.
var fields = regexp.MustCompile(`\$\{__data\.fields\.(\w+)\}`)

// checkLinks checks that links lead to one of the dashboards, with fields that the rows of the table have.
func checkLinks(t *testing.T, name string, p *panel, uids map[string]bool) {
	t.Helper()
	for _, url := range p.links(t) {
		path, parameters, _ := strings.Cut(url, "?")
		uid, ok := strings.CutPrefix(path, "/d/")
		if !ok || !uids[uid] || !strings.Contains(parameters, "${datasource:queryparam}") {
			t.Errorf("%s: %s: the link %s leads to no dashboard with its data source", name, p.Title, url)
		}
		for _, match := range fields.FindAllStringSubmatch(parameters, -1) {
			label := regexp.MustCompile(`by \([^)]*\b` + match[1] + `\b[^)]*\)`)
			if len(p.Targets) == 0 || !label.MatchString(p.Targets[0].Expr) {
				t.Errorf("%s: %s: a link names the field %s, which no row has", name, p.Title, match[1])
			}
		}
	}
}

// Links between dashboards and the panels need these.
func TestDashboardsHaveTheirVariables(t *testing.T) {
	for name, want := range map[string]string{
		"models.json":   "datasource job instance model window",
		"model.json":    "datasource job instance model version window statistic",
		"column.json":   "datasource job instance model version window column statistic",
		"exporter.json": "datasource job instance model",
	} {
		var got []string
		d := shipped(t)[name]
		used, err := fs.ReadFile(Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range d.Templating.List {
			got = append(got, v.Name)
			if !strings.Contains(string(used), "$"+v.Name) && !strings.Contains(string(used), "${"+v.Name) {
				t.Errorf("%s: nothing uses the variable %s", name, v.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: the variables are %q, want %q", name, got, want)
		}
	}
}

// The page lists each dashboard with its uid, and each variable.
func TestThePageOfDashboardsIsRight(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "docs", "dashboards.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	table := page[strings.Index(page, "## Variables"):]
	for name, d := range shipped(t) {
		if row := "| `" + name + "` | `" + d.UID + "` | "; !strings.Contains(page, row) {
			t.Errorf("docs/dashboards.md has no row %q", row)
		}
		for _, v := range d.Templating.List {
			if !strings.Contains(table, "`"+v.Name+"`") {
				t.Errorf("docs/dashboards.md does not explain the variable %s of %s", v.Name, name)
			}
		}
	}
}
