package config

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// The written types have the keys of the file in the order in which the documentation has them. Keys are left out only
// where their absence is the value: what is inferred, and what is not there.
type (
	writtenConfig struct {
		EvaluationInterval model.Duration `yaml:"evaluation_interval"`
		State              *writtenState  `yaml:"state,omitempty"`
		Models             []writtenModel `yaml:"models"`
	}
	writtenState struct {
		Path               text           `yaml:"path"`
		CheckpointInterval model.Duration `yaml:"checkpoint_interval"`
	}
	writtenModel struct {
		Name            text                   `yaml:"name"`
		Task            Task                   `yaml:"task,omitempty"`
		PositiveClass   text                   `yaml:"positive_class,omitempty"`
		Reference       writtenSource          `yaml:"reference"`
		References      map[text]writtenSource `yaml:"references,omitempty"`
		MovingReference bool                   `yaml:"moving_reference"`
		Predictions     []writtenSource        `yaml:"predictions"`
		Labels          []writtenSource        `yaml:"labels,omitempty"`
		Fields          writtenFields          `yaml:"fields"`
		Columns         map[text]writtenColumn `yaml:"columns,omitempty"`
		Windows         []string               `yaml:"windows,flow"`
		MinRecords      int                    `yaml:"min_records"`
		CutPoints       int                    `yaml:"cut_points"`
		MaxCategories   int                    `yaml:"max_categories"`
		MaxTokens       int                    `yaml:"max_tokens"`
		MaxVersions     int                    `yaml:"max_versions"`
		AllowedLateness model.Duration         `yaml:"allowed_lateness"`
		MaxFuture       model.Duration         `yaml:"max_future"`
		MaxIDs          int                    `yaml:"max_ids"`
		Slices          []writtenSlice         `yaml:"slices,flow,omitempty"`
		MaxSliceValues  int                    `yaml:"max_slice_values"`
		Detectors       []string               `yaml:"detectors,flow"`
		Champion        text                   `yaml:"champion,omitempty"`
		ErrorTolerance  float64                `yaml:"error_tolerance,omitempty"`
		MissingValues   []text                 `yaml:"missing_values,flow"`
		DependsOn       []text                 `yaml:"depends_on,flow,omitempty"`
	}
	writtenSource struct {
		Path          text            `yaml:"path,omitempty"`
		Receive       *writtenReceive `yaml:"receive,omitempty"`
		Kafka         *writtenKafka   `yaml:"kafka,omitempty"`
		Format        Format          `yaml:"format,omitempty"`
		Header        []text          `yaml:"header,flow,omitempty"`
		Unwrap        Unwrap          `yaml:"unwrap,omitempty"`
		ID            text            `yaml:"id,omitempty"`
		StartAt       string          `yaml:"start_at,omitempty"`
		Where         map[text]text   `yaml:"where,omitempty"`
		Preset        text            `yaml:"preset,omitempty"`
		Mapping       *yaml.Node      `yaml:"mapping,omitempty"`
		FeatureNames  any             `yaml:"feature_names,omitempty"`
		Timeout       string          `yaml:"timeout,omitempty"`
		InPredictions bool            `yaml:"in_predictions,omitempty"`
	}
	writtenReceive struct {
		Name      text   `yaml:"name"`
		TokenFile text   `yaml:"token_file,omitempty"`
		Spool     text   `yaml:"spool"`
		MaxBody   string `yaml:"max_body"`
		MaxSpool  string `yaml:"max_spool"`
		Sync      bool   `yaml:"sync"`
	}
	writtenKafka struct {
		Brokers []text       `yaml:"brokers,flow"`
		Topic   text         `yaml:"topic"`
		Group   text         `yaml:"group"`
		TLS     *writtenTLS  `yaml:"tls,omitempty"`
		SASL    *writtenSASL `yaml:"sasl,omitempty"`
	}
	writtenTLS struct {
		CAFile             text `yaml:"ca_file,omitempty"`
		CertFile           text `yaml:"cert_file,omitempty"`
		KeyFile            text `yaml:"key_file,omitempty"`
		ServerName         text `yaml:"server_name,omitempty"`
		InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
	}
	writtenSASL struct {
		Mechanism        text `yaml:"mechanism"`
		Username         text `yaml:"username"`
		PasswordFile     text `yaml:"password_file,omitempty"`
		PasswordVariable text `yaml:"password_variable,omitempty"`
	}
	writtenSlice  []text
	writtenFields struct {
		ID         text `yaml:"id"`
		Timestamp  text `yaml:"timestamp"`
		Version    text `yaml:"version"`
		Model      text `yaml:"model"`
		Features   text `yaml:"features"`
		Prediction text `yaml:"prediction"`
		Score      text `yaml:"score"`
		Label      text `yaml:"label"`
	}
	writtenColumn struct {
		Kind   Kind      `yaml:"kind,omitempty"`
		Edges  []float64 `yaml:"edges,flow,omitempty"`
		Ignore bool      `yaml:"ignore,omitempty"`
	}
)

// text is a string that is rendered so that it is read again as it was. The YAML package would write line breaks at the
// start of a text, and the text <<, as something else.
type text string

// MarshalYAML puts everything unusual in double quotes.
func (t text) MarshalYAML() (any, error) {
	unusual := func(c rune) bool { return !unicode.IsPrint(c) }
	if t == "<<" || strings.ContainsFunc(string(t), unusual) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(t), Style: yaml.DoubleQuotedStyle}, nil
	}
	return string(t), nil
}

