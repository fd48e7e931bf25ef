// Package profile holds what is known of a model's training data: for each column the cells into which live values are
// counted, the reference's counts of them, and the performance that the model had. A profile never changes.
package profile

import (
	"os"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Profile is the reference of a model.
type Profile struct {
	// Path is the file that it was built from, and Modified that file's modification time.
	Path     string
	Modified time.Time
	Rows     uint64
	// file is the file that was read, and written its modification time: of a profile that was loaded, its own file.
	file    string
	written time.Time
	// Columns are the features in the order of the file, then prediction, score and label as far as they are there.
	Columns []Column
	// LeftOut are the columns that are not compared, and why.
	LeftOut []LeftOut
	// Rules say how outcomes are judged; Classes are the classes they count.
	Rules   outcome.Rules
	Classes []string
	// PositiveClass is the class that the score is the probability of; "" if there is none.
	PositiveClass string
	// TaskWhy and PositiveWhy say how the two were found.
	TaskWhy, PositiveWhy string
	// TaskUnknown says that nothing in the reference tells the task, so that any one is as good.
	TaskUnknown bool
	// Performance is the reference's own: empty unless it holds predictions and labels.
	Performance *outcome.Tally
	// Errors tells how large errors are expected to be; nil but for regressions whose reference has enough predictions
	// with labels.
	Errors *ErrorModel
	// ToleranceError is the share of the reference's errors by which the rank of an inferred tolerance may be off, as
	// Column.RankError; 0 if all errors have been sorted.
	ToleranceError float64
}

// LeftOut is a column of the reference that is not compared.
type LeftOut struct {
	Name, Why string
}

// Outdated reports whether the file that Build read the profile from has been written since, or is gone.
func (p *Profile) Outdated() bool {
	info, err := os.Stat(p.file)
	return err != nil || !info.ModTime().Equal(p.written)
}

// Live returns the columns that prediction logs have: all but the label.
func (p *Profile) Live() []*Column {
	var live []*Column
	for i := range p.Columns {
		if p.Columns[i].Role != Label {
			live = append(live, &p.Columns[i])
		}
	}
	return live
}

// Find returns the column of a role other than Feature, or nil.
func (p *Profile) Find(r Role) *Column {
	for i := range p.Columns {
		if p.Columns[i].Role == r {
			return &p.Columns[i]
		}
	}
	return nil
}

// OutcomeKind is the kind of the model's predictions and labels.
func (p *Profile) OutcomeKind() record.Kind { return outcomeKind(p.Rules.Task) }

func outcomeKind(task outcome.Task) record.Kind {
	if task == outcome.Classification {
		return record.Categorical
	}
	return record.Numeric
}
