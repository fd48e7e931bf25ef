package config

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
)

func (l *loader) fileKeys(f *File) []key {
	return []key{
		{"path", func(v node) { l.readPath(v, &f.Path) }, "path: training.csv"},
		{"format", func(v node) {
			choice(v, &f.Format, JSONL, CSV, JSON, Logfmt, TFRecord, Parquet, Profile, SageMakerStatistics)
		}, ""},
		{"header", func(v node) { readHeader(v, &f.Header) }, ""},
	}
}

// readFile reads the file of a reference.
func (l *loader) readFile(n node, f *File) bool {
	if !n.mapping("a mapping such as {path: training.csv}", l.fileKeys(f)) {
		return false
	}
	checkFormat(n, FormatOf(f.Format, f.Path))
	return true
}

func (l *loader) sourceKeys(s *Source) []key {
	return []key{
		{"path", func(v node) { l.readPattern(v, &s.Path) }, `path: "logs/*.jsonl"`},
		{"receive", func(v node) { l.readReceive(v, s) }, ""},
		{"kafka", func(v node) { l.readKafka(v, s) }, ""},
		{"format", func(v node) { choice(v, &s.Format, JSONL, CSV, JSON, Logfmt, TFRecord, Parquet) }, ""},
		{"header", func(v node) { readHeader(v, &s.Header) }, ""},
		{"unwrap", func(v node) { choice(v, &s.Unwrap, Docker, CRI) }, ""},
		{"id", func(v node) { readID(v, &s.ID) }, ""},
		{"start_at", func(v node) { readStartAt(v, &s.StartAt) }, ""},
		{"where", func(v node) { readWhere(v, s) }, ""},
		{"preset", func(v node) { readPreset(v, &s.Spec, &s.Preset) }, ""},
		{"mapping", func(v node) { readInline(v, s) }, ""},
		{"feature_names", func(v node) { l.readFeatureNames(v, &s.FeatureNames) }, ""},
	}
}

// readFeatureNames reads a list of names, or the path of a file that has them.
func (l *loader) readFeatureNames(n node, f *FeatureNames) {
	if n.Kind == yaml.ScalarNode {
		l.readPath(n, &f.Path)
		return
	}
	f.List = readWords(n, "a list of names such as [age, plan], or the path of a statistics.json")
}

// complete checks what does not go together in what is said of a log, and completes its mapping by it.
func (s *Source) complete(n node) {
	preset, hasPreset := n.find("preset")
	names, hasNames := n.find("feature_names")
	if _, hasMapping := n.find("mapping"); hasPreset && hasMapping {
		preset.problem("has no place beside mapping; write extends: %s in the mapping", preset.Value)
	} else if hasNames && !hasMapping && (!hasPreset || preset.Value == native) {
		names.problem("is for a log with a preset or a mapping; remove it, the names stand in the log")
	}
	checkStdin(n, s)
	if s.Kafka != nil {
		s.checkMessages(n)
	}
	checkStartAt(n, s)
	if s.Spec == nil {
		checkFormat(n, FormatOf(s.Format, s.Path))
		return
	}
	if s.Receive != nil {
		s.checkReceived(n)
	}
	for _, key := range []string{"format", "header"} {
		if said, ok := n.find(key); ok {
			said.problem("has no place beside a preset or a mapping, which says it; remove it")
		}
	}
	if wrapped, ok := n.find("unwrap"); ok {
		if s.Spec.Unwrap = string(s.Unwrap); !mapping.TakesUnwrap(s.Spec.Format) {
			wrapped.problem("the records of %s are not single lines; remove it", s.Spec.Format)
		}
	}
	if s.ID != "" {
		s.Spec.RowID = s.ID
		if !strings.Contains(s.ID, "{") {
			s.Spec.RowID = "{" + s.ID + "}"
		}
	}
	if len(s.FeatureNames.List) > 0 {
		s.Spec.Names = s.FeatureNames.List
	}
}

func (l *loader) labelKeys(s *Source, inPredictions *bool, timeout *labelTimeout) []key {
	keys := append(l.sourceKeys(s), key{"timeout", timeout.read, ""},
		key{"in_predictions", func(v node) { v.boolean(inPredictions) }, ""})
	keys[0].example = "" // see readLabels
	return keys
}

func (l *loader) readPredictions(n node, m *Model) {
	m.Predictions = readSources(n, `{path: "logs/*.jsonl"}`, func(item node, want string) (s Source, ok bool) {
		keys := l.sourceKeys(&s)
		if received, topic := item.isReceived(), item.isTopic(); received || topic {
			keys[0].example = ""
		}
		if ok = item.mapping(want, keys); ok {
			s.complete(item)
		}
		return s, ok
	})
}