// YAML renders the configuration as a file in which every default is written out. Parse makes an equal Config of it
// if the paths are absolute; relative ones have already been resolved and would be again.
func (c *Config) YAML() ([]byte, error) {
	w := writtenConfig{EvaluationInterval: model.Duration(c.EvaluationInterval)}
	if c.State.Path != "" {
		w.State = &writtenState{text(c.State.Path), model.Duration(c.State.CheckpointInterval)}
	}
	for i := range c.Models {
		w.Models = append(w.Models, writeModel(&c.Models[i]))
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(w); err != nil {
		return nil, fmt.Errorf("rendering the configuration: %w", err)
	}
	return out.Bytes(), nil
}

func writeModel(m *Model) writtenModel {
	w := writtenModel{
		Name:            text(m.Name),
		Task:            m.Task,
		PositiveClass:   text(m.PositiveClass),
		Reference:       writeFile(&m.Reference),
		MovingReference: m.MovingReference,
		Predictions:     writeSources(m.Predictions, 0),
		Labels:          writeSources(m.Labels, m.LabelTimeout),
		Fields:          writeFields(&m.Fields),
		MinRecords:      m.MinRecords,
		CutPoints:       m.CutPoints,
		MaxCategories:   m.MaxCategories,
		MaxTokens:       m.MaxTokens,
		MaxVersions:     m.MaxVersions,
		AllowedLateness: model.Duration(m.AllowedLateness),
		MaxFuture:       model.Duration(m.MaxFuture),
		MaxIDs:          m.MaxIDs,
		MaxSliceValues:  m.MaxSliceValues,
		Detectors:       m.Detectors,
		Champion:        text(m.Champion),
		ErrorTolerance:  m.ErrorTolerance,
		MissingValues:   []text{},
	}
	if m.LabelsInPredictions {
		w.Labels = append(w.Labels, writtenSource{
			Timeout: model.Duration(m.LabelTimeout).String(), InPredictions: true,
		})
	}
	for _, slice := range m.Slices {
		var columns writtenSlice
		for _, column := range slice {
			columns = append(columns, text(column))
		}
		w.Slices = append(w.Slices, columns)
	}
	for _, value := range m.MissingValues {
		w.MissingValues = append(w.MissingValues, text(value))
	}
	for _, upstream := range m.DependsOn {
		w.DependsOn = append(w.DependsOn, text(upstream))
	}
	for _, r := range m.References {
		if w.References == nil {
			w.References = map[text]writtenSource{}
		}
		w.References[text(r.Version)] = writeFile(&r.File)
	}
	for _, c := range m.Columns {
		if w.Columns == nil {
			w.Columns = map[text]writtenColumn{}
		}
		w.Columns[text(c.Name)] = writtenColumn{c.Kind, c.Edges, c.Ignore}
	}
	for _, window := range m.Windows {
		w.Windows = append(w.Windows, window.Name)
	}
	return w
}

func writeFields(f *Fields) writtenFields {
	return writtenFields{
		ID: text(f.ID), Timestamp: text(f.Timestamp), Version: text(f.Version), Model: text(f.Model),
		Features: text(f.Features), Prediction: text(f.Prediction), Score: text(f.Score), Label: text(f.Label),
	}
}

func writeFile(f *File) writtenSource {
	return writtenSource{Path: text(f.Path), Format: f.Format, Header: texts(f.Header)}
}

func texts(all []string) []text {
	var list []text
	for _, s := range all {
		list = append(list, text(s))
	}
	return list
}

func writeReceive(r *Receive) *writtenReceive {
	if r == nil {
		return nil
	}
	return &writtenReceive{
		text(r.Name), text(r.TokenFile), text(r.Spool), sizeText(r.MaxBody), sizeText(r.MaxSpool), r.Sync,
	}
}

func writeKafka(k *Kafka) *writtenKafka {
	if k == nil {
		return nil
	}
	w := &writtenKafka{Brokers: texts(k.Brokers), Topic: text(k.Topic), Group: text(k.Group)}
	if t := k.TLS; t != nil {
		w.TLS = &writtenTLS{
			text(t.CAFile), text(t.CertFile), text(t.KeyFile), text(t.ServerName), t.InsecureSkipVerify,
		}
	}
	if s := k.SASL; s != nil {
		w.SASL = &writtenSASL{
			text(s.Mechanism), text(s.Username), text(s.PasswordFile), text(s.PasswordVariable),
		}
	}
	return w
}

// writeSources renders sources, and the timeout with each if it is not 0.
func writeSources(sources []Source, timeout time.Duration) []writtenSource {
	var all []writtenSource
	for _, s := range sources {
		w := writtenSource{
			Path: text(s.Path), Receive: writeReceive(s.Receive), Kafka: writeKafka(s.Kafka),
			Format: s.Format, Header: texts(s.Header),
			Unwrap: s.Unwrap, ID: text(s.ID), Preset: text(s.Preset), Mapping: writeMapping(s.Mapping),
		}
		if s.Receive == nil {
			w.StartAt = s.StartAt.String()
		}
		switch {
		case s.FeatureNames.Path != "":
			w.FeatureNames = text(s.FeatureNames.Path)
		case s.FeatureNames.List != nil:
			w.FeatureNames = texts(s.FeatureNames.List)
		}
		if timeout != 0 {
			w.Timeout = model.Duration(timeout).String()
		}
		for _, c := range s.Where {
			if w.Where == nil {
				w.Where = map[text]text{}
			}
			w.Where[text(c.Field)] = text(c.Value)
		}
		all = append(all, w)
	}
	return all
}

// writeMapping renders a mapping, which is YAML already.
func writeMapping(text string) *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
		return nil
	}
	return document.Content[0]
}
