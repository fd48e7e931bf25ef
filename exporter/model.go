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
	"sync/atomic"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/slice"
	"github.com/drift-exporter/drift_exporter/exporter/turns"
)

const (
	// maxClasses bounds the classes of predictions and labels that are told apart.
	maxClasses = 1000
	// otherVersion takes the records of versions beyond the limit.
	otherVersion = "other"
	// touchedIDs is how many ids are looked up in memory at once: few enough to stay in the processor's nearest caches.
	touchedIDs = 256
)

// model watches one configured model. Its fields belong to the goroutine of run, but for what is set at the start.
type model struct {
	config *config.Model
	// general is what versions are compared with that have no baseline of their own.
	general   *baseline
	own       map[string]*baseline // by version
	columns   []*profile.Column    // of the batches of predictions, as far as they are compared
	pipelines []*pipeline
	follow    bool
	now       func() time.Time
	logger    *slog.Logger
	requests  chan chan *metric.Snapshot
	cuts      chan *cut
	caughtUp  chan struct{}
	// identity is the fingerprint of the model, seed that of the hashes of its ids.
	identity, seed uint64
	// cut is the cut that is being written, nil while none is.
	cut *cut
	// counted is what had been counted of spools when the model was last evaluated, for any goroutine.
	counted atomic.Pointer[counted]
	// committable is the same of topics.
	committable atomic.Pointer[[]readTopic]

	// predictionField, scoreField and labelField are the batch columns of predictions, -1 if there are none.
	predictionField, scoreField, labelField int
	classes                                 *outcome.Classes
	join                                    *outcome.Join // nil without labels
	recent                                  *recentIDs    // nil with labels: the join knows
	monitors                                []*monitor
	versions                                map[string]uint16
	latest, former                          foundVersion // that were looked up last
	// newest is the newest event time of predictions, newestLabel that of labels too.
	newest, newestLabel  int64
	lastRead, labelsRead time.Time
	labelResults         [outcome.Matched + 1]uint64
	groups               []group
	codes                []slice.Codes // of the rows of a batch
	skew                 *skew
}

// group collects the rows of a batch that go to the same pane of the same version.
type group struct {
	version uint16
	part    record.Part
	pane    int64
	rows    []uint32
}

// is reports whether a group is that of a pane of a version.
func (g *group) is(version uint16, pane int64, part record.Part) bool {
	return g.pane == pane && g.version == version && g.part == part
}

// foundVersion is a version that was looked up.
type foundVersion struct {
	name    record.Short
	version uint16
}

const never = math.MinInt64

// newModel builds the reference of a configured model and all that is needed to read its logs.
func newModel(c *config.Model, follow bool, now func() time.Time, logger *slog.Logger) (*model, error) {
	logger = logger.With("model", c.Name)
	general, own, err := newBaselines(c)
	if err != nil {
		return nil, err
	}
	m := &model{
		config: c, general: general, own: own, follow: follow, now: now, logger: logger,
		requests: make(chan chan *metric.Snapshot), cuts: make(chan *cut), caughtUp: make(chan struct{}),
		seed:    rand.Uint64(),
		classes: outcome.NewClasses(maxClasses), versions: make(map[string]uint16),
		newest: never, newestLabel: never,
	}
	for _, b := range m.baselines() {
		b.adopt(m.classes)
	}
	m.skew = newSkew(c, m.baselines())
	if len(c.Labels) > 0 || c.LabelsInPredictions {
		layout := outcome.Layout{Numbers: general.rules.Task == outcome.Regression, Slices: len(c.Slices)}
		layout.Scores = !layout.Numbers
		m.join = outcome.NewJoin(layout, c.LabelTimeout, c.MaxIDs)
	} else {
		m.recent = newRecentIDs()
	}
	schema := m.predictionSchema()
	m.addSlicers()
	for _, s := range c.Predictions {
		if err := m.addPipeline(s, predictions, schema); err != nil {
			return nil, err
		}
	}
	labelled := m.labelSchema()
	for _, s := range c.Labels {
		if err := m.addPipeline(s, labels, labelled); err != nil {
			return nil, err
		}
	}
	m.identity, err = m.fingerprint()
	return m, err
}

func (m *model) addPipeline(s config.Source, why purpose, schema *record.Schema) error {
	own := *schema
	if s.ID != "" {
		own.ID, own.IDParts = idOf(s.ID)
	}
	for _, c := range s.Where {
		own.Where = append(own.Where, record.Condition{Path: pathOf(c.Field), Value: c.Value})
	}
	p, err := newPipeline(s, why, &own, m.follow, m.now, m.logger)
	if err != nil {
		return fmt.Errorf("model %q: %s: %w", m.config.Name, sourceName(s), err)
	}
	m.pipelines = append(m.pipelines, p)
	return nil
}

