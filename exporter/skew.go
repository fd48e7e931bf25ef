package exporter

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/state"
	"github.com/drift-exporter/drift_exporter/exporter/window"
)

// The ways in which a log differs from training: values of the label skew.
const (
	missingColumn  = "missing_column"
	unknownColumn  = "unknown_column"
	numberAsString = "number_as_string"
	stringExpected = "string_expected"
	wrongKind      = "wrong_kind"
)

const (
	// maxUnknownColumns bounds the fields of a log, unknown to the reference, that are told apart.
	maxUnknownColumns = 100
	// otherColumns stands for the rest of them.
	otherColumns = "other"
)

// skew counts the records of a model's logs whose fields or formats are not those of the reference. It is counted by
// batch, at the newest time of the batch.
type skew struct {
	lengths []time.Duration
	// known are fields of a log that need not be in a reference.
	known    map[string]bool
	features string // the object of the features
	nested   bool   // that object was met, so what stands beside it are no features
	records  *window.Counter
	counters map[skewKey]*window.Counter
	unknown  map[string]bool
}

type skewKey struct{ column, skew string }

func newSkew(c *config.Model, references []*baseline) *skew {
	s := &skew{
		lengths: lengths(c), known: make(map[string]bool), features: c.Fields.Features,
		counters: make(map[skewKey]*window.Counter), unknown: make(map[string]bool),
	}
	f := c.Fields
	for _, name := range []string{f.ID, f.Timestamp, f.Version, f.Model, f.Prediction, f.Score, f.Label} {
		s.known[name] = true
	}
	for _, b := range references {
		for _, l := range b.profile.LeftOut {
			s.known[l.Name] = true
		}
	}
	s.records = window.NewCounter(s.lengths)
	return s
}

// add counts the records of a batch that was counted up to the newest time. columns are what its columns are compared
// with.
func (s *skew) add(b *record.Batch, columns []*profile.Column, newest int64) {
	at := min(slices.Max(b.Times), newest)
	s.records.Advance(newest)
	s.records.Add(at, int64(b.Rows))
	count := func(column, skew string, n int) {
		key := skewKey{column, skew}
		c := s.counters[key]
		if c == nil {
			if n == 0 {
				return
			}
			c = window.NewCounter(s.lengths)
			s.counters[key] = c
		}
		c.Advance(newest)
		if n > 0 {
			c.Add(at, int64(n))
		}
	}
	for i, column := range columns {
		c := &b.Columns[i]
		count(column.Name, missingColumn, c.Lacking)
		count(column.Name, numberAsString, len(c.Quoted))
		count(column.Name, wrongKind, len(c.Wrong)-len(c.Quoted))
		if !column.HasNumbers() {
			count(column.Name, stringExpected, len(c.Bare))
		}
	}
	s.nested = s.nested || slices.Contains(b.Objects, s.features)
	for _, u := range b.Unknown {
		if name, ok := s.unknownName(u.Name); ok {
			count(name, unknownColumn, u.Count)
		}
	}
}

// unknownName returns the column that an unknown field of a log is; ok is false if it is none.
func (s *skew) unknownName(field string) (name string, ok bool) {
	name, below := strings.CutPrefix(field, s.features+".")
	if s.nested && !below || s.known[name] {
		return "", false
	}
	if !s.unknown[name] {
		if len(s.unknown) == maxUnknownColumns {
			return otherColumns, true
		}
		s.unknown[name] = true
	}
	return name, true
}

// evaluate writes the ratios of all skews that were ever met.
func (s *skew) evaluate(out *metric.Snapshot, c *config.Model) {
	for _, key := range s.keys() {
		for i, w := range c.Windows {
			if all := s.records.Total(i); all >= int64(c.MinRecords) {
				share := float64(s.counters[key].Total(i)) / float64(all)
				out.Add(metric.ColumnSkew, min(share, 1), c.Name, key.column, key.skew, w.Name)
			}
		}
	}
}

// keys lists the skews that were ever met.
func (s *skew) keys() []skewKey {
	return slices.SortedFunc(maps.Keys(s.counters), func(a, b skewKey) int {
		return strings.Compare(a.column+"\x00"+a.skew, b.column+"\x00"+b.skew)
	})
}

// Save writes what was counted.
func (s *skew) Save(e *state.Encoder) {
	e.Bool(s.nested)
	s.records.Save(e)
	e.Uint(uint64(len(s.unknown)))
	for _, name := range slices.Sorted(maps.Keys(s.unknown)) {
		e.String(name)
	}
	keys := s.keys()
	e.Uint(uint64(len(keys)))
	for _, key := range keys {
		e.String(key.column)
		e.String(key.skew)
		s.counters[key].Save(e)
	}
}

// Load reads what Save wrote into one that has not counted anything yet.
func (s *skew) Load(d *state.Decoder) {
	s.nested = d.Bool()
	s.records.Load(d)
	for range d.Count(1) {
		s.unknown[d.String()] = true
	}
	if len(s.unknown) > maxUnknownColumns {
		d.Fail("it has %d unknown columns", len(s.unknown))
	}
	for range d.Count(2) {
		key := skewKey{d.String(), d.String()}
		c := window.NewCounter(s.lengths)
		c.Load(d)
		s.counters[key] = c
	}
}

// lengths are the lengths of a model's windows.
func lengths(c *config.Model) []time.Duration {
	all := make([]time.Duration, len(c.Windows))
	for i, w := range c.Windows {
		all[i] = w.Length
	}
	return all
}
