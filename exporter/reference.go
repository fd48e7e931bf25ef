package exporter

import (
	"fmt"
	"io"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// profileOptions says how a reference of a configured model is read.
func profileOptions(c *config.Model, file config.File) profile.Options {
	f := c.Fields
	o := profile.Options{
		Path: file.Path, Format: formatOf(file.Format, file.Path),
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

// describe prints what was found in a model's reference, for --config.check.
func describe(w io.Writer, c *config.Model, p *profile.Profile) {
	fmt.Fprintf(w, "model %q: %s (%s)", c.Name, taskName(p.Rules.Task), p.TaskWhy)
	if p.PositiveClass != "" {
		fmt.Fprintf(w, ", positive class %q (%s)", p.PositiveClass, p.PositiveWhy)
	}
	if p.Rules.Task == outcome.Regression && p.Rules.Tolerance > 0 {
		fmt.Fprintf(w, ", an error is a miss by more than %.6g", p.Rules.Tolerance)
	}
	fmt.Fprintf(w, "\n  reference %s: %d rows\n", p.Path, p.Rows)
	for i := range p.Columns {
		fmt.Fprintf(w, "  %s\n", p.Columns[i].String())
		if t := p.Columns[i].Text; t != nil {
			fmt.Fprintf(w, "  %s\n", t.Length.String())
		}
	}
	for _, l := range p.LeftOut {
		fmt.Fprintf(w, "  %s: left out, %s\n", l.Name, l.Why)
	}
}
