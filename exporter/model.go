package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

const (
	// maxJoinIDs bounds the ids that wait for a label, or for a later one.
	maxJoinIDs = 4_000_000
	// maxClasses bounds the classes of predictions and labels that are told apart.
	maxClasses = 1000
	// otherVersion takes the records of versions beyond the limit.
	otherVersion = "other"
)

// model watches one configured model. Its fields belong to the goroutine of run, but for what is set at the start.
type model struct {
	config    *config.Model
	profile   *profile.Profile
	live      []*profile.Column
	watched   []*profile.Column // live and behind it what is derived from it
	pipelines []*pipeline
	follow    bool
	now       func() time.Time
	logger    *slog.Logger
	requests  chan chan *metric.Snapshot
	caughtUp  chan struct{}

	// predictionField and scoreField are the batch columns of predictions, -1 if there are none.
	predictionField, scoreField int
	classes                     *outcome.Classes
	join                        *outcome.Join // nil without labels
	recent                      *recentIDs    // nil with labels: the join knows
	monitors                    []*monitor
	versions                    map[string]uint16
	// newest is the newest event time of predictions, newestLabel that of labels too.
	newest, newestLabel  int64
	lastRead, labelsRead time.Time
	labelResults         map[string]uint64
	groups               []group
	// noise holds the noise floors of the watched columns, once they have been asked for.
	noise []*stat.Floors
}

// group collects the rows of a batch that go to the same pane of the same version.
type group struct {
	version uint16
	pane    int64
	rows    []uint32
}

const never = math.MinInt64

