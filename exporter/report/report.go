// Package report makes a table for a person, or a document for a pipeline, of the metrics that the exporter serves, and
// judges them by the shipped thresholds. Metric families come in, text or JSON goes out; it computes no statistics.
package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/rules"
)

// Options say what is reported.
type Options struct {
	// Window is the name of the window that is reported of every model; "" stands for the longest of each.
	Window string
	// Top is how many columns and slices of a version are listed; 0 stands for all.
	Top int
	// Thresholds are what values are judged by.
	Thresholds rules.Thresholds
}

// Report is what is known of all models. Values that the exporter does not serve, such as those of a window with too
// few records, are nil.
type Report struct {
	Models []Model `json:"models"`
	// Findings are all values that exceed their threshold, whether they are listed or not.
	Findings []Finding `json:"findings"`
}

// Model is one configured model.
type Model struct {
	Name string `json:"name"`
	// Window is the reported window.
	Window  string   `json:"window"`
	Sources []Source `json:"sources"`
	// Labels counts label records by what became of them. Without configured labels it is empty.
	Labels   []Count   `json:"labels,omitempty"`
	Versions []Version `json:"versions"`

	labeled bool // labels are configured
}

// Source is a log.
type Source struct {
	Name string `json:"name"`
	// Up says that there is a file and that it could be read.
	Up       bool    `json:"up"`
	Records  float64 `json:"records"`
	Rejected []Count `json:"rejected,omitempty"`
}

// Count is how many records have something in common.
type Count struct {
	Name  string  `json:"name"`
	Count float64 `json:"count"`
}

// Version is one version of a model. But for Predictions, First, Last and Detectors all is of the reported window.
type Version struct {
	Name          string  `json:"name"`
	Task          string  `json:"task"`
	Reference     string  `json:"reference"`
	ReferenceRows float64 `json:"reference_rows"`
	// Fallback says that the version has no reference of its own although others have.
	Fallback bool `json:"fallback,omitempty"`
	// Predictions are all that were counted, First and Last the event times of the oldest and the newest of them.
	Predictions       float64       `json:"predictions"`
	First             time.Time     `json:"first_prediction,omitzero"`
	Last              time.Time     `json:"last_prediction,omitzero"`
	WindowPredictions *float64      `json:"window_predictions,omitempty"`
	WindowLabels      *float64      `json:"window_labels,omitempty"`
	Labeled           *float64      `json:"labeled_ratio,omitempty"`
	Performance       []Performance `json:"performance,omitempty"`
	// Columns are sorted by how far their score exceeds its noise floor, Slices by how far the lower end of their error
	// ratio exceeds the error ratio of all; both as far as they are listed.
	Columns     []Column   `json:"columns"`
	MoreColumns int        `json:"columns_not_listed,omitempty"`
	Slices      []Slice    `json:"slices,omitempty"`
	MoreSlices  int        `json:"slices_not_listed,omitempty"`
	Detectors   []Detector `json:"detectors,omitempty"`
	// Comparisons has an entry for a version that serves beside the champion, and none for the champion.
	Comparisons []Comparison `json:"comparisons,omitempty"`

	// drift, data and errors say that there was something to judge.
	drift, data, errors bool
}

// Performance is a performance metric, or the error ratio, which has an interval.
type Performance struct {
	Metric    string   `json:"metric"`
	Value     *float64 `json:"value,omitempty"`
	Lower     *float64 `json:"lower,omitempty"`
	Upper     *float64 `json:"upper,omitempty"`
	Reference *float64 `json:"reference,omitempty"`
}

// New makes a report of the families that an exporter gathers.
func New(families []*metric.Family, o Options) (*Report, error) {
	b := &builder{series: index(families), options: o, report: &Report{Findings: []Finding{}}}
	for _, name := range b.models() {
		window, err := b.window(name)
		if err != nil {
			return nil, err
		}
		b.report.Models = append(b.report.Models, b.model(name, window))
	}
	return b.report, nil
}

// builder makes a report.
type builder struct {
	series  series
	options Options
	report  *Report
}

