package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Format returns the format of logs that a mapping describes. now tells the time at which records are read, which is
// what _read.time is.
func Format(spec *Spec, now func() time.Time) (decode.Format, error) { return traced(spec, now, nil) }

// traced is Format with decoders that note in a trace, if there is one, how they understand records.
func traced(spec *Spec, now func() time.Time, t *trace) (decode.Format, error) {
	values, err := decode.LookupValues(spec.Format)
	if err != nil {
		return decode.Format{}, err
	}
	files, err := spec.files()
	if err != nil {
		return decode.Format{}, err
	}
	format := decode.Format{
		Header: values.Header, Split: values.Split, EachLine: values.Lines, Typed: !values.Header,
		New: func(s *record.Schema, seed uint64) decode.Decoder {
			d := newDecoder(spec, files, values, s, seed, now)
			d.trace = t
			return d
		},
	}
	if spec.Unwrap == "" {
		return format, nil
	}
	if !values.Lines {
		return format, fmt.Errorf("the records of %s are not single lines, so nothing can be unwrapped", spec.Format)
	}
	return decode.Unwrapped(format, spec.Unwrap)
}

func (s *Spec) files() ([]filesTemplate, error) {
	var all []filesTemplate
	for _, text := range s.Files {
		t, err := parseFiles(text)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", text, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// newDecoder returns a decoder for a schema. Each decoder compiles its own tables, for they learn from the log.
func newDecoder(spec *Spec, files []filesTemplate, values decode.ValueFormat, s *record.Schema, seed uint64,
	now func() time.Time,
) *Decoder {
	d := &Decoder{
		spec: spec, schema: s, seed: seed, now: now, files: files,
		reader: values.New(), lines: values.Lines, tree: &decode.Tree{}, fileTree: &decode.Tree{},
		prediction: none, score: none, label: none, missing: make(map[string]bool),
		threshold: spec.Threshold,
	}
	if d.threshold == 0 {
		d.threshold = 0.5
	}
	for _, text := range s.Missing {
		d.missing[strings.TrimSpace(text)] = true
	}
	template := spec.RowID
	if template == "" {
		template = DefaultRowID
	}
	// The template was checked when it was configured; one that is not one stands for itself.
	d.rowID, _ = parseTemplate(template, false)
	d.addFields()
	d.cells, d.ranks = make([]decode.Value, len(d.fields)), make([]int, len(d.fields))
	d.addParts()
	d.addWhere()
	return d
}

// addFields finds what the columns of the schema, and the ids of rows, are made of.
func (d *Decoder) addFields() {
	known := make(map[string]int)
	at := func(f record.Field) int {
		key := fmt.Sprint(f.Role)
		if f.Role == record.Feature {
			key += "\x00" + f.Name
		}
		i, ok := known[key]
		if !ok {
			i = len(d.fields)
			known[key] = i
			d.fields = append(d.fields, field{Field: f})
		}
		return i
	}
	for i, c := range d.schema.Columns {
		k := at(c)
		d.fields[k].columns = append(d.fields[k].columns, i)
		switch c.Role {
		case record.Prediction:
			d.prediction = k
		case record.Score:
			d.score = k
		case record.Label:
			d.label = k
		}
	}
	for _, name := range d.rowID.names {
		k := none
		if name != "request_id" && name != "row" {
			k = at(record.Field{Name: name})
			d.fields[k].inID = true
		}
		d.idFields = append(d.idFields, k)
	}
}

// addParts compiles the parts of records from which the schema wants something.
func (d *Decoder) addParts() {
	labelsOnly := d.prediction == none && d.score == none &&
		!slices.ContainsFunc(d.fields, func(f field) bool { return f.Role == record.Feature && len(f.columns) > 0 })
	for i := range d.spec.Parts {
		p := &part{spec: &d.spec.Parts[i], names: newNames()}
		wanted := p.wants()
		// The names of features come first; outcomes may have any of several.
		for _, outcomes := range []bool{false, true} {
			for k := range d.fields {
				f := &d.fields[k]
				switch {
				case !slices.Contains(wanted, f.Role) && !f.inID || outcomes != (f.Role != record.Feature):
				case outcomes:
					p.names.addOutcome(&f.Field, k)
				default:
					p.names.addFeature(p.spec.Prefix+f.Name, k)
				}
			}
		}
		p.names.dropped(p.spec.Drop)
		given := p.spec.Names
		if len(given) == 0 && (p.spec.Role == Request || p.spec.Role == Row) {
			given = d.spec.Names
		}
		p.named = len(given) > 0
		p.positions = p.names.positions(given)
		switch p.spec.Role {
		case Truth:
			p.useful = labelsOnly
		case Row:
			p.useful = true
		default:
			p.useful = !labelsOnly
		}
		d.parts = append(d.parts, p)
	}
}

// wants returns the roles of the columns that a part may have.
func (p *part) wants() []record.Role {
	switch p.spec.Role {
	case Request:
		return []record.Role{record.Feature, record.Label}
	case Response:
		return []record.Role{record.Prediction, record.Score}
	case Truth:
		return []record.Role{record.Label}
	default:
		return []record.Role{record.Feature, record.Prediction, record.Score, record.Label}
	}
}

// addWhere compiles the conditions of the schema: paths in the record, of which model is that of the mapping.
func (d *Decoder) addWhere() {
	for _, c := range d.schema.Where {
		var p *Path
		if len(c.Path) == 1 && c.Path[0] == "model" && d.spec.Model != nil {
			p = d.spec.Model
		} else {
			p = &Path{alternatives: []alternative{{}}}
			for _, key := range c.Path {
				p.alternatives[0].steps = append(p.alternatives[0].steps, step{key: key, named: true})
			}
		}
		d.where = append(d.where, Condition{Path: p, In: []string{c.Value}})
	}
}