// newModel builds the reference of a configured model and all that is needed to read its logs.
func newModel(c *config.Model, follow bool, now func() time.Time, logger *slog.Logger) (*model, error) {
	logger = logger.With("model", c.Name)
	p, err := profile.Build(profileOptions(c))
	if err != nil {
		return nil, fmt.Errorf("model %q: reference: %w", c.Name, err)
	}
	m := &model{
		config: c, profile: p, live: p.Live(), watched: profile.Watched(p.Live()), follow: follow, now: now, logger: logger,
		requests: make(chan chan *metric.Snapshot), caughtUp: make(chan struct{}),
		predictionField: -1, scoreField: -1,
		classes: outcome.NewClasses(maxClasses), versions: make(map[string]uint16),
		newest: never, newestLabel: never, labelResults: make(map[string]uint64),
	}
	for _, class := range p.Classes {
		m.classes.Code([]byte(class))
	}
	if len(c.Labels) > 0 {
		m.join = outcome.NewJoin(c.LabelTimeout, maxJoinIDs)
	} else {
		m.recent = newRecentIDs()
	}
	seed := rand.Uint64()
	schema := m.predictionSchema()
	for _, s := range c.Predictions {
		if err := m.addPipeline(s, predictions, schema, seed); err != nil {
			return nil, err
		}
	}
	for _, s := range c.Labels {
		if err := m.addPipeline(s, labels, m.labelSchema(), seed); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *model) addPipeline(s config.Source, why purpose, schema *record.Schema, seed uint64) error {
	own := *schema
	for _, c := range s.Where {
		own.Where = append(own.Where, record.Condition{Path: pathOf(c.Field), Value: c.Value})
	}
	p, err := newPipeline(s, why, &own, seed, m.follow, m.logger)
	if err != nil {
		return fmt.Errorf("model %q: %s: %w", m.config.Name, s.Path, err)
	}
	m.pipelines = append(m.pipelines, p)
	return nil
}

// predictionSchema wants the reference's columns, and the prediction and score even where the reference lacks them.
func (m *model) predictionSchema() *record.Schema {
	f := m.config.Fields
	s := &record.Schema{
		ID: pathOf(f.ID), Time: pathOf(f.Timestamp), Version: pathOf(f.Version),
		Missing: m.config.MissingValues,
	}
	add := func(name, path string, kind record.Kind) int {
		s.Columns = append(s.Columns, record.Field{Name: name, Path: pathOf(path), Kind: kind})
		return len(s.Columns) - 1
	}
	for _, c := range m.live {
		switch c.Role {
		case profile.Prediction:
			m.predictionField = add(c.Name, f.Prediction, c.Kind)
		case profile.Score:
			m.scoreField = add(c.Name, f.Score, c.Kind)
		default:
			s.Columns = append(s.Columns, featureField(c, pathOf(f.Features)))
		}
	}
	if m.predictionField < 0 {
		m.predictionField = add("prediction", f.Prediction, m.profile.OutcomeKind())
	}
	if m.scoreField < 0 && m.profile.Rules.Task == outcome.Classification {
		m.scoreField = add("score", f.Score, record.Numeric)
	}
	return s
}

// featureField says where a feature may stand: in the object of the features or in the record itself, and a name with
// dots as one key or as nested objects.
func featureField(c *profile.Column, features []string) record.Field {
	below := func(path ...string) []string { return append(slices.Clip(features), path...) }
	field := record.Field{Name: c.Name, Path: below(c.Name), Kind: c.Kind}
	if len(features) > 0 {
		field.Also = append(field.Also, []string{c.Name})
	}
	if parts := strings.Split(c.Name, "."); len(parts) > 1 {
		field.Also = append(field.Also, below(parts...), parts)
	}
	return field
}

// pathOf returns the path that a dotted name of the configuration stands for; none for "".
func pathOf(name string) []string {
	if name == "" {
		return nil
	}
	return strings.Split(name, ".")
}

func (m *model) labelSchema() *record.Schema {
	f := m.config.Fields
	return &record.Schema{
		ID: pathOf(f.ID), Time: pathOf(f.Timestamp), Missing: m.config.MissingValues,
		Columns: []record.Field{{Name: "label", Path: pathOf(f.Label), Kind: m.profile.OutcomeKind()}},
	}
}

// run reads the logs until they end or the context does, and answers requests for snapshots in between.
func (m *model) run(ctx context.Context) {
	loads := make(chan *load)
	go func() {
		defer close(loads)
		m.read(ctx, loads)
	}()
	starting := m.starting(ctx)
	for loads != nil {
		select {
		case l, ok := <-loads:
			if !ok {
				loads = nil
				continue
			}
			m.consume(l)
			l.release()
		case reply := <-m.requests:
			reply <- m.evaluate(m.now())
		case <-starting:
			starting = nil
			close(m.caughtUp)
		}
	}
}

// read runs all pipelines until they end or the context does. Logs that are not followed are read one after the other,
// predictions before labels, so that the same logs always give the same counts.
func (m *model) read(ctx context.Context, loads chan<- *load) {
	var group sync.WaitGroup
	defer group.Wait()
	for _, p := range m.pipelines {
		if m.follow {
			group.Go(func() { p.run(ctx, loads) })
		} else {
			p.run(ctx, loads)
		}
	}
}

// starting returns a channel that is closed when all that was in the sources at the start has been counted.
func (m *model) starting(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, p := range m.pipelines {
			select {
			case <-p.files.CaughtUp():
			case <-ctx.Done():
				return
			}
			p.starting.Wait()
		}
	}()
	return done
}

// snapshot asks the model's goroutine for the current values; nil if the context ends before.
func (m *model) snapshot(ctx context.Context) *metric.Snapshot {
	reply := make(chan *metric.Snapshot, 1)
	select {
	case m.requests <- reply:
		return <-reply
	case <-ctx.Done():
		return nil
	}
}

// consume counts the records of a load.
func (m *model) consume(l *load) {
	p, b := l.pipeline, &l.batch
	now := m.now()
	if l.block.First {
		p.lines[l.block.File] = 0
		if len(l.block.Header) > 0 {
			p.lines[l.block.File] = 1
		}
	}
	line := p.lines[l.block.File]
	for range l.block.TooLong {
		p.reject(record.TooLong, now, l.block.File, line+1, "the record is longer than the limit")
		line++
	}
	for _, r := range b.Rejects {
		p.reject(r.Reason, now, l.block.File, line+r.Line+1, r.Detail)
	}
	l.line = line
	p.lines[l.block.File] = line + b.Lines
	if b.Rows == 0 {
		return
	}
	p.lastRead = now
	p.records += uint64(b.Rows)
	if p.purpose == predictions {
		m.addPredictions(l, now)
	} else {
		m.addLabels(l, now)
	}
}