// models lists the names of all models.
func (b *builder) models() []string {
	var names []string
	for _, s := range b.series.of(metric.WindowDuration) {
		if n := len(names); n == 0 || names[n-1] != s.labels[0] {
			names = append(names, s.labels[0])
		}
	}
	return names
}

// window returns the name of the window that is reported of a model.
func (b *builder) window(model string) (string, error) {
	var names []string
	longest := -1
	all := b.series.of(metric.WindowDuration, model)
	for i, s := range all {
		if s.labels[1] == b.options.Window {
			return s.labels[1], nil
		}
		names = append(names, s.labels[1])
		if longest < 0 || s.value > all[longest].value {
			longest = i
		}
	}
	if b.options.Window != "" {
		return "", fmt.Errorf("model %q has no window %q; it has %s", model, b.options.Window, strings.Join(names, ", "))
	}
	return names[longest], nil
}

func (b *builder) model(name, window string) Model {
	m := Model{Name: name, Window: window, Sources: []Source{}, Versions: []Version{}}
	for _, s := range b.series.of(metric.SourceRecords, name) {
		up := b.series.value(metric.SourceUp, s.labels...)
		source := Source{Name: s.labels[1], Up: up != nil && *up == 1, Records: s.value}
		source.Rejected = counts(b.series.of(metric.SourceErrors, s.labels...))
		m.Sources = append(m.Sources, source)
	}
	labels := b.series.of(metric.Labels, name)
	m.Labels, m.labeled = counts(labels), len(labels) > 0
	for _, s := range b.series.of(metric.ModelInfo, name) {
		m.Versions = append(m.Versions, b.version(name, window, s.labels))
	}
	return m
}

// counts are the samples that are not 0, by their last label.
func counts(samples []sample) []Count {
	var all []Count
	for _, s := range samples {
		if s.value > 0 {
			all = append(all, Count{s.labels[len(s.labels)-1], s.value})
		}
	}
	return all
}

// version reports a version, of which the labels of its drift_model_info are given.
func (b *builder) version(model, window string, info []string) Version {
	name := info[1]
	v := Version{
		Name: name, Task: info[2], Reference: info[3],
		WindowPredictions: b.series.value(metric.WindowPredictions, model, name, window),
		WindowLabels:      b.series.value(metric.WindowLabels, model, name, window),
		Labeled:           b.series.value(metric.LabeledRatio, model, name, window),
		First:             instant(b.series.value(metric.FirstPrediction, model, name)),
		Last:              instant(b.series.value(metric.LastPrediction, model, name)),
	}
	if n := b.series.value(metric.Predictions, model, name); n != nil {
		v.Predictions = *n
	}
	if n := b.series.value(metric.ReferencePredictions, model, name); n != nil {
		v.ReferenceRows = *n
	}
	fallback := b.series.value(metric.ReferenceFallback, model, name)
	v.Fallback = fallback != nil && *fallback == 1
	b.performance(&v, model, window)
	b.columns(&v, model, window)
	b.slices(&v, model, window)
	b.detectors(&v, model)
	b.comparisons(&v, model, window)
	return v
}

// instant returns the time of seconds since the epoch, to the millisecond.
func instant(seconds *float64) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(*seconds * 1000)).UTC()
}

// performance adds the error ratio and all performance metrics, of the window or of the reference, and judges them.
func (b *builder) performance(v *Version, model, window string) {
	ratio := Performance{
		Metric:    "error_ratio",
		Value:     b.series.value(metric.ErrorRatio, model, v.Name, window),
		Lower:     b.series.value(metric.ErrorRatioLower, model, v.Name, window),
		Upper:     b.series.value(metric.ErrorRatioUpper, model, v.Name, window),
		Reference: b.series.value(metric.ReferenceErrorRatio, model, v.Name),
	}
	if v.WindowLabels == nil && ratio.Value == nil {
		return
	}
	v.Performance = append(v.Performance, ratio)
	b.judgeErrors(v, model, window, ratio)
	for _, s := range b.series.of(metric.Performance, model, v.Name, window) {
		name := s.labels[3]
		v.Performance = append(v.Performance, Performance{
			Metric: name, Value: &s.value, Reference: b.series.value(metric.ReferencePerformance, model, v.Name, name),
		})
	}
}