// predictionSchema wants the references' columns, and the prediction and score even where the references lack them.
func (m *model) predictionSchema() *record.Schema {
	f := m.config.Fields
	s := &record.Schema{Time: pathOf(f.Timestamp), Version: pathOf(f.Version), Missing: m.config.MissingValues}
	s.ID, s.IDParts = idOf(f.ID)
	for _, b := range m.baselines() {
		m.columns = b.addTo(s, m.columns, f)
	}
	field := func(role profile.Role, as record.Role, path string, kind record.Kind) int {
		i := slices.IndexFunc(m.columns, func(c *profile.Column) bool { return c.Role == role })
		if i < 0 {
			i = len(s.Columns)
			s.Columns = append(s.Columns, record.Field{Name: string(role), Path: pathOf(path), Kind: kind, Role: as})
		}
		return i
	}
	outcomes := m.general.profile.OutcomeKind()
	m.predictionField = field(profile.Prediction, record.Prediction, f.Prediction, outcomes)
	m.scoreField = -1
	if m.general.rules.Task == outcome.Classification {
		m.scoreField = field(profile.Score, record.Score, f.Score, record.Numeric)
	}
	m.labelField = -1
	if m.config.LabelsInPredictions {
		m.labelField = field(profile.Label, record.Label, f.Label, outcomes)
	}
	return s
}

// idOf returns where an id stands: in one field, or in parts.
func idOf(id string) (path []string, parts []record.IDPart) {
	all, _ := config.IDParts(id) // The configuration has been checked.
	if len(all) == 1 && all[0].Text == "" {
		return pathOf(all[0].Field), nil
	}
	for _, p := range all {
		parts = append(parts, record.IDPart{Text: p.Text, Path: pathOf(p.Field)})
	}
	return nil, parts
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
	s := &record.Schema{
		Time: pathOf(f.Timestamp), Missing: m.config.MissingValues,
		Columns: []record.Field{
			{Name: "label", Path: pathOf(f.Label), Kind: m.general.profile.OutcomeKind(), Role: record.Label},
		},
	}
	s.ID, s.IDParts = idOf(f.ID)
	return s
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
		var written chan<- [][]byte
		var part [][]byte
		var stop <-chan struct{}
		if m.cut != nil {
			written, part, stop = m.cut.parts, m.cut.queue[0], m.cut.stop
		}
		select {
		case l, ok := <-loads:
			if !ok {
				loads = nil
				m.countRest()
				continue
			}
			turns.Do(func() { m.consume(l) })
			l.release()
		case reply := <-m.requests:
			m.counted.Store(m.spools())
			m.committable.Store(new(m.topics()))
			var snapshot *metric.Snapshot
			turns.Do(func() { snapshot = m.evaluate(m.now()) })
			reply <- snapshot
		case c := <-m.cuts:
			m.begin(c)
		case written <- part:
			m.proceed()
		case <-stop:
			m.endCut()
		case <-starting:
			starting = nil
			close(m.caughtUp)
		}
	}
	if m.cut != nil {
		m.endCut()
	}
}

