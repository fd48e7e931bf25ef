package profile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/boost"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/outcome/estimate"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// ErrorModel tells how large the errors of a regression are expected to be: see estimate.FitErrors.
type ErrorModel struct {
	// Features are the names of the columns that it looks at, numeric or categorical. Its inputs are their values, numbers
	// or Column.Input, and behind them the prediction. Its outputs are the absolute and the squared error.
	Features []string
	Trees    *boost.Model
}

// storedErrors is an ErrorModel as a file has it.
type storedErrors struct {
	Features []text       `json:"features"`
	Trees    *boost.Model `json:"trees"`
}

// Input returns the code of a value of a categorical column, for models of more than one column. Categories that the
// reference lacks are codes beyond those of Inputs.
func (c *Column) Input(value []byte) float64 { return float64(c.Category(value)) }

// Inputs is the number of codes that Input has for the reference's values; 0 for a numeric column.
func (c *Column) Inputs() int {
	if c.Kind == record.Numeric {
		return 0
	}
	return c.UnseenCell()
}

// fitErrors sets the model of the errors, if the sample has enough rows.
func (b *builder) fitErrors() {
	p := b.profile
	if p.Rules.Task != outcome.Regression || b.sample == nil || len(b.sample.hashes) == 0 {
		return
	}
	var inputs []boost.Column
	model := &ErrorModel{}
	for _, w := range b.columns {
		c := p.Feature(w.name)
		if w.role != Feature || c == nil || c.Kind == record.Text {
			continue
		}
		input := boost.Column{Categories: c.Inputs()}
		if c.Kind == record.Numeric {
			input.Values = b.sample.numbersOf(w.sighting)
		} else {
			input.Values = b.sample.codesOf(w.sighting, c)
		}
		inputs = append(inputs, input)
		model.Features = append(model.Features, w.name)
	}
	predictions, labels := b.sample.numbersOf(b.results.prediction), b.sample.numbersOf(b.results.label)
	var ok bool
	if model.Trees, ok = estimate.FitErrors(inputs, predictions, labels); ok {
		p.Errors = model
	}
}

// Feature returns the feature of a name, nil if there is none.
func (p *Profile) Feature(name string) *Column {
	i := slices.IndexFunc(p.Columns, func(c Column) bool { return c.Name == name && c.Role == Feature })
	if i < 0 {
		return nil
	}
	return &p.Columns[i]
}

func (m *ErrorModel) stored() *storedErrors {
	if m == nil {
		return nil
	}
	return &storedErrors{Features: texts(m.Features), Trees: m.Trees}
}

// restoreErrors takes in the model of a file, after the columns.
func (p *Profile) restoreErrors(s *storedErrors) error {
	if s == nil {
		return nil
	}
	if p.Rules.Task != outcome.Regression || s.Trees == nil {
		return errors.New("errors: there are no trees, or no regression to use them")
	}
	m := &ErrorModel{Features: stringsOf(s.Features), Trees: s.Trees}
	if err := m.Trees.Check(len(m.Features)+1, 2); err != nil {
		return fmt.Errorf("errors: %w", err)
	}
	for i, ranks := range m.Trees.Ranks {
		codes := 0
		if i < len(m.Features) {
			c := p.Feature(m.Features[i])
			if c == nil || c.Kind == record.Text || slices.Contains(m.Features[:i], c.Name) {
				return fmt.Errorf("errors: %q is no feature that trees can look at, or is there twice", m.Features[i])
			}
			codes = c.Inputs()
		}
		if len(ranks) != codes {
			return fmt.Errorf("errors: input %d has %d categories, not %d", i, len(ranks), codes)
		}
	}
	p.Errors = m
	return nil
}
