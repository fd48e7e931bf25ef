package exporter

import (
	"slices"
	"strconv"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/turns"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// evaluation writes the values of a model at one moment into a snapshot.
type evaluation struct {
	*model
	now time.Time
	out *metric.Snapshot
	// cells, bins and refined are memory that is used again.
	cells, bins []uint64
	refined     window.Refined
	// errors are those of the versions with enough labels, by window.
	errors [][]versionErrors
}

// evaluate computes all values of the model. It runs in the model's goroutine.
func (m *model) evaluate(now time.Time) *metric.Snapshot {
	started := time.Now()
	e := &evaluation{
		model: m, now: now, out: metric.NewSnapshot(), errors: make([][]versionErrors, len(m.config.Windows)),
	}
	name := m.config.Name
	e.sources()
	for _, w := range m.config.Windows {
		e.out.Add(metric.WindowDuration, w.Length.Seconds(), name, w.Name)
	}
	for _, upstream := range m.config.DependsOn {
		e.out.Add(metric.ModelDependency, 1, name, upstream)
	}
	if m.newest != never {
		e.out.Add(metric.WindowEnd, seconds(m.newest), name)
	}
	if m.join != nil {
		e.labels()
	}
	for _, mon := range m.monitors {
		e.version(mon)
	}
	for i, w := range m.config.Windows {
		e.versions(w, e.errors[i])
	}
	if now.Sub(m.lastRead) < m.config.Windows[len(m.config.Windows)-1].Length {
		m.skew.evaluate(e.out, m.config)
	}
	e.out.Add(metric.LastEvaluation, float64(now.UnixMilli())/1e3, name)
	e.out.Add(metric.EvaluationDuration, time.Since(started).Seconds(), name)
	return e.out
}

func seconds(nanoseconds int64) float64 { return float64(nanoseconds) / 1e9 }

func (e *evaluation) sources() {
	for _, p := range e.pipelines {
		name, stats := e.config.Name, p.files.Stats()
		up := 0.0
		if stats.Up {
			up = 1
		}
		e.out.Add(metric.SourceUp, up, name, p.name)
		e.out.Add(metric.SourceInfo, 1, name, p.name, p.purpose.String())
		e.out.Add(metric.SourceRecords, float64(p.records), name, p.name)
		for _, reason := range p.reasons() {
			e.out.Add(metric.SourceErrors, float64(p.errors[reason]), name, p.name, string(reason))
		}
		for _, reason := range record.Skips {
			e.out.Add(metric.SourceSkipped, float64(p.skipped[reason]), name, p.name, string(reason))
		}
		e.out.Add(metric.SourceReadBytes, float64(p.bytes()), name, p.name)
		if p.topic != nil {
			e.out.Add(metric.SourceLagRecords, float64(stats.LagRecords), name, p.name)
		} else {
			e.out.Add(metric.SourceLagBytes, float64(stats.LagBytes), name, p.name)
		}
		if !p.lastRead.IsZero() {
			e.out.Add(metric.SourceLastRecord, float64(p.lastRead.UnixMilli())/1e3, name, p.name)
		}
	}
}

func (e *evaluation) labels() {
	name, counts := e.config.Name, e.join.Counts()
	for _, r := range []outcome.Result{outcome.Matched, outcome.Corrected, outcome.Duplicate, outcome.Unmatched} {
		e.out.Add(metric.Labels, float64(e.labelResults[r]), name, r.String())
	}
	e.out.Add(metric.Labels, float64(counts.ExpiredLabels), name, "expired")
	e.out.Add(metric.Labels, float64(counts.EvictedLabels), name, "evicted")
	e.out.Add(metric.PendingPredictions, float64(e.join.Pending()), name)
	if !e.labelsRead.IsZero() {
		e.out.Add(metric.LastLabelRead, float64(e.labelsRead.UnixMilli())/1e3, name)
	}
}

// version writes all values of one version.
func (e *evaluation) version(mon *monitor) {
	name, p := e.config.Name, mon.profile
	e.out.Add(metric.Predictions, float64(mon.predictions), name, mon.version)
	if mon.predictions > 0 {
		e.out.Add(metric.FirstPrediction, seconds(mon.oldest), name, mon.version)
		e.out.Add(metric.LastPrediction, seconds(mon.newest), name, mon.version)
	}
	e.out.Add(metric.LastPredictionRead, float64(mon.lastRead.UnixMilli())/1e3, name, mon.version)
	e.out.Add(metric.ReferencePredictions, float64(p.Rows), name, mon.version)
	e.out.Add(metric.ReferenceTimestamp, float64(p.Modified.Unix()), name, mon.version)
	if len(e.own) > 0 {
		fallback := 0.0
		if mon.fallback {
			fallback = 1
		}
		e.out.Add(metric.ReferenceFallback, fallback, name, mon.version)
	}
	e.out.Add(metric.ModelInfo, 1, name, mon.version, taskName(p.Rules.Task), p.Path)
	for k, c := range mon.watched {
		e.cells = mon.set.Lifetime(k, e.cells)
		e.reference(mon, c, e.cells)
	}
	if mon.labelCounts != nil {
		e.reference(mon, mon.labelColumn, mon.labelCounts.cells)
	}
	e.referencePerformance(mon)
	e.sliceValues(mon)
	if mon.outcomes != nil {
		e.out.Add(metric.LabeledPredictions, float64(mon.labeledTotal), name, mon.version)
		e.out.Add(metric.PredictionErrors, float64(mon.errors), name, mon.version)
		e.detectors(mon)
		e.confusion(mon)
		if mon.labeledTotal > 0 {
			e.out.AddHistogram(metric.LabelDelay, delayBounds[:], mon.delays.counts[:], mon.delays.sum, name, mon.version)
		}
	}
	for i, w := range e.config.Windows {
		// A window ends at the newest record, but not for ever: without data it is gone after its own length.
		if e.now.Sub(e.lastRead) < w.Length {
			e.out.Merge(e.cached(mon, i, w))
		}
		if mon.outcomes != nil && !e.labelsRead.IsZero() && e.now.Sub(e.labelsRead) < w.Length {
			e.performance(mon, i, w)
		}
	}
}

func taskName(t outcome.Task) string {
	if t == outcome.Classification {
		return string(config.Classification)
	}
	return string(config.Regression)
}

// reference writes what does not depend on a window. cells counts the values of all time.
func (e *evaluation) reference(mon *monitor, c *profile.Column, cells []uint64) {
	labels := func(more ...string) []string {
		return append([]string{e.config.Name, mon.version, c.Name, string(c.Role)}, more...)
	}
	if !c.TextLength {
		e.out.Add(metric.ReferenceMissingRatio, float64(c.Missing)/float64(c.Rows), labels()...)
	}
	if c.Kind == record.Numeric {
		e.out.Add(metric.ReferenceColumnMean, c.Moments.Mean, labels()...)
		if sd, ok := c.Moments.StandardDeviation(); ok {
			e.out.Add(metric.ReferenceColumnStandardDeviation, sd, labels()...)
		}
	}
	if c.Kind == record.Text {
		if tokens := sum(c.Cells); tokens > 0 {
			e.out.Add(metric.ReferenceUnseenRatio, float64(c.Text.Lone)/float64(tokens), labels()...)
		}
		return // a series for each of thousands of tokens would be of no use
	}
	total := float64(sum(c.Bins))
	e.bins = c.Coarse(cells, e.bins)
	for i, n := range c.Bins {
		e.out.Add(metric.BinReferenceRatio, float64(n)/total, labels(strconv.Itoa(i), c.BinRange(i))...)
		e.out.Add(metric.BinValues, float64(e.bins[i]), labels(strconv.Itoa(i), c.BinRange(i))...)
	}
}

func sum(counts []uint64) uint64 {
	var n uint64
	for _, c := range counts {
		n += c
	}
	return n
}

// cached returns the values of one window of predictions. They are computed again only if something changed.
func (e *evaluation) cached(mon *monitor, i int, w config.Window) *metric.Snapshot {
	if changes := mon.set.Changes(); mon.evaluated == nil || changes != mon.changes || mon.labeledTotal != mon.labelsAt {
		mon.evaluated = make([]*metric.Snapshot, len(e.config.Windows))
		mon.changes, mon.labelsAt = changes, mon.labeledTotal
	}
	if mon.evaluated[i] == nil {
		own := *e
		own.out = metric.NewSnapshot()
		own.window(mon, i, w)
		mon.evaluated[i] = own.out
	}
	return mon.evaluated[i]
}

// window writes the values of one window of predictions.
func (e *evaluation) window(mon *monitor, i int, w config.Window) {
	view := mon.set.View(i)
	if view.Records == 0 {
		return
	}
	e.out.Add(metric.WindowPredictions, float64(view.Records), e.config.Name, mon.version, w.Name)
	e.slicedPredictions(mon, i, w)
	if mon.outcomes != nil {
		ratio := float64(mon.labeled.Total(i)) / float64(view.Records)
		e.out.Add(metric.LabeledRatio, ratio, e.config.Name, mon.version, w.Name)
	}
	if view.Records < uint64(e.config.MinRecords) {
		return
	}
	e.estimates(mon, i, w)
	previous := mon.set.Previous(i)
	bounds := e.bounds(mon, &view)
	for k := range view.Columns {
		c := columnEvaluation{
			evaluation: e, view: &view.Columns[k], records: view.Records,
			labels: []string{e.config.Name, mon.version, view.Columns[k].Name, string(view.Columns[k].Role), w.Name},
		}
		c.quality()
		n := view.Records - c.view.Missing - c.view.Invalid
		switch {
		case n < uint64(e.config.MinRecords):
		case c.view.Kind == record.Text:
			c.text(n)
		default:
			c.drift(bounds[k])
		}
		if previous.Records > 0 {
			c.moving(&previous.Columns[k])
		}
	}
}

// bounds returns the noise floors of the columns that have enough values and are no texts. Simulating them for the
// first time takes longer than all else.
func (e *evaluation) bounds(mon *monitor, view *window.View) []stat.FloorValues {
	floors, bounds := make([]*stat.Floors, len(view.Columns)), make([]stat.FloorValues, len(view.Columns))
	values := func(k int) uint64 { return view.Records - view.Columns[k].Missing - view.Columns[k].Invalid }
	for k := range floors {
		if view.Columns[k].Kind != record.Text && values(k) >= uint64(e.config.MinRecords) {
			floors[k] = mon.floors(k)
		}
	}
	turns.Each(len(floors), func(k int) {
		if floors[k] != nil {
			bounds[k] = floors[k].At(values(k))
		}
	})
	return bounds
}

// columnEvaluation is one column in one window.
type columnEvaluation struct {
	*evaluation
	view    *window.ColumnView
	records uint64
	labels  []string
}

func (c *columnEvaluation) add(d metric.Def, value float64, more ...string) {
	c.out.Add(d, value, append(slices.Clip(c.labels), more...)...)
}

// quality writes the data-quality ratios.
func (c *columnEvaluation) quality() {
	v, records := c.view, float64(c.records)
	if !v.TextLength && v.Role != profile.Label { // of which the text itself tells; a label may still come
		c.add(metric.MissingRatio, float64(v.Missing)/records)
		c.add(metric.InvalidRatio, float64(v.Invalid)/records)
	}
	values := float64(v.Counted())
	if values == 0 {
		return
	}
	switch v.Kind {
	case record.Categorical, record.Text:
		c.add(metric.UnseenRatio, float64(v.Cells[v.UnseenCell()])/values)
	case record.Numeric:
		c.add(metric.OutOfRangeRatio, float64(outside(v))/values)
	}
}

// outside counts the values below the reference's smallest and above its largest.
func outside(v *window.ColumnView) uint64 {
	var n uint64
	for i := 0; i < len(v.Cells) && v.Column.Cells[i] == 0; i++ {
		n += v.Cells[i]
	}
	for i := len(v.Cells) - 1; i >= 0 && v.Column.Cells[i] == 0; i-- {
		n += v.Cells[i]
	}
	return n
}

// binScores are the scores that are taken over coarse bins or categories.
var binScores = []struct {
	name  string
	f     func(p, q []uint64) (float64, bool)
	floor func(*stat.FloorValues) stat.Bound
}{
	{"psi", stat.PSI, func(f *stat.FloorValues) stat.Bound { return f.PSI }},
	{"jensen_shannon", stat.JensenShannon, func(f *stat.FloorValues) stat.Bound { return f.JensenShannon }},
	{"hellinger", stat.Hellinger, func(f *stat.FloorValues) stat.Bound { return f.Hellinger }},
	{"total_variation", stat.TotalVariation, func(f *stat.FloorValues) stat.Bound { return f.TotalVariation }},
	{"chebyshev", stat.Chebyshev, func(f *stat.FloorValues) stat.Bound { return f.Chebyshev }},
}

// drift writes scores with their noise floors, tests and moments.
func (c *columnEvaluation) drift(bounds stat.FloorValues) {
	v := c.view
	p := v.Bins
	c.bins = v.Coarse(v.Cells, c.bins)
	q := c.bins
	c.distances(p, q, bounds)
	if test, ok := stat.ChiSquared(p, q); ok {
		c.add(metric.PValue, test.P, "chi_squared")
	}
	if v.Kind == record.Numeric {
		c.numeric(bounds)
	} else if len(v.Categories) == 2 && p[v.OtherCell()] == 0 {
		if test, ok := stat.ProportionZ(p[0], sum(p), q[0], sum(q)); ok {
			c.add(metric.PValue, test.P, "z")
		}
	}
}

// text writes the scores of the tokens of n texts. They have no tests: those take every token for a draw of its own,
// but the tokens of one text depend on each other. The noise floors know that.
func (c *columnEvaluation) text(n uint64) {
	t, live := c.view.Text, float64(c.view.Counted())
	expected := float64(n) * t.Length.Moments.Mean
	floors := stat.NewTextFloors(t.Noise, sum(c.view.Column.Cells))
	c.distances(c.view.Column.Cells, c.view.Cells, floors.At(min(live, expected)))
}

// distances writes the scores that compare the shares of bins, with their noise floors.
func (c *columnEvaluation) distances(p, q []uint64, bounds stat.FloorValues) {
	for _, s := range binScores {
		x, ok := s.f(p, q)
		c.score(s.name, x, ok, s.floor(&bounds))
	}
}

func (c *columnEvaluation) score(name string, x float64, ok bool, floor stat.Bound) {
	if !ok {
		return
	}
	c.add(metric.Score, x, name)
	if floor.OK {
		c.add(metric.NoiseFloor, floor.Value, name)
	}
}

// numeric writes what only numbers have.
func (c *columnEvaluation) numeric(bounds stat.FloorValues) {
	v := c.view
	r := &c.refined
	v.Refine(r)
	if d, ok := stat.KolmogorovSmirnov(r.Reference, r.Live); ok {
		c.score("ks", d, ok, bounds.KolmogorovSmirnov)
		c.add(metric.PValue, stat.KolmogorovSmirnovP(d, v.Column.Moments.N, v.Moments.N), "ks")
	}
	if sd, ok := v.Column.Moments.StandardDeviation(); ok && sd > 0 {
		distance, ok := stat.Wasserstein(r.Points, r.Reference, r.Live, stat.Tail{}, r.Tail)
		c.score("wasserstein", distance/sd, ok, bounds.Wasserstein)
	}
	shift, ok := stat.MeanShift(v.Column.Moments, v.Moments)
	c.score("mean_shift", shift, ok, bounds.MeanShift)
	if test, ok := stat.WelchZ(v.Column.Moments, v.Moments); ok {
		c.add(metric.PValue, test.P, "z")
	}
	c.add(metric.ColumnMean, v.Moments.Mean)
	if sd, ok := v.Moments.StandardDeviation(); ok {
		c.add(metric.ColumnStandardDeviation, sd)
	}
	for _, q := range []float64{0.05, 0.5, 0.95} {
		if x, ok := stat.CellQuantile(v.Points, v.Cells, q); ok {
			c.add(metric.ColumnQuantile, x, strconv.FormatFloat(q, 'g', -1, 64))
		}
	}
}

// referencePerformance writes how good the model was on its reference.
func (e *evaluation) referencePerformance(mon *monitor) {
	x, n := mon.profile.Performance.Errors()
	if n == 0 {
		return
	}
	e.out.Add(metric.ReferenceErrorRatio, float64(x)/float64(n), e.config.Name, mon.version)
	for _, m := range mon.profile.Performance.Metrics() {
		e.out.Add(metric.ReferencePerformance, m.Value, e.config.Name, mon.version, m.Name)
	}
	e.calibration(mon.profile.Performance, metric.ReferenceCalibrationScore, metric.ReferenceCalibrationPositiveRatio,
		e.config.Name, mon.version)
}

// performance writes the values of one window of labels.
func (e *evaluation) performance(mon *monitor, i int, w config.Window) {
	tally := mon.outcomes.Tally(i)
	x, n := tally.Errors()
	labels := func(more ...string) []string { return append([]string{e.config.Name, mon.version, w.Name}, more...) }
	if n > 0 {
		e.out.Add(metric.WindowLabels, float64(n), labels()...)
	}
	e.slicedErrors(mon, i, w)
	if n < uint64(e.config.MinRecords) {
		return
	}
	e.errors[i] = append(e.errors[i], versionErrors{monitor: mon, wrong: x, labels: n})
	e.out.Add(metric.ErrorRatio, float64(x)/float64(n), labels()...)
	if low, high, ok := stat.Wilson(x, n); ok {
		e.out.Add(metric.ErrorRatioLower, low, labels()...)
		e.out.Add(metric.ErrorRatioUpper, high, labels()...)
	}
	referenceX, referenceN := mon.profile.Performance.Errors()
	if test, ok := stat.ProportionZ(referenceX, referenceN, x, n); ok {
		e.out.Add(metric.ErrorPValue, test.P, labels("z")...)
	}
	for _, m := range tally.Metrics() {
		e.out.Add(metric.Performance, m.Value, labels(m.Name)...)
	}
	e.calibration(tally, metric.CalibrationScore, metric.CalibrationPositiveRatio, labels()...)
	if mon.labelCounts != nil {
		e.labelDrift(mon, tally, n, w)
	}
	delays := mon.outcomes.Delays(i)
	for _, q := range []float64{0.5, 0.95} {
		if delay, ok := delays.Quantile(q); ok {
			e.out.Add(metric.LabelDelayQuantile, delay, labels(strconv.FormatFloat(q, 'g', -1, 64))...)
		}
	}
}
