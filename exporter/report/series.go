package report

import (
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// series are the values of metric families, by name and label values.
type series map[string]*family

// family is the values of one metric, in the order in which they are served.
type family struct {
	list   []sample
	values map[string]float64 // by key
}

// sample is a value with its label values, in the order of the metric's definition.
type sample struct {
	labels []string
	value  float64
}

// key tells label values of one metric apart: served ones are valid UTF-8, which has no such byte.
func key(labels []string) string { return strings.Join(labels, "\xff") }

// index takes in gauges and counters of the catalogue.
func index(families []*metric.Family) series {
	all := make(series)
	for _, f := range families {
		i := slices.IndexFunc(metric.Catalogue, func(d metric.Def) bool { return d.Name == f.GetName() })
		if i < 0 {
			continue
		}
		d := &metric.Catalogue[i]
		own := &family{values: make(map[string]float64)}
		for _, m := range f.Metric {
			s := sample{labels: make([]string, len(d.Labels)), value: m.GetGauge().GetValue() + m.GetCounter().GetValue()}
			for _, l := range m.Label {
				if k := slices.Index(d.Labels, l.GetName()); k >= 0 {
					s.labels[k] = l.GetValue()
				}
			}
			own.list = append(own.list, s)
			own.values[key(s.labels)] = s.value
		}
		all[d.Name] = own
	}
	return all
}

// value returns the value with these label values, in the order of the definition; nil if there is none.
func (s series) value(d metric.Def, labels ...string) *float64 {
	f := s[d.Name]
	if f == nil {
		return nil
	}
	if x, ok := f.values[key(labels)]; ok {
		return &x
	}
	return nil
}

// of returns the samples whose first label values are these.
func (s series) of(d metric.Def, labels ...string) []sample {
	f := s[d.Name]
	if f == nil {
		return nil
	}
	var found []sample
	for _, each := range f.list {
		if slices.Equal(each.labels[:len(labels)], labels) {
			found = append(found, each)
		}
	}
	return found
}
