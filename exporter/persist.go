package exporter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// stateVersion changes whenever what a model saves changes its shape or its meaning.
const stateVersion = 9

// fingerprint is a hash of all that gives meaning to a model's state: its references, and its configuration but for
// what only says where the logs are or what is shown of the counts. A state of another fingerprint is of no use.
func (m *model) fingerprint() (uint64, error) {
	c := *m.config
	c.Predictions, c.Labels = wheres(c.Predictions), wheres(c.Labels)
	c.Reference, c.References = config.File{}, nil
	c.MinRecords, c.Champion, c.MaxIDs, c.DependsOn = 0, "", 0, nil
	c.AllowedLateness, c.MaxFuture = 0, 0
	text, err := json.Marshal(c)
	if err != nil {
		return 0, fmt.Errorf("model %q: fingerprint of the configuration: %w", c.Name, err)
	}
	h := xxhash.New()
	fmt.Fprintf(h, "%d\n%s\n", stateVersion, text)
	for i, b := range m.baselines() {
		hash, err := b.profile.Fingerprint()
		if err != nil {
			return 0, fmt.Errorf("model %q: fingerprint of a reference: %w", c.Name, err)
		}
		version := ""
		if i > 0 {
			version = m.config.References[i-1].Version
		}
		fmt.Fprintf(h, "%q %x\n", version, hash)
	}
	return h.Sum64(), nil
}

// wheres keeps of sources only which records they are and what joins them, each of that once: a log may be moved or
// divided.
func wheres(sources []config.Source) []config.Source {
	var all []config.Source
	for _, s := range sources {
		same := func(o config.Source) bool { return o.ID == s.ID && slices.Equal(o.Where, s.Where) }
		if !slices.ContainsFunc(all, same) {
			all = append(all, config.Source{ID: s.ID, Where: s.Where})
		}
	}
	return all
}

// save writes all that the model has counted, but for the join.
func (m *model) save(e *state.Encoder) {
	e.Fixed(m.seed)
	m.classes.Save(e)
	e.Int(m.newest)
	e.Int(m.newestLabel)
	saveTime(e, m.lastRead)
	saveTime(e, m.labelsRead)
	for _, n := range m.labelResults {
		e.Uint(n)
	}
	m.skew.Save(e)
	e.Bool(m.recent != nil)
	if m.recent != nil {
		m.recent.Save(e)
	}
	e.Uint(uint64(len(m.monitors)))
	for _, mon := range m.monitors {
		e.String(mon.version)
		mon.save(e)
	}
	e.Uint(uint64(len(m.pipelines)))
	for _, p := range m.pipelines {
		p.save(e)
	}
}

// load reads what save wrote into a model that has not counted anything yet.
func (m *model) load(d *state.Decoder) {
	m.seed = d.Fixed()
	m.classes.Load(d)
	m.newest, m.newestLabel = d.Int(), d.Int()
	m.lastRead, m.labelsRead = loadTime(d), loadTime(d)
	for i := range m.labelResults {
		m.labelResults[i] = d.Uint()
	}
	m.skew.Load(d)
	if recent := d.Bool(); recent != (m.recent != nil) {
		d.Fail("it remembers ids in another way")
	} else if recent {
		m.recent.Load(d)
	}
	n := d.Count(1)
	if n > m.config.MaxVersions+1 {
		d.Fail("it has %d versions, more than max_versions", n)
	}
	for range n {
		version := d.String()
		if _, twice := m.versions[version]; twice {
			d.Fail("it has the version %q twice", version)
		}
		if d.Err() != nil {
			return
		}
		mon := newMonitor(version, m)
		mon.load(d, m.classes.Len())
		m.versions[version] = uint16(len(m.monitors))
		m.monitors = append(m.monitors, mon)
	}
	saved := make([]*savedPipeline, d.Count(1))
	for i := range saved {
		saved[i] = loadPipeline(d)
	}
	if d.Err() == nil {
		m.resume(saved, d)
	}
}

func (mon *monitor) save(e *state.Encoder) {
	e.Uint(mon.predictions)
	e.Uint(mon.labeledTotal)
	e.Uint(mon.errors)
	e.Int(mon.oldest)
	e.Int(mon.newest)
	saveTime(e, mon.lastRead)
	mon.set.Save(e)
	mon.labeled.Save(e)
	if mon.outcomes != nil {
		mon.outcomes.Save(e)
	}
	if mon.slices != nil {
		mon.slices.Save(e)
	}
	mon.delays.save(e)
	if mon.confusion != nil {
		mon.confusion.save(e)
	}
	if mon.labelCounts != nil {
		mon.labelCounts.save(e)
	}
	for _, w := range mon.watches {
		w.save(e)
	}
	for _, s := range mon.estimators {
		s.save(e)
	}
}

