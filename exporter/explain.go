package exporter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// Explain writes for every log of every model how its first n records are understood: ids, times, versions and values,
// and why others are not counted. What is wrong with one log does not keep the others from being explained.
func (e *Exporter) Explain(w io.Writer, n int) error {
	models, err := e.build(e.config.Load(), false)
	if err != nil {
		return err
	}
	var problems []error
	for _, m := range models {
		sources := slices.Concat(m.config.Predictions, m.config.Labels)
		for i, p := range m.pipelines {
			fmt.Fprintf(w, "model %q: %s %s\n", m.config.Name, p.purpose, p.name)
			if err := m.explain(w, p, sources[i], n); err != nil {
				problems = append(problems, fmt.Errorf("model %q: %s: %w", m.config.Name, p.name, err))
			}
		}
	}
	return errors.Join(problems...)
}

// checkedRecords is how many records of each log a check of the configuration shows.
const checkedRecords = 3

// describeLogs writes how the first records of each log are understood, below the description of the model.
func (m *model) describeLogs(w io.Writer) {
	sources := slices.Concat(m.config.Predictions, m.config.Labels)
	for i, p := range m.pipelines {
		fmt.Fprintf(w, "  %s %s\n", p.purpose, p.name)
		var text bytes.Buffer
		if err := m.explain(&text, p, sources[i], checkedRecords); err != nil {
			fmt.Fprintf(&text, "cannot be read: %v\n", err)
		}
		for line := range bytes.Lines(text.Bytes()) {
			fmt.Fprintf(w, "    %s", line)
		}
	}
}

// String returns what the records of a source are.
func (p purpose) String() string {
	if p == labels {
		return "labels"
	}
	return "predictions"
}

// explain explains one log.
func (m *model) explain(w io.Writer, p *pipeline, s config.Source, n int) error {
	switch {
	case s.Path == config.Stdin:
		_, err := fmt.Fprintln(w, "the standard input is not read for this")
		return err
	case s.Receive != nil:
		_, err := fmt.Fprintln(w, "what has been received is not shown")
		return err
	case s.Kafka != nil:
		_, err := fmt.Fprintln(w, "the messages of a topic are not shown")
		return err
	}
	paths, err := doublestar.FilepathGlob(p.options.Pattern)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		_, err := fmt.Fprintln(w, "no file matches the path yet")
		return err
	}
	if s.Spec != nil {
		return m.explainMapped(w, p, s, n, paths)
	}
	x := &explanation{w: w, left: n, schema: withIDs(p.schema)}
	for _, path := range paths {
		if err := x.file(path, p.format); err != nil {
			return err
		}
		if x.enough() {
			break
		}
	}
	if x.skipped > 0 {
		_, err = fmt.Fprintf(w, "%d records passed over (where)\n", x.skipped)
	}
	return err
}

func (m *model) explainMapped(w io.Writer, p *pipeline, s config.Source, n int, paths []string) error {
	spec, err := specOf(s, p.purpose)
	if err != nil {
		return err
	}
	var files []mapping.File
	for _, path := range paths[:min(len(paths), maxExplained)] {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in, err := source.Unpack(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, mapping.File{Path: path, Reader: in})
	}
	return mapping.Explain(w, spec, p.schema, n, m.now, files...)
}

// maxExplained is how many files of a log are opened to find its first records.
const maxExplained = 100

// explanation writes the records of a log that has no mapping.
type explanation struct {
	w       io.Writer
	left    int // records still to be written
	skipped int // records that are not of this model
	schema  *record.Schema
}

// maxSkipped is after how many records that are not of a model no further one is looked for.
const maxSkipped = 10_000

func (x *explanation) enough() bool { return x.left <= 0 || x.skipped >= maxSkipped }

// withIDs returns a schema that has the fields of ids as columns too, behind its own: of ids batches have hashes only.
func withIDs(s *record.Schema) *record.Schema {
	own := *s
	own.Columns = slices.Clone(s.Columns)
	paths := [][]string{s.ID}
	for _, part := range s.IDParts {
		paths = append(paths, part.Path)
	}
	for _, path := range paths {
		if len(path) > 0 {
			own.Columns = append(own.Columns, record.Field{Name: strings.Join(path, "."), Path: path, Kind: record.Categorical})
		}
	}
	return &own
}

// file explains the first records of a file.
func (x *explanation) file(path string, format decode.Format) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var b record.Batch
	if format.Split == nil {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		parquet := decode.NewParquet(x.schema, 0)
		if err := parquet.Open(path, f, info.Size()); err != nil {
			return err
		}
		defer parquet.Close()
		if err := parquet.Next(&b); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return x.batch(path, 1, &b)
	}
	in, err := source.Unpack(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	decoder := format.New(x.schema, 0)
	err = decode.ReadChunks(in, format, path, func(c *decode.Chunk) error {
		decoder.Decode(c.Header, c.Data, &b)
		if err := x.batch(path, c.DataLine(), &b); err != nil {
			return err
		}
		if x.enough() {
			return errExplained
		}
		return nil
	})
	if errors.Is(err, errExplained) {
		return nil
	}
	return err
}

// errExplained ends reading.
var errExplained = errors.New("enough records have been explained")

// batch writes the rows of a batch and what is wrong between them, in the order of the lines. line is that of the
// first.
func (x *explanation) batch(path string, line int, b *record.Batch) error {
	x.skipped += b.Skipped
	rejects := b.Rejects
	for row := 0; row < b.Rows && x.left > 0; row++ {
		for len(rejects) > 0 && rejects[0].Line < int(b.RowLines[row]) && x.left > 0 {
			x.reject(path, line, rejects[0])
			rejects = rejects[1:]
		}
		x.left--
		fmt.Fprintf(x.w, "%s:%d:", path, line+int(b.RowLines[row]))
		if len(x.schema.Time) > 0 {
			fmt.Fprintf(x.w, " time %s", time.Unix(0, b.Times[row]).UTC().Format(time.RFC3339))
		}
		if v := b.Versions[row]; v.IsString() {
			fmt.Fprintf(x.w, " version %s", b.String(v))
		}
		if b.IDs[row] == 0 {
			fmt.Fprint(x.w, " without id")
		}
		for i := range b.Columns {
			fmt.Fprintf(x.w, " %s=%s", x.schema.Columns[i].Name, shownValue(b, i, row))
		}
		if _, err := fmt.Fprintln(x.w); err != nil {
			return err
		}
	}
	for len(rejects) > 0 && x.left > 0 {
		x.reject(path, line, rejects[0])
		rejects = rejects[1:]
	}
	return nil
}

func (x *explanation) reject(path string, line int, r record.Reject) {
	x.left--
	fmt.Fprintf(x.w, "%s:%d: not counted, %s: %s\n", path, line+r.Line, r.Reason, r.Detail)
}

// shownValue is a value as text: - where it is missing.
func shownValue(b *record.Batch, column, row int) string {
	c := &b.Columns[column]
	if len(c.Numbers) > 0 {
		x := c.Numbers[row]
		switch {
		case !math.IsNaN(x):
			return strconv.FormatFloat(x, 'g', -1, 64)
		case slices.Contains(c.Wrong, uint32(row)):
			return "invalid"
		default:
			return "-"
		}
	}
	switch span := c.Spans[row]; span {
	case record.Absent:
		return "-"
	case record.Wrong:
		return "invalid"
	default:
		return strconv.Quote(b.String(span))
	}
}