// rejectRow counts a record that was decoded but cannot be used.
func (m *model) rejectRow(l *load, row int, reason record.Reason, now time.Time, detail string) {
	l.pipeline.records--
	l.pipeline.reject(reason, now, l.block.File, l.line+int(l.batch.RowLines[row])+1, detail)
}

func (m *model) addPredictions(l *load, now time.Time) {
	b := &l.batch
	limit := now.Add(m.config.MaxFuture).UnixNano()
	oldest := int64(never)
	if l.caughtUp && m.newest != never {
		oldest = m.newest - int64(m.config.AllowedLateness)
	}
	if m.recent != nil {
		m.recent.touch(b.IDs)
	}
	groups := m.groups[:0]
	at := -1
	for row := range b.Rows {
		t := b.Times[row]
		if t > limit {
			m.rejectRow(l, row, record.Future, now, "event time "+timeText(t)+" lies in the future")
			continue
		}
		if t < oldest {
			m.rejectRow(l, row, record.Late, now, "event time "+timeText(t)+" is older than allowed_lateness")
			continue
		}
		version := m.version(l, row)
		if !m.admit(l, row, version, now) {
			continue
		}
		m.newest = max(m.newest, t)
		mon := m.monitors[version]
		mon.predictions++
		mon.lastRead = now
		mon.newest = max(mon.newest, t)
		pane := mon.set.Pane(t)
		if at < 0 || groups[at].version != version || groups[at].pane != pane {
			at = slices.IndexFunc(groups, func(g group) bool { return g.version == version && g.pane == pane })
		}
		if at < 0 {
			at = len(groups)
			groups = slices.Grow(groups, 1)[:at+1]
			groups[at] = group{version: version, pane: pane, rows: groups[at].rows[:0]}
		}
		groups[at].rows = append(groups[at].rows, uint32(row))
	}
	for _, g := range groups {
		m.monitors[g.version].set.Add(b, g.rows, g.pane)
	}
	m.groups = groups
	m.lastRead = now
	m.advance()
}

// advance tells all monitors the newest event times. Windows of all versions end at the same time, so that they can be
// compared.
func (m *model) advance() {
	m.newestLabel = max(m.newestLabel, m.newest)
	for _, mon := range m.monitors {
		mon.set.Advance(m.newest)
		mon.labeled.Advance(m.newest)
		if mon.outcomes != nil {
			mon.outcomes.Advance(m.newestLabel)
		}
	}
}

// version returns the index of a record's monitor, which it makes if the version is new.
func (m *model) version(l *load, row int) uint16 {
	span := l.batch.Versions[row]
	var name []byte
	if span.IsString() {
		name = l.batch.Text(span)
	}
	if i, ok := m.versions[string(name)]; ok {
		return i
	}
	if len(m.monitors) > m.config.MaxVersions {
		return m.versions[otherVersion]
	}
	version := string(name)
	if len(m.monitors) == m.config.MaxVersions {
		version = otherVersion
		m.logger.Warn("More model versions than max_versions; the rest is counted as one",
			"version", string(name), "as", otherVersion, "max_versions", m.config.MaxVersions)
	}
	i := uint16(len(m.monitors))
	m.monitors = append(m.monitors, newMonitor(version, m))
	m.versions[version] = i
	return i
}