// readLabels reads logs of labels, and entries without a path that say that labels stand in the log of predictions.
func (l *loader) readLabels(n node, m *Model) {
	timeout := &labelTimeout{value: &m.LabelTimeout}
	m.Labels = readSources(n, `{path: "labels/*.jsonl"}`, func(item node, want string) (s Source, ok bool) {
		inPredictions := false
		if !item.mapping(want, l.labelKeys(&s, &inPredictions, timeout)) {
			return s, false
		}
		s.complete(item)
		m.LabelsInPredictions = m.LabelsInPredictions || inPredictions
		path, hasPath := item.find("path")
		receive, _ := item.find("receive")
		hasReceive := item.isReceived()
		kafka, _ := item.find("kafka")
		hasTopic := item.isTopic()
		_, told := item.find("in_predictions")
		switch {
		case inPredictions && hasReceive:
			receive.problem("has no place beside in_predictions: true; make two entries of labels of them")
		case inPredictions && hasTopic:
			kafka.problem("has no place beside in_predictions: true; make two entries of labels of them")
		case inPredictions && hasPath:
			path.problem("has no place beside in_predictions: true; make two entries of labels of them")
		case !told && !hasPath && !hasReceive && !hasTopic:
			missing := item.key("path", item.Node)
			missing.line, missing.column = item.line, item.column
			missing.problem(`is missing; add it, as in path: "labels/*.jsonl", or in_predictions: true`)
		}
		return s, (hasPath || hasReceive || hasTopic) && !inPredictions
	})
}

// readSources reads one mapping or a list of them. read says whether an entry is a source.
func readSources(n node, example string, read func(item node, want string) (Source, bool)) []Source {
	want := "a mapping such as " + example + " or a list of such mappings"
	items := []node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.items(want)
	}
	var all []Source
	for _, item := range items {
		s, ok := read(item, want)
		if !ok {
			continue
		}
		same := func(o Source) bool { return o.Path == s.Path && slices.Equal(o.Where, s.Where) }
		if s.Path != "" && slices.ContainsFunc(all, same) {
			item.problem("has the path and where of an entry before it; remove one, or records would count twice")
		}
		all = append(all, s)
	}
	return all
}

// labelTimeout reads the one timeout that all entries of labels share.
type labelTimeout struct {
	value *time.Duration
	// line is where the timeout was first given, 0 before.
	line int
}

func (t *labelTimeout) read(n node) {
	var value time.Duration
	if !n.duration(&value, time.Second, longestSpan) {
		return
	}
	if t.line != 0 && value != *t.value {
		n.problem("differs from the %s on line %d; a model's labels share one timeout, so give it once",
			model.Duration(*t.value), t.line)
		return
	}
	*t.value, t.line = value, n.line
}

func readWhere(n node, s *Source) {
	if !n.is(yaml.MappingNode, "a mapping such as {model: churn}") {
		return
	}
	n.pairs(func(at node, field string, value node) {
		var text string
		if at.hasValue(value) && value.text(&text) && at.checkDotted(field) {
			s.Where = append(s.Where, Condition{field, text})
		}
	})
	slices.SortFunc(s.Where, func(a, b Condition) int { return strings.Compare(a.Field, b.Field) })
}

// readPath reads the path of one file.
func (l *loader) readPath(n node, dst *string) {
	if n.word(dst) && !filepath.IsAbs(*dst) {
		*dst = filepath.Join(l.dir, *dst)
	}
}

// readPattern reads a glob pattern. The folder in front of a relative one is plain text, whatever characters it has.
func (l *loader) readPattern(n node, dst *string) {
	var pattern string
	if !n.word(&pattern) {
		return
	}
	if pattern == Stdin {
		l.readStdin(n, dst)
		return
	}
	written := pattern
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(PlainPattern(l.dir), pattern)
	}
	if !doublestar.ValidatePattern(written) || !doublestar.ValidatePattern(pattern) {
		n.problem("%s is not a glob pattern; close its brackets, or write \\ before a character that is meant as such",
			shorten(written))
		return
	}
	if pattern == Stdin {
		pattern = "./" + pattern // a file of that name in the working directory
	}
	*dst = pattern
}

// PlainPattern returns the pattern that matches a path and no other.
func PlainPattern(path string) string {
	plain := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`)
	return plain.Replace(path)
}

// readStdin takes the standard input for a log, unless another one has taken it.
func (l *loader) readStdin(n node, dst *string) {
	if l.stdin != 0 {
		n.problem("is the standard input, which line %d reads already; it can be read only once", l.stdin)
		return
	}
	l.stdin = n.line
	*dst = Stdin
}

// checkStdin reports a format that cannot be read from beginning to end.
func checkStdin(n node, s *Source) {
	if format, ok := n.find("format"); ok && s.Path == Stdin && s.Format == Parquet {
		format.problem("the standard input cannot be read as parquet, which ends with its table of contents; " +
			"write it to a file")
	}
}
