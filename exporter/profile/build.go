package profile

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
	"github.com/drift-exporter/drift_exporter/exporter/turns"
)

// Options say how a reference is read.
type Options struct {
	// Path is the file. Format is its format, as decode.Lookup knows it or FormatProfile or FormatSageMaker; "" is told by
	// what the file holds and by its ending.
	Path, Format string
	// Header are the names of the columns of a CSV file without a header line, or of those that decode.Options.Names are
	// about; none if the file has them.
	Header []string
	Names  Names
	// Columns are the columns about which something was said.
	Columns map[string]ColumnOptions
	// Task is what the model does; HasTask says that it was said.
	Task    outcome.Task
	HasTask bool
	// PositiveClass is the class that the score is the probability of; "" if it was not said.
	PositiveClass string
	// Tolerance is the absolute error beyond which a regression's prediction is an error; 0 if it was not said.
	Tolerance float64
	// CutPoints bounds the cut points of a column, MaxCategories its categories, MaxTokens the tokens of a text column
	// that are told apart.
	CutPoints, MaxCategories, MaxTokens int
	// Missing are the texts that stand for no value in formats without types.
	Missing []string
}

// Names are the fields of a log that are no features.
type Names struct {
	ID, Time, Version, Model, Features, Prediction, Score, Label string
}

// ColumnOptions is what was said about a column.
type ColumnOptions struct {
	Kind    record.Kind
	HasKind bool
	Edges   []float64
	Ignore  bool
}

// wanted is a column of the reference that will be compared.
type wanted struct {
	sighting *sighting
	name     string
	role     Role
	kind     record.Kind
	why      string
	edges    []float64
}

// builder collects the reference.
type builder struct {
	options Options
	profile *Profile
	columns []*wanted
	rows    int
	results *results
	sample  *sample // nil if there are no rows to take it from
}

type categoryCount struct {
	name  string
	count uint64
}