// admit reports whether a prediction is no repetition. With labels, it also remembers the prediction for its label.
func (m *model) admit(l *load, row int, version uint16, now time.Time) bool {
	b := &l.batch
	id := b.IDs[row]
	if id == 0 {
		return true
	}
	known := false
	if m.join == nil {
		known = m.recent.add(id)
	} else {
		p := outcome.Prediction{ID: id, Time: b.Times[row], Version: version, Score: math.NaN()}
		var ok bool
		if p.Value, ok = m.value(b, m.predictionField, row, m.profile.Find(profile.Prediction)); !ok {
			return true // without a prediction there is nothing to be right or wrong
		}
		if m.scoreField >= 0 {
			p.Score = b.Columns[m.scoreField].Numbers[row]
		}
		result, pair := m.join.AddPrediction(p)
		if result == outcome.Matched {
			m.joined(pair)
		}
		known = result == outcome.Duplicate
	}
	if known {
		m.rejectRow(l, row, record.Duplicate, now, "a prediction of this id was counted before")
	}
	return !known
}

// value returns a prediction or label of a batch, if there is one.
func (m *model) value(b *record.Batch, column, row int, reference *profile.Column) (outcome.Value, bool) {
	c := &b.Columns[column]
	if m.profile.Rules.Task == outcome.Regression {
		x := c.Numbers[row]
		return outcome.Value{Number: x}, !math.IsNaN(x)
	}
	span := c.Spans[row]
	if !span.IsString() {
		return outcome.Value{}, false
	}
	text := b.Text(span)
	code, ok := m.classes.Lookup(text)
	if !ok && reference != nil {
		if cell := reference.Category(text); int(cell) < len(reference.Categories) {
			text = []byte(reference.Categories[cell])
		}
	}
	if !ok {
		code = m.classes.Code(text)
	}
	return outcome.Value{Class: code}, true
}

func (m *model) addLabels(l *load, now time.Time) {
	b := &l.batch
	limit := now.Add(m.config.MaxFuture).UnixNano()
	reference := m.profile.Find(profile.Label)
	if reference == nil {
		reference = m.profile.Find(profile.Prediction)
	}
	for row := range b.Rows {
		if b.IDs[row] == 0 {
			m.rejectRow(l, row, record.NoID, now, "the label has no id")
			continue
		}
		if b.Times[row] > limit {
			m.rejectRow(l, row, record.Future, now, "label time "+timeText(b.Times[row])+" lies in the future")
			continue
		}
		value, ok := m.value(b, 0, row, reference)
		if !ok {
			m.rejectRow(l, row, record.NoLabel, now, "the label is missing or of the wrong type")
			continue
		}
		m.newestLabel = max(m.newestLabel, b.Times[row])
		result, pair, paired := m.join.AddLabel(outcome.Label{ID: b.IDs[row], Time: b.Times[row], Value: value})
		m.labelResults[result.String()]++
		switch {
		case result == outcome.Matched:
			m.joined(pair)
		case result == outcome.Corrected && paired:
			mon := m.monitors[pair.Prediction.Version]
			mon.outcomes.Add(pair.Prediction, pair.Previous, -1)
			mon.outcomes.Add(pair.Prediction, pair.Label, 1)
		}
	}
	m.labelsRead = now
	m.advance()
	if l.caughtUp {
		// While catching up, one log may be far ahead of the other.
		m.join.Expire(m.newestLabel)
	}
}

// joined counts a prediction that has got its label.
func (m *model) joined(pair outcome.Joined) {
	mon := m.monitors[pair.Prediction.Version]
	mon.labeledTotal++
	if m.profile.Rules.Wrong(pair.Prediction.Outcome(pair.Label)) {
		mon.errors++
	}
	mon.labeled.Add(pair.Prediction.Time, 1)
	mon.outcomes.Add(pair.Prediction, pair.Label, 1)
}

func timeText(t int64) string { return time.Unix(0, t).UTC().Format(time.RFC3339) }

// floors returns the noise floors of a watched column that is no text.
func (m *model) floors(k int) *stat.Floors {
	if m.noise == nil {
		m.noise = make([]*stat.Floors, len(m.watched))
	}
	if m.noise[k] == nil {
		c := m.watched[k]
		sd, _ := c.Moments.StandardDeviation()
		if c.Kind == record.Numeric {
			m.noise[k] = stat.NewFloors(c.Bins, c.Points, c.Cells, sd)
		} else {
			m.noise[k] = stat.NewFloors(c.Bins, nil, nil, 0)
		}
	}
	return m.noise[k]
}