// read runs all pipelines until they end or the context does. Logs that are not followed are read one after the other,
// predictions before labels, so that the same logs always give the same counts.
func (m *model) read(ctx context.Context, loads chan<- *load) {
	var group sync.WaitGroup
	defer group.Wait()
	for _, p := range m.pipelines {
		if m.follow {
			group.Go(func() { p.run(ctx, m.seed, loads) })
		} else {
			p.run(ctx, m.seed, loads)
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
	p.assemble(l, now.Add(m.config.MaxFuture))
	line := p.begin(l.block)
	for range l.block.TooLong {
		p.reject(1, record.TooLong, now, l.at(line, 0), "the record is longer than the limit")
		line++
	}
	for _, r := range l.block.Missed {
		p.reject(r.Count, r.Reason, now, func() string { return l.block.PlaceOf(r.Offset) }, r.Detail)
	}
	for _, r := range b.Rejects {
		p.reject(1, r.Reason, now, l.at(line, r.Line), r.Detail)
	}
	l.line = line
	p.counted(l.block, line+b.Lines)
	p.skipped[record.ByCondition] += uint64(b.Skipped)
	m.count(l, now)
}

// count counts the rows of a load.
func (m *model) count(l *load, now time.Time) {
	p, b := l.pipeline, &l.batch
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

// skipRow counts a record that was decoded but is from before the time at which the source starts.
func (p *pipeline) skipRow() {
	p.records--
	p.skipped[record.ByStart]++
}

// rejectRow counts a record that was decoded but cannot be used.
func (m *model) rejectRow(l *load, row int, reason record.Reason, now time.Time, detail string) {
	l.pipeline.records--
	l.pipeline.reject(1, reason, now, l.at(l.line, int(l.batch.RowLines[row])), detail)
}

func (m *model) addPredictions(l *load, now time.Time) {
	b := &l.batch
	limit := now.Add(m.config.MaxFuture).UnixNano()
	oldest := int64(never)
	if l.live() && m.newest != never {
		oldest = m.newest - int64(m.config.AllowedLateness)
	}
	if m.recent != nil {
		m.recent.touch(b.IDs)
	}
	m.beginSlicing(b)
	groups := m.groups[:0]
	at := 0
	for row := range b.Rows {
		m.touchIDs(b, row)
		t := b.Times[row]
		if t < l.pipeline.since {
			l.pipeline.skipRow()
			continue
		}
		if t > limit {
			m.rejectRow(l, row, record.Future, now, "event time "+timeText(t)+" lies in the future")
			continue
		}
		if t < oldest {
			m.rejectRow(l, row, record.Late, now, "event time "+timeText(t)+" is older than allowed_lateness")
			continue
		}
		version := m.version(l, row)
		mon := m.monitors[version]
		m.sliceRow(mon, b, row)
		admitted := m.admit(l, row, version, now)
		if m.labelField >= 0 {
			m.takeLabel(b, row, version)
		}
		if !admitted {
			continue
		}
		mon.oldest, mon.newest = min(mon.oldest, t), max(mon.newest, t)
		pane, part := mon.set.Pane(t), b.Part(row)
		if at >= len(groups) || !groups[at].is(version, pane, part) {
			for at = 0; at < len(groups) && !groups[at].is(version, pane, part); {
				at++
			}
			if at == len(groups) {
				groups = slices.Grow(groups, 1)[:at+1]
				groups[at] = group{version: version, part: part, pane: pane, rows: groups[at].rows[:0]}
			}
		}
		groups[at].rows = append(groups[at].rows, uint32(row))
	}
	for _, g := range groups {
		mon := m.monitors[g.version]
		mon.predictions += uint64(len(g.rows))
		mon.lastRead = now
		m.newest = max(m.newest, mon.newest)
		mon.set.AddPart(b, g.rows, g.pane, g.part)
		if g.part != record.Response {
			mon.slicePredictions(m.codes, b, g.rows)
		}
		if g.part == record.Whole {
			mon.estimate(b, g.rows)
		}
	}
	m.groups = groups
	m.lastRead = now
	if m.labelField >= 0 {
		m.labelsRead = now
		m.expire(l)
	}
	m.advance()
	if m.newest != never {
		m.skew.add(b, m.columns, m.newest)
	}
}

// touchIDs brings what the join knows of the next ids into the processor's cache, if it is their turn.
func (m *model) touchIDs(b *record.Batch, row int) {
	if m.join != nil && row%touchedIDs == 0 {
		m.join.Touch(b.IDs[row:min(row+touchedIDs, b.Rows)])
	}
}

// advance tells all monitors the newest event times. Windows of all versions end at the same time, so that they can be
// compared.
func (m *model) advance() {
	m.newestLabel = max(m.newestLabel, m.newest)
	for _, mon := range m.monitors {
		mon.set.Advance(m.newest)
		mon.labeled.Advance(m.newest)
		mon.advanceSlices(m.newest, m.newestLabel)
		mon.advanceEstimates(m.newest)
		if mon.outcomes != nil {
			mon.outcomes.Advance(m.newestLabel)
		}
	}
}

// version returns the index of a record's monitor, which it makes if the version is new.
func (m *model) version(l *load, row int) uint16 {
	span := l.batch.Versions[row]
	if !span.IsString() {
		span = record.Span{} // No version is the empty one.
	}
	// Most records are of the version of the one before, or of the one before that where two take turns.
	short := l.batch.Short(span)
	switch short {
	case m.latest.name:
		return m.latest.version
	case m.former.name:
		m.latest, m.former = m.former, m.latest
		return m.latest.version
	}
	version := m.versionOf(l.batch.Text(span))
	if short != record.NoShort {
		m.latest, m.former = foundVersion{short, version}, m.latest
	}
	return version
}

// versionOf returns the index of the monitor of a version, which it makes if the version is new.
func (m *model) versionOf(name []byte) uint16 {
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
	if mon := m.monitors[i]; mon.fallback {
		m.logger.Warn("The version has no reference of its own and is compared with the general one", "version", version)
	}
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
		// Several versions may predict the same id.
		known = m.recent.add(id ^ uint64(version)<<48)
	} else {
		var p outcome.Prediction
		if !m.prediction(&p, b, row, version) {
			return true // without a prediction there is nothing to be right or wrong
		}
		result, pairs := m.join.AddPrediction(&p)
		for i := range pairs {
			m.joined(&pairs[i])
		}
		known = result == outcome.Duplicate
	}
	if known {
		m.rejectRow(l, row, record.Duplicate, now, "a prediction of this id was counted before")
	}
	return !known
}

// prediction fills in what the label of a prediction needs, if there is a predicted value.
func (m *model) prediction(p *outcome.Prediction, b *record.Batch, row int, version uint16) (ok bool) {
	*p = outcome.Prediction{
		ID: b.IDs[row], Time: b.Times[row], Version: version, Score: math.NaN(), Slices: m.codes[row],
	}
	if p.Value, ok = m.value(b, m.predictionField, row, m.general.profile.Find(profile.Prediction)); !ok {
		return false
	}
	if m.scoreField >= 0 {
		p.Score = b.Columns[m.scoreField].Numbers[row]
	}
	return true
}

// takeLabel counts the label that a prediction record has itself, if it has one. It arrives with the prediction.
func (m *model) takeLabel(b *record.Batch, row int, version uint16) {
	value, ok := m.value(b, m.labelField, row, m.labelColumn())
	if !ok {
		return
	}
	l := outcome.Label{ID: b.IDs[row], Time: b.Times[row], Value: value}
	if l.ID != 0 {
		m.addLabel(l)
		return
	}
	// Nothing else can ever belong to it.
	m.labelResults[outcome.Matched]++
	pair := outcome.Joined{Result: outcome.Matched, Label: l}
	if m.prediction(&pair.Prediction, b, row, version) {
		m.joined(&pair)
	}
}

// labelColumn is the reference's column of labels, or else of predictions, which have the same values.
func (m *model) labelColumn() *profile.Column {
	if c := m.general.profile.Find(profile.Label); c != nil {
		return c
	}
	return m.general.profile.Find(profile.Prediction)
}

// value returns a prediction or label of a batch, if there is one.
func (m *model) value(b *record.Batch, column, row int, reference *profile.Column) (outcome.Value, bool) {
	c := &b.Columns[column]
	if m.general.rules.Task == outcome.Regression {
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
	reference := m.labelColumn()
	for row := range b.Rows {
		m.touchIDs(b, row)
		if b.Times[row] < l.pipeline.since {
			l.pipeline.skipRow()
			continue
		}
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
		m.addLabel(outcome.Label{ID: b.IDs[row], Time: b.Times[row], Value: value})
	}
	m.labelsRead = now
	m.advance()
	m.expire(l)
}

// expire gives up the ids for which it is too late. While catching up, one log may be far ahead of the other.
func (m *model) expire(l *load) {
	if l.live() {
		m.join.Expire(m.newestLabel)
	}
}

// addLabel joins a label and counts what comes of it.
func (m *model) addLabel(l outcome.Label) {
	m.newestLabel = max(m.newestLabel, l.Time)
	result, pairs := m.join.AddLabel(l)
	m.labelResults[result]++
	for i := range pairs {
		pair := &pairs[i]
		if pair.Result == outcome.Matched {
			m.joined(pair)
			continue
		}
		mon := m.monitors[pair.Prediction.Version]
		mon.addOutcome(&pair.Prediction, pair.Previous, -1)
		mon.addOutcome(&pair.Prediction, pair.Label, 1)
	}
}

// joined counts a prediction that has got its label.
func (m *model) joined(pair *outcome.Joined) {
	mon := m.monitors[pair.Prediction.Version]
	mon.labeledTotal++
	o := pair.Prediction.Outcome(pair.Label)
	if mon.confusion != nil {
		mon.confusion.add(o)
	}
	if mon.labelCounts != nil {
		mon.labelCounts.add(o.Label)
	}
	wrong := mon.rules.Wrong(o)
	if wrong {
		mon.errors++
	}
	mon.labeled.Add(pair.Prediction.Time, 1)
	mon.addOutcome(&pair.Prediction, pair.Label, 1)
	mon.delays.add(time.Duration(pair.Label.Time - pair.Prediction.Time))
	for _, w := range mon.watches {
		w.add(wrong, pair.Label.Time)
	}
}

func timeText(t int64) string { return time.Unix(0, t).UTC().Format(time.RFC3339) }
