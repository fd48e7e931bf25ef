package exporter

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/slice"
)

// profileOptions says how a reference of a configured model is read.
func profileOptions(c *config.Model, file config.File) profile.Options {
	f := c.Fields
	o := profile.Options{
		Path: file.Path, Format: string(file.Format), Header: file.Header,
		Names: profile.Names{
			ID: f.ID, Time: f.Timestamp, Version: f.Version, Model: f.Model,
			Features: f.Features, Prediction: f.Prediction, Score: f.Score, Label: f.Label,
		},
		Columns: make(map[string]profile.ColumnOptions),
		HasTask: c.Task != "", PositiveClass: c.PositiveClass, Tolerance: c.ErrorTolerance,
		CutPoints: c.CutPoints, MaxCategories: c.MaxCategories, MaxTokens: c.MaxTokens,
		Missing: c.MissingValues,
	}
	if c.Task == config.Regression {
		o.Task = outcome.Regression
	}
	kinds := map[config.Kind]record.Kind{
		config.Numeric: record.Numeric, config.Categorical: record.Categorical, config.Text: record.Text,
	}
	for _, column := range c.Columns {
		kind, ok := kinds[column.Kind]
		o.Columns[column.Name] = profile.ColumnOptions{
			Kind: kind, HasKind: ok, Edges: column.Edges, Ignore: column.Ignore,
		}
	}
	return o
}

// WriteProfile builds the reference of a configured model, saves its profile at a path, and prints what was inferred.
// An empty name stands for the only model.
func (e *Exporter) WriteProfile(w io.Writer, name, path string) error {
	models := e.config.Load().Models
	i := slices.IndexFunc(models, func(m config.Model) bool { return m.Name == name })
	if name == "" && len(models) == 1 {
		i = 0
	}
	if i < 0 {
		var names []string
		for _, m := range models {
			names = append(names, strconv.Quote(m.Name))
		}
		return fmt.Errorf("there is no model %q: name one of %s", name, strings.Join(names, ", "))
	}
	c := &models[i]
	p, err := profile.Build(profileOptions(c, c.Reference))
	if err != nil {
		return fmt.Errorf("model %q: reference: %w", c.Name, err)
	}
	if err := p.Save(path); err != nil {
		return fmt.Errorf("model %q: %w", c.Name, err)
	}
	describe(w, c, c.Reference.Path, p)
	return nil
}

// describe prints what was found in the reference at a path, for --config.check.
func describe(w io.Writer, c *config.Model, path string, p *profile.Profile) {
	fmt.Fprintf(w, "model %q: %s (%s)", c.Name, taskName(p.Rules.Task), p.TaskWhy)
	if p.PositiveClass != "" {
		fmt.Fprintf(w, ", positive class %q (%s)", p.PositiveClass, p.PositiveWhy)
	}
	if p.Rules.Task == outcome.Regression && p.Rules.Tolerance > 0 {
		fmt.Fprintf(w, ", an error is a miss by more than %.6g", p.Rules.Tolerance)
		if p.ToleranceError > 0 {
			fmt.Fprintf(w, " (rank within %.2g%%)", 100*p.ToleranceError)
		}
	}
	fmt.Fprintf(w, "\n  reference %s: %d rows", p.Path, p.Rows)
	if p.Path != path {
		fmt.Fprintf(w, ", by its profile %s", path)
	}
	fmt.Fprintln(w)
	for i := range p.Columns {
		fmt.Fprintf(w, "  %s\n", p.Columns[i].String())
		if t := p.Columns[i].Text; t != nil {
			fmt.Fprintf(w, "  %s\n", t.Length.String())
		}
	}
	for _, l := range p.LeftOut {
		fmt.Fprintf(w, "  %s: left out, %s\n", l.Name, l.Why)
	}
	live := p.Live()
	describeSlices(w, slice.New(slicesBy(c), live, make([]int, len(live)), c.MaxSliceValues))
}
