package exporter

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/outcome/estimate"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/slice"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// baseline is what versions of a model are compared with.
type baseline struct {
	profile *profile.Profile
	live    []*profile.Column
	watched []*profile.Column // live and behind it what is derived from it
	// labelColumn is what labels are compared with; nil if the reference has none.
	labelColumn *profile.Column
	// fields are the batch columns of the live columns.
	fields []int
	// rules are the profile's, with the classes' codes in the model.
	rules outcome.Rules
	// slicer divides predictions; nil if no slices are configured.
	slicer *slice.Slicer
	// calibration tells the probabilities behind the scores of a binary classification; nil without.
	calibration *estimate.Calibration
	// noise holds the noise floors of the watched columns that are no texts and behind them those of the label, once
	// they have been asked for.
	noise []*stat.Floors
	// alike has for each watched column the first with the same bins.
	alike []int
}

// newBaselines builds the reference of a model and those of its versions.
func newBaselines(c *config.Model) (general *baseline, own map[string]*baseline, err error) {
	build := func(file config.File) (*baseline, error) {
		p, err := profile.Build(profileOptions(c, file))
		if err != nil {
			return nil, err
		}
		b := &baseline{profile: p, live: p.Live(), watched: profile.Watched(p.Live()), rules: p.Rules}
		b.calibration = calibration(p)
		b.watchLabel(p.Find(profile.Label), c.CutPoints)
		b.noise, b.alike = make([]*stat.Floors, len(b.watched)+1), alike(b.watched)
		return b, nil
	}
	if general, err = build(c.Reference); err != nil {
		return nil, nil, fmt.Errorf("model %q: reference: %w", c.Name, err)
	}
	own = make(map[string]*baseline)
	for _, r := range c.References {
		b, err := build(r.File)
		if err != nil {
			return nil, nil, fmt.Errorf("model %q: references.%s: %w", c.Name, r.Version, err)
		}
		want := general.profile.Rules.Task
		if b.profile.TaskUnknown {
			b.rules.Task = want
		}
		if got := b.rules.Task; got != want {
			return nil, nil, fmt.Errorf("model %q: references.%s: %s is of a %s, but reference is of a %s: set the task",
				c.Name, r.Version, r.File.Path, taskName(got), taskName(want))
		}
		own[r.Version] = b
	}
	return general, own, checkSlices(c, general, own)
}

// baselines lists all of a model's baselines, the general one first.
func (m *model) baselines() []*baseline {
	all := []*baseline{m.general}
	for _, r := range m.config.References {
		all = append(all, m.own[r.Version])
	}
	return all
}

// adopt gives a baseline's classes their codes in the model.
func (b *baseline) adopt(classes *outcome.Classes) {
	for _, class := range b.profile.Classes {
		classes.Code([]byte(class))
	}
	if b.rules.HasPositive {
		b.rules.Positive = classes.Code([]byte(b.profile.PositiveClass))
	}
}

// addTo adds to a schema what a baseline's columns need and it has not yet, and notes where they are. columns has the
// profile column of each of the schema's.
func (b *baseline) addTo(s *record.Schema, columns []*profile.Column, f config.Fields) []*profile.Column {
	for _, c := range b.live {
		at := slices.IndexFunc(columns, func(o *profile.Column) bool {
			return o.Name == c.Name && o.Kind == c.Kind && o.Role == c.Role
		})
		if at < 0 {
			at = len(columns)
			columns = append(columns, c)
			field := featureField(c, pathOf(f.Features))
			switch c.Role {
			case profile.Prediction:
				field = record.Field{Name: c.Name, Path: pathOf(f.Prediction), Kind: c.Kind, Role: record.Prediction}
			case profile.Score:
				field = record.Field{Name: c.Name, Path: pathOf(f.Score), Kind: c.Kind, Role: record.Score}
			}
			s.Columns = append(s.Columns, field)
		}
		b.fields = append(b.fields, at)
	}
	return columns
}

// floors returns the noise floors of a watched column that is no text.
func (b *baseline) floors(k int) *stat.Floors {
	if b.noise[k] == nil {
		c, alike := b.watched[k], b.alike[k]
		if b.noise[alike] == nil {
			b.noise[alike] = newFloors(b.watched[alike])
		}
		if alike != k {
			sd, _ := c.Moments.StandardDeviation()
			b.noise[k] = b.noise[alike].With(c.Points, c.Cells, sd)
		}
	}
	return b.noise[k]
}

// alike returns for each column the first that has the same bins, and with them what is simulated of these.
func alike(columns []*profile.Column) []int {
	first, firsts := make(map[string]int), make([]int, len(columns))
	var key []byte
	for k, c := range columns {
		key = append(key[:0], byte(c.Kind))
		for _, n := range c.Bins {
			key = binary.AppendUvarint(key, n)
		}
		if _, ok := first[string(key)]; !ok {
			first[string(key)] = k
		}
		firsts[k] = first[string(key)]
	}
	return firsts
}

// labelFloors returns the noise floors of the label, if there is one.
func (b *baseline) labelFloors() *stat.Floors {
	at := len(b.watched)
	if b.noise[at] == nil {
		b.noise[at] = newFloors(b.labelColumn)
	}
	return b.noise[at]
}

func newFloors(c *profile.Column) *stat.Floors {
	if c.Kind != record.Numeric {
		bins := c.Bins
		if other := c.OtherCell(); bins[other] == 0 {
			// Without rarer categories in the reference no value can be one of these.
			bins = slices.Delete(slices.Clone(bins), other, other+1)
		}
		return stat.NewFloors(bins, nil, nil, 0)
	}
	sd, _ := c.Moments.StandardDeviation()
	return stat.NewFloors(c.Bins, c.Points, c.Cells, sd)
}

// saveNoise writes the noise floors that have been simulated: a checkpoint saves who goes on from it the time.
func (b *baseline) saveNoise(e *state.Encoder) {
	var known []int
	for k, f := range b.noise {
		if f != nil {
			known = append(known, k)
		}
	}
	e.Uint(uint64(len(known)))
	for _, k := range known {
		e.Uint(uint64(k))
		b.noise[k].Save(e, k == len(b.watched) || b.alike[k] == k)
	}
}

// loadNoise reads what saveNoise wrote of the same reference.
func (b *baseline) loadNoise(d *state.Decoder) {
	for range d.Count(10) {
		switch k, last := d.Uint(), uint64(len(b.watched)); {
		case d.Err() != nil:
			return
		case k < last:
			b.floors(int(k)).Load(d)
		case k == last && b.labelColumn != nil:
			b.labelFloors().Load(d)
		default:
			d.Fail("noise floors of %d columns, of a column %d", last, k)
			return
		}
	}
}
