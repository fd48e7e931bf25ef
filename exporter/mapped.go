package exporter

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// formatOfSource returns how the bytes of a log are read, and what brings its halves of predictions together; nil where
// it has whole ones.
func formatOfSource(s config.Source, why purpose, schema *record.Schema, now func() time.Time) (
	decode.Format, *mapping.Assembler, error,
) {
	if s.Spec == nil {
		name := config.FormatOf(s.Format, s.Path)
		if name == config.Parquet {
			return decode.Format{}, nil, nil // its files are no blocks of records
		}
		format, err := decode.Lookup(string(name), decode.Options{Names: s.Header, Unwrap: string(s.Unwrap)})
		return format, nil, err
	}
	spec, err := specOf(s, why)
	if err != nil {
		return decode.Format{}, nil, err
	}
	format, err := mapping.Format(spec, now)
	if err != nil {
		return decode.Format{}, nil, err
	}
	return format, mapping.NewAssembler(spec, schema), nil
}

// specOf returns the mapping of a log that has one, complete for its purpose.
func specOf(s config.Source, why purpose) (*mapping.Spec, error) {
	spec := *s.Spec
	if s.FeatureNames.Path != "" {
		names, err := featureNames(s.FeatureNames.Path)
		if err != nil {
			return nil, err
		}
		spec.Names = names
	}
	if why == labels {
		spec.Join = nil // a label is whole
	}
	return &spec, nil
}

// featureNames reads the names of features from a statistics.json.
func featureNames(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("feature_names: %w", err)
	}
	defer f.Close()
	names, err := mapping.ReadNames(f)
	if err != nil {
		return nil, fmt.Errorf("feature_names: %s: %w", path, err)
	}
	return names, nil
}

// reasons lists the reasons for which records of the source may not be counted.
func (p *pipeline) reasons() []record.Reason {
	all := record.Reasons
	if p.mapped {
		all = slices.Concat(all, record.MappedReasons)
	}
	if p.topic != nil {
		all = slices.Concat(all, record.TopicReasons)
	}
	return all
}

// assemble replaces the rows of a load by those that are complete now. Times beyond the limit are no reason to give up
// what waits. Nor are any before the source has caught up: it may then read all requests before all responses.
func (p *pipeline) assemble(l *load, limit time.Time) {
	if p.assembler == nil {
		return
	}
	until := limit.UnixNano()
	if !l.live() {
		until = mapping.Standing
	}
	p.assembler.Add(&l.batch, &p.whole, until)
	l.batch, p.whole = p.whole, l.batch
}

// await gives the assembler of a source what waited in an earlier run.
func (p *pipeline) await(waiting []byte) error {
	if p.assembler == nil || len(waiting) == 0 {
		return nil
	}
	d := state.NewDecoder(waiting)
	p.assembler.Load(d)
	return d.End()
}

// countRest counts the halves of predictions that still wait when the logs have been read to their end.
func (m *model) countRest() {
	if m.follow {
		return // they are in the checkpoint
	}
	now := m.now()
	for _, p := range m.pipelines {
		if p.assembler == nil {
			continue
		}
		l := &load{pipeline: p, block: &source.Block{}, caughtUp: true}
		p.assembler.Flush(&l.batch)
		for _, r := range l.batch.Rejects {
			p.reject(1, r.Reason, now, func() string { return p.name }, r.Detail)
		}
		m.count(l, now)
	}
}
