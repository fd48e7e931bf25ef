package exporter

import (
	"math"
	"slices"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/boost"
	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/outcome/estimate"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/state"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// estimator estimates the performance of one version of a model from its predictions alone.
type estimator interface {
	// add takes in some rows of a batch, all of one pane of the windows.
	add(b *record.Batch, rows []uint32)
	advance(now int64)
	// estimate returns the method's name, how many predictions the i-th window has that can be judged, and what is
	// expected of them.
	estimate(i int) (method string, n uint64, metrics []outcome.Metric)
	save(e *state.Encoder)
	load(d *state.Decoder)
}

// newEstimators returns the estimators that a reference allows for.
func newEstimators(own *baseline, lengths []time.Duration) []estimator {
	switch {
	case own.profile.Errors != nil:
		return []estimator{newErrorEstimator(own, lengths)}
	case own.calibration != nil:
		return []estimator{newBinaryEstimator(own, lengths)}
	}
	return nil
}

// estimate takes in some rows of a batch, all of one pane of the windows.
func (mon *monitor) estimate(b *record.Batch, rows []uint32) {
	for _, s := range mon.estimators {
		s.add(b, rows)
	}
}

func (mon *monitor) advanceEstimates(now int64) {
	for _, s := range mon.estimators {
		s.advance(now)
	}
}

// calibration returns what the scores of a binary classification mean by its reference; nil if that does not tell. With
// a third class, what is right does not follow from the probability of one.
func calibration(p *profile.Profile) *estimate.Calibration {
	if !p.Rules.HasPositive || len(p.Classes) != 2 || p.Find(profile.Prediction) == nil || p.Find(profile.Score) == nil {
		return nil
	}
	c, _ := estimate.NewCalibration(p.Performance.State().Scores)
	return c
}

// field returns the batch column of a live column.
func (b *baseline) field(name string, role profile.Role) int {
	return b.fields[slices.IndexFunc(b.live, func(c *profile.Column) bool { return c.Name == name && c.Role == role })]
}

// binaryEstimator estimates by calibrated scores (CBPE).
type binaryEstimator struct {
	*window.Tallies[*estimate.Binary]
	calibration       *estimate.Calibration
	prediction, score int // columns of a batch
	classes           *profile.Column
	// class is the positive class, and cell its own among the classes; -1 if the reference never predicts it.
	class string
	cell  int
	// positive and negative are the classes that were last found to be the positive one and not to be it.
	positive, negative record.Short
}

func newBinaryEstimator(own *baseline, lengths []time.Duration) *binaryEstimator {
	s := &binaryEstimator{
		Tallies:     window.NewTallies(lengths, own.calibration.NewBinary),
		calibration: own.calibration,
		prediction:  own.field(string(profile.Prediction), profile.Prediction),
		score:       own.field(string(profile.Score), profile.Score),
		classes:     own.profile.Find(profile.Prediction),
		class:       own.profile.PositiveClass, cell: -1,
	}
	if cell := int(s.classes.Category([]byte(s.class))); cell < len(s.classes.Categories) {
		s.cell = cell
	}
	return s
}

func (s *binaryEstimator) add(b *record.Batch, rows []uint32) {
	scores, spans := b.Columns[s.score].Numbers, b.Columns[s.prediction].Spans
	tallies := s.At(b.Times[rows[0]])
	for _, row := range rows {
		at, ok := s.calibration.At(scores[row])
		if !ok || !spans[row].IsString() {
			continue
		}
		positive := s.isPositive(b, spans[row])
		for _, tally := range tallies {
			tally.Add(at, positive)
		}
	}
}

// isPositive reports whether a predicted class is the positive one, in any spelling that the model's labels may have
// too.
func (s *binaryEstimator) isPositive(b *record.Batch, class record.Span) bool {
	short := b.Short(class)
	switch short {
	case s.positive:
		return true
	case s.negative:
		return false
	}
	text := b.Text(class)
	positive := string(text) == s.class || int(s.classes.Category(text)) == s.cell
	switch {
	case short == record.NoShort:
	case positive:
		s.positive = short
	default:
		s.negative = short
	}
	return positive
}

func (s *binaryEstimator) estimate(i int) (method string, n uint64, metrics []outcome.Metric) {
	total := s.Total(i)
	return "cbpe", total.N(), total.Metrics()
}

func (s *binaryEstimator) advance(now int64)     { s.Advance(now) }
func (s *binaryEstimator) save(e *state.Encoder) { s.Save(e) }
func (s *binaryEstimator) load(d *state.Decoder) { s.Load(d) }

// errorEstimator estimates by a model of the errors (DLE).
type errorEstimator struct {
	*window.Tallies[*estimate.Errors]
	predictor *boost.Predictor
	inputs    []errorInput
	row, out  []float64
}

// errorInput is where an input of the model is in a batch.
type errorInput struct {
	column *profile.Column
	field  int
}

func newErrorEstimator(own *baseline, lengths []time.Duration) *errorEstimator {
	model := own.profile.Errors
	s := &errorEstimator{
		Tallies:   window.NewTallies(lengths, func() *estimate.Errors { return new(estimate.Errors) }),
		predictor: model.Trees.Predictor(), row: make([]float64, len(model.Features)+1), out: make([]float64, 2),
	}
	for _, name := range model.Features {
		s.inputs = append(s.inputs, errorInput{own.profile.Feature(name), own.field(name, profile.Feature)})
	}
	prediction := own.field(string(profile.Prediction), profile.Prediction)
	s.inputs = append(s.inputs, errorInput{own.profile.Find(profile.Prediction), prediction})
	return s
}

func (s *errorEstimator) add(b *record.Batch, rows []uint32) {
	predictions := b.Columns[s.inputs[len(s.inputs)-1].field].Numbers
	tallies := s.At(b.Times[rows[0]])
	for _, row := range rows {
		if math.IsNaN(predictions[row]) {
			continue
		}
		for i := range s.inputs {
			s.row[i] = s.inputs[i].value(b, row)
		}
		s.predictor.Predict(s.row, s.out)
		for _, tally := range tallies {
			tally.Add(s.out[0], s.out[1])
		}
	}
}

// value returns the input of a row, NaN if it has none.
func (i *errorInput) value(b *record.Batch, row uint32) float64 {
	c := &b.Columns[i.field]
	if i.column.Kind == record.Numeric {
		return c.Numbers[row]
	}
	if span := c.Spans[row]; span.IsString() {
		return i.column.Input(b.Text(span))
	}
	return math.NaN()
}

func (s *errorEstimator) estimate(i int) (method string, n uint64, metrics []outcome.Metric) {
	total := s.Total(i)
	return "dle", total.N(), total.Metrics()
}

func (s *errorEstimator) advance(now int64)     { s.Advance(now) }
func (s *errorEstimator) save(e *state.Encoder) { s.Save(e) }
func (s *errorEstimator) load(d *state.Decoder) { s.Load(d) }

// estimates writes the estimates of one window of predictions.
func (e *evaluation) estimates(mon *monitor, i int, w config.Window) {
	for _, s := range mon.estimators {
		method, n, metrics := s.estimate(i)
		if n < uint64(e.config.MinRecords) {
			continue
		}
		for _, m := range metrics {
			e.out.Add(metric.EstimatedPerformance, m.Value, e.config.Name, mon.version, m.Name, method, w.Name)
		}
	}
}
