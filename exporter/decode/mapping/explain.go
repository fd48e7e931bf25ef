package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// File is a file of a log, uncompressed, under the path by which mappings know it.
type File struct {
	Path   string
	Reader io.Reader
}

// Explain reads the first n records of a log and writes how the mapping understands them: id, time and version, the
// layout that was recognised, the values of the schema's columns, and why a record was passed over or is not counted.
// At the end it says what was found in none of them. now is as in Format. Records that are passed over do not count
// towards n, but of them no more than a thousand are read.
func Explain(w io.Writer, spec *Spec, s *record.Schema, n int, now func() time.Time, files ...File) error {
	e := &explainer{
		w: w, schema: s, left: n, mostSkipped: 1000,
		rejects: make(map[record.Reason]int), unknown: make(map[string]int), lacking: make([]int, len(s.Columns)),
		of: make([]int, len(s.Columns)), assembler: NewAssembler(spec, s),
	}
	format, err := traced(spec, now, &e.trace)
	if err != nil {
		return err
	}
	// One decoder reads it all, as in a log.
	decoder := format.New(s, 0)
	for _, f := range files {
		if named, ok := decoder.(decode.FileDecoder); ok {
			named.SetFile(f.Path)
		}
		err := decode.ReadChunks(f.Reader, format, f.Path, func(c *decode.Chunk) error {
			return e.chunk(f.Path, format, decoder, c)
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if e.enough() {
			break
		}
	}
	e.summary()
	return e.err
}

// errEnough ends reading.
var errEnough = errors.New("enough records have been read")

type explainer struct {
	w                 io.Writer
	err               error // of the writer
	schema            *record.Schema
	left, mostSkipped int
	trace             trace
	batch, joined     record.Batch
	assembler         *Assembler

	records, rows, skipped, whole int
	rejects                       map[record.Reason]int
	unknown                       map[string]int
	// lacking counts, by column, the rows without a value, of those that might have one.
	lacking, of []int
}

func (e *explainer) enough() bool { return e.left <= 0 || e.skipped >= e.mostSkipped }

func (e *explainer) printf(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format, args...)
	}
}

// chunk explains the records of a chunk, as few at a time as the format allows.
func (e *explainer) chunk(path string, f decode.Format, d decode.Decoder, c *decode.Chunk) error {
	line := c.DataLine()
	for data := c.Data; len(data) > 0; {
		if e.enough() {
			return errEnough
		}
		whole := 0
		for end := 0; whole == 0 && end < len(data); {
			if next := bytes.IndexByte(data[end:], '\n'); next >= 0 {
				end += next + 1
			} else {
				end = len(data)
			}
			whole = f.Split(data[:end])
		}
		if whole == 0 {
			whole = len(data)
		}
		e.trace.entries, e.trace.ids = e.trace.entries[:0], e.trace.ids[:0]
		d.Decode(c.Header, data[:whole:whole], &e.batch)
		e.explain(path, line)
		line += bytes.Count(data[:whole], []byte{'\n'})
		data = data[whole:]
	}
	return e.err
}

// explain writes what the decoder made of some records that begin on a line.
func (e *explainer) explain(path string, line int) {
	b := &e.batch
	for _, r := range e.trace.entries {
		if e.enough() {
			break
		}
		if r.skipped != "" {
			e.skipped++
			e.printf("%s:%d: passed over (%s)\n", path, line+r.line, r.skipped)
			continue
		}
		e.left--
		e.records++
		e.printf("%s:%d: %s\n", path, line+r.line, e.title(&r))
		for row := r.row; row < r.row+r.n; row++ {
			e.rows++
			e.printf("  %s\n", e.row(row))
		}
	}
	for _, r := range b.Rejects {
		e.left--
		e.rejects[r.Reason]++
		e.printf("%s:%d: not counted, %s: %s\n", path, line+r.Line, r.Reason, r.Detail)
	}
	for _, u := range b.Unknown {
		e.unknown[u.Name] += u.Count
	}
	if e.assembler != nil {
		e.assembler.Add(b, &e.joined, Standing)
		b = &e.joined
	}
	for row := range b.Rows {
		if b.Part(row) == record.Whole {
			e.whole++
		}
	}
}

// title is what the rows of a record share.
func (e *explainer) title(r *entry) string {
	parts := []string{strings.Join(r.layouts, ", ")}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("request", r.request)
	if r.n > 0 {
		if len(e.schema.Time) > 0 {
			add("time", time.Unix(0, e.batch.Times[r.row]).UTC().Format(time.RFC3339Nano))
		}
		if v := e.batch.Versions[r.row]; v.IsString() {
			add("version", e.batch.String(v))
		}
	}
	add("model", r.model)
	add("sampled", r.sampled)
	if r.n != 1 {
		parts = append(parts, fmt.Sprintf("%d rows", r.n))
	}
	return strings.Join(parts, "; ")
}

// row is a row with all of its values.
func (e *explainer) row(row int) string {
	part := e.batch.Part(row)
	id := e.trace.ids[row]
	if id == "" {
		id = "none"
	}
	texts := []string{"id " + id}
	for i := range e.schema.Columns {
		c := &e.schema.Columns[i]
		if part != record.Whole && (part == record.Request) != (c.Role == record.Feature) {
			continue
		}
		e.of[i]++
		value, there := e.value(i, row)
		if !there {
			e.lacking[i]++
		}
		texts = append(texts, c.Name+"="+value)
	}
	return strings.Join(texts, " ")
}

// value returns a value as a person reads it, and whether there is one.
func (e *explainer) value(column, row int) (text string, there bool) {
	c := &e.batch.Columns[column]
	if e.schema.Columns[column].Kind == record.Numeric {
		x := c.Numbers[row]
		switch {
		case !math.IsNaN(x):
			return strconv.FormatFloat(x, 'g', -1, 64), true
		case has(c.Wrong, row):
			return "(no number)", true
		default:
			return "-", false
		}
	}
	switch s := c.Spans[row]; {
	case s == record.Wrong:
		return "(no text)", true
	case !s.IsString():
		return "-", false
	default:
		return strconv.Quote(string(clip(e.batch.Text(s)))), true
	}
}

// summary writes what became of all records.
func (e *explainer) summary() {
	e.printf("%d records with %d rows; %d passed over", e.records, e.rows, e.skipped)
	for _, reason := range slices.Sorted(maps.Keys(e.rejects)) {
		e.printf("; %d not counted for %s", e.rejects[reason], reason)
	}
	e.printf("\n")
	if e.assembler != nil {
		e.printf("%d rows have their request and their response; of %d records the other one was not among these\n",
			e.whole, e.assembler.Waiting())
	}
	var missing []string
	features, found := 0, 0
	for i := range e.schema.Columns {
		c := &e.schema.Columns[i]
		if c.Role == record.Feature && e.of[i] > 0 {
			features++
		}
		if e.of[i] > 0 && e.lacking[i] == e.of[i] {
			missing = append(missing, c.Name)
		} else if c.Role == record.Feature && e.of[i] > 0 {
			found++
		}
	}
	if len(missing) > 0 {
		e.printf("in no row: %s\n", strings.Join(missing, ", "))
	}
	if features > 0 && found == 0 {
		e.printf("no feature was found; if requests have values without names, say feature_names\n")
	}
	if len(e.unknown) > 0 {
		e.printf("fields that are no columns of the model: %s\n", strings.Join(slices.Sorted(maps.Keys(e.unknown)), ", "))
	}
}
