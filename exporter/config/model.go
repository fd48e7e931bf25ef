package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// loader holds what the values of a file cannot be read without.
type loader struct {
	// dir is what relative paths are relative to.
	dir string
	// models are the lines on which models of these names start.
	models map[string]int
	// receivers are those read so far.
	receivers []received
	// topics are the entries of topics, by group and topic.
	topics map[string]int
	// stdin is the line of the log that is the standard input, 0 if there is none.
	stdin int
}

// The ranges of durations that have no bound in their nature. They keep sums of times far from overflow.
const (
	longest     = 366 * day
	longestSpan = 10 * 365 * day
)

func (l *loader) rootKeys(c *Config) []key {
	return []key{
		{"evaluation_interval", func(v node) { v.duration(&c.EvaluationInterval, time.Second, longest) }, ""},
		{"state", func(v node) { l.readState(v, &c.State) }, ""},
		{
			"models", func(v node) { l.readModels(v, c) },
			"models: [{name: churn, reference: {path: training.csv}, predictions: {path: churn.jsonl}}]",
		},
	}
}

func (l *loader) readState(n node, s *State) {
	s.CheckpointInterval = 30 * time.Second
	n.mapping("a mapping such as {path: state}", l.stateKeys(s))
}

func (l *loader) stateKeys(s *State) []key {
	return []key{
		{"path", func(v node) { l.readPath(v, &s.Path) }, "path: state"},
		{"checkpoint_interval", func(v node) { v.duration(&s.CheckpointInterval, time.Second, day) }, ""},
	}
}

func (l *loader) readModels(n node, c *Config) {
	l.models = map[string]int{}
	items := n.items("a list of at least one model")
	for _, item := range items {
		m := defaultModel()
		l.readModel(item, &m)
		c.Models = append(c.Models, m)
	}
	checkCircles(items, c.Models)
}

func (l *loader) readModel(n node, m *Model) {
	// The name comes first wherever it stands, because the messages about the other keys start with it.
	if name, ok := n.find("name"); ok && name.Kind == yaml.ScalarNode && name.Tag != "!!null" && name.Value != "" {
		n.scope, n.path = fmt.Sprintf("model %s: ", strconv.Quote(name.Value)), ""
	}
	if n.mapping("a mapping that starts with name:", l.modelKeys(m)) {
		checkTask(n, m)
		checkEdges(n, m)
		checkSlices(n, m)
		checkChampion(n)
	}
}

func (l *loader) modelKeys(m *Model) []key {
	return []key{
		{"name", func(v node) { l.readName(v, m) }, "name: churn"},
		{"task", func(v node) { choice(v, &m.Task, Classification, Regression) }, ""},
		{"positive_class", func(v node) { v.word(&m.PositiveClass) }, ""},
		{
			"reference", func(v node) { l.readFile(v, &m.Reference) },
			"reference: {path: training.csv}",
		},
		{"references", func(v node) { l.readReferences(v, m) }, ""},
		{"moving_reference", func(v node) { v.boolean(&m.MovingReference) }, ""},
		{"predictions", func(v node) { l.readPredictions(v, m) }, `predictions: {path: "logs/churn-*.jsonl"}`},
		{"labels", func(v node) { l.readLabels(v, m) }, ""},
		{"fields", func(v node) { v.mapping("a mapping such as {id: request_id}", fieldKeys(&m.Fields)) }, ""},
		{"columns", func(v node) { readColumns(v, m) }, ""},
		{"windows", func(v node) { readWindows(v, m) }, ""},
		{"min_records", func(v node) { v.whole(&m.MinRecords, 1, 1_000_000_000) }, ""},
		{"cut_points", func(v node) { v.whole(&m.CutPoints, 16, 65536) }, ""},
		{"max_categories", func(v node) { v.whole(&m.MaxCategories, 2, 65536) }, ""},
		{"max_tokens", func(v node) { v.whole(&m.MaxTokens, 2, 65536) }, ""},
		{"max_versions", func(v node) { v.whole(&m.MaxVersions, 1, 100) }, ""},
		{"allowed_lateness", func(v node) { v.duration(&m.AllowedLateness, 0, longest) }, ""},
		{"max_future", func(v node) { v.duration(&m.MaxFuture, 0, longest) }, ""},
		{"max_ids", func(v node) { v.whole(&m.MaxIDs, 1000, 1_000_000_000) }, ""},
		{"slices", func(v node) { readSlices(v, m) }, ""},
		{"max_slice_values", func(v node) { v.whole(&m.MaxSliceValues, 4, 1000) }, ""},
		{"detectors", func(v node) { readDetectors(v, m) }, ""},
		{"champion", func(v node) { v.word(&m.Champion) }, ""},
		{"error_tolerance", func(v node) { readTolerance(v, m) }, ""},
		{"missing_values", func(v node) { readMissing(v, m) }, ""},
		{"depends_on", func(v node) { readUpstreams(v, m) }, ""},
	}
}