// Build returns the profile of a reference: of training data, which it reads once, keeping a bounded part of it; or of
// a file that holds a profile or statistics already, by Options.Format or by what it holds.
func Build(o Options) (*Profile, error) {
	file, err := os.Open(o.Path)
	if err != nil {
		return nil, fmt.Errorf("opening reference: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("looking at reference: %w", err)
	}
	b := &builder{options: o, profile: &Profile{Path: o.Path, Modified: info.ModTime()}}
	b.profile.file, b.profile.written = o.Path, info.ModTime()
	b.results = newResults(b)
	unpacked, err := source.Unpack(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	in := bufio.NewReaderSize(unpacked, 1<<16)
	switch b.options.Format = formatOf(o, in); b.options.Format {
	case FormatProfile:
		return load(in, o, info.ModTime())
	case decode.FormatParquet:
		err = b.readParquet(file, info.Size())
	case FormatSageMaker:
		err = b.readSageMaker(in)
	default:
		err = b.readRows(in)
	}
	if err != nil {
		return nil, err
	}
	return b.profile, nil
}

// complete makes the profile of what has been collected of all columns.
func (b *builder) complete(all []*sighting) error {
	if err := b.choose(all); err != nil {
		return fmt.Errorf("%s: %w", b.options.Path, err)
	}
	if b.rows == 0 {
		return fmt.Errorf("%s: has no rows", b.options.Path)
	}
	if err := b.finish(); err != nil {
		return fmt.Errorf("%s: %w", b.options.Path, err)
	}
	b.fitErrors()
	return nil
}

// choose decides which columns are compared, and as what.
func (b *builder) choose(all []*sighting) error {
	names, o := b.options.Names, b.options
	taken := make(map[*sighting]bool)
	prediction, score, label := outcomes(all, names, taken)
	var ignored []string
	for _, name := range [][2]string{
		{names.ID, "id"}, {names.Time, "timestamp"}, {names.Version, "model_version"}, {names.Model, "model"},
	} {
		if s := take(all, name[0], name[1], taken); s != nil {
			ignored = append(ignored, s.name)
			b.leave(s.name, "is no feature but the record's "+name[1])
		}
	}
	b.inferTask(prediction, score, label)
	said := maps.Clone(o.Columns)
	for _, name := range ignored {
		if said[name].Ignore {
			delete(said, name)
		}
	}
	if err := b.chooseFeatures(all, taken, said); err != nil {
		return err
	}
	if err := b.chooseOutcomes(prediction, score, label, said); err != nil {
		return err
	}
	if len(said) > 0 {
		return fmt.Errorf("has no column %q, which the configuration names; it has %s",
			slices.Sorted(maps.Keys(said))[0], listNames(all, names.Features))
	}
	if len(b.columns) == 0 {
		return errors.New("has no column that can be compared")
	}
	return b.checkLengths()
}

// checkLengths refuses a column that has the name under which the length of a text column is served.
func (b *builder) checkLengths() error {
	names := make(map[string]bool)
	for _, w := range b.columns {
		names[w.name] = true
	}
	for _, w := range b.columns {
		if length := lengthName(w.name); w.kind == record.Text && names[length] {
			return fmt.Errorf("column %q: is text, and the number of its tokens would be served as column %q, which the "+
				"reference has too: rename or ignore one of the two", w.name, length)
		}
	}
	return nil
}

// outcomes finds the columns of prediction, score and label, nil where there is none, and marks them as taken.
func outcomes(all []*sighting, n Names, taken map[*sighting]bool) (prediction, score, label *sighting) {
	prediction = take(all, n.Prediction, string(Prediction), taken)
	score = take(all, n.Score, string(Score), taken)
	label = take(all, n.Label, string(Label), taken)
	return prediction, score, label
}

// take returns the first column that may be a field and is not taken yet, and marks it as taken; nil if there is none.
func take(all []*sighting, name, usual string, taken map[*sighting]bool) *sighting {
	for _, s := range candidates(all, name, usual) {
		if !taken[s] {
			taken[s] = true
			return s
		}
	}
	return nil
}

// chooseOutcomes takes in prediction, score and label, as far as they are there. It deletes from said what it has used.
func (b *builder) chooseOutcomes(prediction, score, label *sighting, said map[string]ColumnOptions) error {
	kind := outcomeKind(b.profile.Rules.Task)
	for _, m := range []struct {
		s    *sighting
		role Role
		kind record.Kind
	}{{prediction, Prediction, kind}, {score, Score, record.Numeric}, {label, Label, kind}} {
		if m.s == nil {
			continue
		}
		name := string(m.role)
		says := said[name]
		delete(said, name)
		switch {
		case says.Ignore:
			return fmt.Errorf("column %q: cannot be ignored, for it is the %s: remove it from the reference or name "+
				"another field in fields", name, name)
		case says.HasKind && says.Kind != m.kind, says.Edges != nil && m.kind != record.Numeric:
			return fmt.Errorf("column %q: is %s because of the task: remove its kind and edges, or set the task", name, m.kind)
		}
		b.want(m.s, name, m.role, m.kind, "by its role", says.Edges)
	}
	return nil
}

// chooseFeatures decides on the columns that are not taken. It deletes from said what it has used.
func (b *builder) chooseFeatures(all []*sighting, taken map[*sighting]bool, said map[string]ColumnOptions) error {
	features := b.options.Names.Features
	nested := make(map[string]bool)
	for _, s := range all {
		if name := featureName(s, features); name != s.name {
			nested[name] = true
		}
	}
	for _, s := range all {
		if taken[s] {
			continue
		}
		name := featureName(s, features)
		switch {
		case name == "":
			b.leave(strconv.Quote(s.name), "has no name")
			continue
		case name == s.name && nested[name]:
			b.leave(name, "also stands inside of "+features)
			continue
		}
		says, ok := said[name]
		delete(said, name)
		if says.Ignore {
			b.leave(name, "is ignored by the configuration")
			continue
		}
		kind, why, leave := s.kind()
		if ok && says.HasKind {
			kind, why, leave = says.Kind, "configured", ""
		}
		if leave != "" {
			b.leave(name, leave)
			continue
		}
		if says.Edges != nil && kind != record.Numeric {
			return fmt.Errorf("column %q: has edges but is %s: set its kind to numeric or remove the edges", name, kind)
		}
		b.want(s, name, Feature, kind, why, says.Edges)
	}
	return nil
}

// candidates returns the columns that may be a field: by its full path, by the last element of that, by its usual name.
func candidates(all []*sighting, name, usual string) []*sighting {
	var list []*sighting
	for _, want := range spellings(name, usual) {
		for _, s := range all {
			if s.name == want && !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	return list
}

func spellings(name, usual string) []string {
	return []string{name, name[strings.LastIndex(name, ".")+1:], usual}
}

// featureName is a column's name without the object in which features stand.
func featureName(s *sighting, features string) string {
	return strings.TrimPrefix(s.name, features+".")
}

func listNames(all []*sighting, features string) string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = featureName(s, features)
	}
	return strings.Join(names, ", ")
}

func (b *builder) leave(name, why string) {
	b.profile.LeftOut = append(b.profile.LeftOut, LeftOut{name, why})
}

func (b *builder) want(s *sighting, name string, role Role, kind record.Kind, why string, edges []float64) {
	b.columns = append(b.columns, &wanted{
		sighting: s, name: name, role: role, kind: kind, why: why, edges: edges,
	})
}

// inferTask finds out what the model does, unless that was said.
func (b *builder) inferTask(prediction, score, label *sighting) {
	p := b.profile
	if b.options.HasTask {
		p.Rules.Task, p.TaskWhy = b.options.Task, "configured"
		return
	}
	outcomes := prediction
	if outcomes == nil || outcomes.values == 0 && label != nil {
		outcomes = label
	}
	switch {
	case outcomes == nil:
		p.Rules.Task, p.TaskUnknown = outcome.Regression, true
		p.TaskWhy = "nothing known: the reference has no prediction and no label"
		if score != nil {
			p.Rules.Task, p.TaskUnknown, p.TaskWhy = outcome.Classification, false, "the reference has scores"
		}
	case score != nil:
		p.Rules.Task, p.TaskWhy = outcome.Classification, "the reference has scores"
	default:
		if kind, _, leave := outcomes.kind(); kind == record.Numeric && leave == "" {
			p.Rules.Task, p.TaskWhy = outcome.Regression, outcomes.name+" holds numbers"
		} else {
			p.Rules.Task, p.TaskWhy = outcome.Classification, outcomes.name+" holds classes"
		}
	}
}

// finish turns what was collected into columns, and sets the profile's rules and performance.
func (b *builder) finish() (err error) {
	b.profile.Rows = uint64(b.rows)
	columns, leave := make([]Column, len(b.columns)), make([]string, len(b.columns))
	turns.Each(len(b.columns)+1, func(i int) {
		if i < len(b.columns) {
			columns[i], leave[i] = b.column(b.columns[i])
		} else { // Now the memory of the values of most columns is free.
			err = b.results.finish()
		}
	})
	for i, w := range b.columns {
		if leave[i] != "" {
			b.leave(w.name, leave[i])
			continue
		}
		b.profile.Columns = append(b.profile.Columns, columns[i])
	}
	return err
}

// column returns the column of what was collected. leave is why there is none, "" if there is one.
func (b *builder) column(w *wanted) (c Column, leave string) {
	var ok bool
	numbers, names := w.sighting.asNumbers, w.sighting.asNames
	switch w.kind {
	case record.Numeric:
		if c, ok = numbers.column(w.edges); !ok {
			return c, "has no numbers"
		}
		c.Missing, c.Invalid = numbers.missing, numbers.invalid
	case record.Categorical:
		if c, ok = names.column(b.options.MaxCategories); !ok {
			return c, "has no values"
		}
		c.Missing, c.Invalid = names.missing, names.invalid
	default:
		texts := w.sighting.asTexts
		if texts == nil {
			return c, "looks like prose only further down: set its kind to text or to categorical"
		}
		if texts.texts == 0 {
			return c, "has no values"
		}
		c = newText(w.name, texts, b.options.MaxTokens)
		c.Missing, c.Invalid = names.missing, names.invalid
		c.Text.Length.Role, c.Text.Length.Rows = w.role, uint64(b.rows)
		c.Text.Length.Missing, c.Text.Length.Invalid = names.missing, names.invalid
	}
	c.Name, c.Role, c.Kind, c.Why, c.Rows = w.name, w.role, w.kind, w.why, uint64(b.rows)
	return c, ""
}

// byFrequency lists counts, the largest first, equal ones by name.
func byFrequency(counts map[string]uint64) []categoryCount {
	list := make([]categoryCount, 0, len(counts))
	for name, n := range counts {
		list = append(list, categoryCount{name, n})
	}
	slices.SortFunc(list, func(x, y categoryCount) int {
		if x.count != y.count {
			if x.count > y.count {
				return -1
			}
			return 1
		}
		return strings.Compare(x.name, y.name)
	})
	return list
}