func (mon *monitor) load(d *state.Decoder, classes int) {
	mon.predictions, mon.labeledTotal, mon.errors = d.Uint(), d.Uint(), d.Uint()
	mon.oldest, mon.newest = d.Int(), d.Int()
	mon.lastRead = loadTime(d)
	mon.set.Load(d)
	mon.labeled.Load(d)
	if mon.outcomes != nil {
		mon.outcomes.Load(d)
	}
	if mon.slices != nil {
		mon.slices.Load(d)
	}
	mon.delays.load(d)
	if mon.confusion != nil {
		mon.confusion.load(d, classes)
	}
	if mon.labelCounts != nil {
		mon.labelCounts.load(d)
	}
	for _, w := range mon.watches {
		w.load(d)
	}
	for _, s := range mon.estimators {
		s.load(d)
	}
}

// savedPipeline is what is known of a source of the run before.
type savedPipeline struct {
	key       string
	purpose   purpose
	records   uint64
	bytes     uint64
	errors    map[record.Reason]uint64
	skipped   map[record.Skip]uint64
	lastRead  time.Time
	began     bool
	since     int64
	positions []source.Position
	lines     []uint64 // of the file before each position
	waiting   []byte   // the state of an assembler, empty without one
}

// key tells the sources of a model apart: two may read the same files, but not for the same records.
func (p *pipeline) key() string { return fmt.Sprintf("%q %q", p.name, p.schema.Where) }

func (p *pipeline) save(e *state.Encoder) {
	e.String(p.key())
	e.Uint(uint64(p.purpose))
	e.Uint(p.records)
	e.Uint(p.bytes())
	saveCounts(e, p.errors)
	saveCounts(e, p.skipped)
	saveTime(e, p.lastRead)
	e.Bool(p.began)
	e.Int(p.since)
	places := p.places
	if p.options.Stream != nil {
		places = nil // what a stream has given cannot be read again
	}
	e.Uint(uint64(len(places)))
	for _, id := range slices.Sorted(maps.Keys(places)) {
		at := places[id]
		at.position.Save(e)
		e.Uint(uint64(at.lines))
	}
	var waiting state.Encoder
	if p.assembler != nil {
		p.assembler.Save(&waiting)
	}
	e.Bytes(bytes.Join(waiting.Parts(), nil))
}

func loadPipeline(d *state.Decoder) *savedPipeline {
	s := &savedPipeline{key: d.String()}
	why := d.Uint()
	if why > uint64(labels) {
		d.Fail("a source is neither of predictions nor of labels")
	}
	s.purpose = purpose(why)
	s.records, s.bytes = d.Uint(), d.Uint()
	s.errors = loadCounts[record.Reason](d)
	s.skipped = loadCounts[record.Skip](d)
	s.lastRead = loadTime(d)
	s.began, s.since = d.Bool(), d.Int()
	s.positions = make([]source.Position, d.Count(1))
	s.lines = make([]uint64, len(s.positions))
	for i := range s.positions {
		s.positions[i].Load(d)
		s.lines[i] = d.Uint()
	}
	s.waiting = d.Bytes()
	return s
}

// resume gives the sources what is known of them. What belonged to sources that are no more is offered to all others of
// the same purpose, for a log may have been moved, and is known by its content.
func (m *model) resume(saved []*savedPipeline, d *state.Decoder) {
	for _, p := range m.pipelines {
		for _, s := range saved {
			if s.key == p.key() && s.purpose == p.purpose {
				p.records, p.bytesBefore, p.lastRead = s.records, s.bytes, s.lastRead
				maps.Copy(p.errors, s.errors)
				maps.Copy(p.skipped, s.skipped)
				if err := p.await(s.waiting); err != nil {
					d.Fail("source %s: %w", p.name, err)
					return
				}
				p.resume(s)
			}
		}
	}
	for _, s := range saved {
		same := func(p *pipeline) bool { return p.key() == s.key && p.purpose == s.purpose }
		if slices.ContainsFunc(m.pipelines, same) {
			continue
		}
		for _, p := range m.pipelines {
			if p.purpose == s.purpose {
				p.resume(s)
			}
		}
	}
}

func saveTime(e *state.Encoder, t time.Time) {
	e.Bool(!t.IsZero())
	if !t.IsZero() {
		e.Int(t.UnixNano())
	}
}

func loadTime(d *state.Decoder) time.Time {
	if !d.Bool() {
		return time.Time{}
	}
	return time.Unix(0, d.Int())
}

func saveCounts[K ~string](e *state.Encoder, counts map[K]uint64) {
	e.Uint(uint64(len(counts)))
	for _, key := range slices.SortedFunc(maps.Keys(counts), cmp.Compare) {
		e.String(string(key))
		e.Uint(counts[key])
	}
}

func loadCounts[K ~string](d *state.Decoder) map[K]uint64 {
	counts := make(map[K]uint64)
	for range d.Count(2) {
		key := K(d.String())
		counts[key] = d.Uint()
	}
	return counts
}