func (l *loader) readReferences(n node, m *Model) {
	if !n.is(yaml.MappingNode, `a mapping from versions to references, such as {"2.0": {path: training-2.csv}}`) {
		return
	}
	n.pairs(func(at node, version string, value node) {
		r := VersionReference{Version: version}
		if at.hasValue(value) && l.readFile(value, &r.File) {
			m.References = append(m.References, r)
		}
	})
	slices.SortFunc(m.References, func(a, b VersionReference) int { return strings.Compare(a.Version, b.Version) })
}

func (l *loader) readName(n node, m *Model) {
	if !n.word(&m.Name) {
		return
	}
	if line, ok := l.models[m.Name]; ok {
		n.problem("is also the name on line %d; give every model a name of its own", line)
		return
	}
	l.models[m.Name] = n.line
}

func fieldKeys(f *Fields) []key {
	return []key{
		{"id", func(v node) { readID(v, &f.ID) }, ""},
		{"timestamp", func(v node) { v.dotted(&f.Timestamp) }, ""},
		{"version", func(v node) { v.dotted(&f.Version) }, ""},
		{"model", func(v node) { v.dotted(&f.Model) }, ""},
		{"features", func(v node) { v.dotted(&f.Features) }, ""},
		{"prediction", func(v node) { v.dotted(&f.Prediction) }, ""},
		{"score", func(v node) { v.dotted(&f.Score) }, ""},
		{"label", func(v node) { v.dotted(&f.Label) }, ""},
	}
}

func readTolerance(n node, m *Model) {
	var value float64
	if !n.number(&value) {
		return
	}
	if value < 0 {
		n.problem("must not be negative; write 0 for the 90th percentile of the reference's absolute error")
		return
	}
	m.ErrorTolerance = value
}

func readMissing(n node, m *Model) {
	if !n.is(yaml.SequenceNode, `a list of texts such as ["", NA]`) {
		return
	}
	m.MissingValues = []string{}
	for _, item := range n.elements() {
		var text string
		if item.text(&text) {
			m.MissingValues = append(m.MissingValues, text)
		}
	}
}

func readWindows(n node, m *Model) {
	m.Windows = nil
	for _, item := range n.items("a list of durations such as [1h, 24h]") {
		w := Window{Name: item.Value}
		if !item.duration(&w.Length, time.Minute, longestSpan) {
			continue
		}
		same := func(earlier Window) bool { return earlier.Length == w.Length }
		if i := slices.IndexFunc(m.Windows, same); i >= 0 {
			item.problem("%s is as long as the window %s; remove one of the two", w.Name, m.Windows[i].Name)
			continue
		}
		m.Windows = append(m.Windows, w)
	}
	slices.SortFunc(m.Windows, func(a, b Window) int { return cmp.Compare(a.Length, b.Length) })
}

// checkTask reports what does not go together with the task.
func checkTask(n node, m *Model) {
	class, hasClass := n.find("positive_class")
	tolerance, hasTolerance := n.find("error_tolerance")
	switch {
	case hasClass && m.Task == Regression:
		class.problem("a regression has no classes; remove it or change the task")
	case hasTolerance && m.Task == Classification:
		tolerance.problem("a classification has no tolerance; remove it or change the task")
	case hasClass && hasTolerance && m.Task == "":
		tolerance.problem("is for regression and positive_class for classification; remove one of the two")
	}
}
