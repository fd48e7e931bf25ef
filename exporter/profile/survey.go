package profile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// survey finds out which columns a reference has and what their values look like. It goes through the standard
// library's parsers, since it has to take columns as they come.
type survey struct {
	format, name string
	seed         maphash.Seed
	missing      []string
	// missingFirst marks the first bytes of the texts in missing: most values are ruled out by it.
	missingFirst [256]bool
	columns      map[string]*sighting
	order        []*sighting
	// header are the columns of a CSV file, in its order. given are their names where the file has no header line.
	header []*sighting
	given  []string
}

// maxColumns bounds the columns of a reference: more than this is a file of another shape.
const maxColumns = 10_000

func newSurvey(missing []string) *survey {
	s := &survey{seed: maphash.MakeSeed(), columns: make(map[string]*sighting)}
	for _, text := range missing {
		bare := strings.Trim(text, " \t")
		s.missing = append(s.missing, bare)
		if bare != "" {
			s.missingFirst[bare[0]] = true
		}
	}
	return s
}

// trim drops the spaces and tabs around a text, which hardly any has.
func trim(text string) string {
	if text == "" || text[0] > ' ' && text[len(text)-1] > ' ' {
		return text
	}
	return strings.Trim(text, " \t")
}

func (s *survey) isMissing(bare string) bool {
	return (bare == "" || s.missingFirst[bare[0]]) && slices.Contains(s.missing, bare)
}

func (s *survey) column(path []string) *sighting {
	name := strings.Join(path, ".")
	c := s.columns[name]
	if c == nil {
		c = newSighting(name, slices.Clone(path), s.seed)
		s.columns[name] = c
		s.order = append(s.order, c)
	}
	return c
}

// read surveys a chunk of a file.
func (s *survey) read(c *decode.Chunk) error {
	data := c.Whole
	if c.First {
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	var err error
	switch s.format {
	case decode.FormatCSV:
		err = s.readCSV(data, c.First, c.Line)
	case decode.FormatJSONL:
		err = s.readJSONL(data, c.Line)
	case decode.FormatJSON:
		decode.EachJSON(data, func(line int, element []byte) {
			if err == nil {
				err = s.readRecord(element, c.Line+line)
			}
		})
	}
	if err != nil {
		return err
	}
	return s.checkColumns()
}

func (s *survey) checkColumns() error {
	if len(s.order) > maxColumns {
		return fmt.Errorf("%s: has %d columns, more than %d", s.name, len(s.order), maxColumns)
	}
	return nil
}

// readBatch surveys rows that have been read as texts. typed says that the format tells numbers from other values.
func (s *survey) readBatch(r *reading, typed bool) {
	for i, c := range r.columns {
		column := &r.batch.Columns[i]
		bare := column.Bare
		for row, span := range column.Spans {
			isNumber := len(bare) > 0 && bare[0] == uint32(row)
			if isNumber {
				bare = bare[1:]
			}
			if !span.IsString() {
				if span == record.Wrong {
					c.composite++
				}
				continue
			}
			if value := r.batch.String(span); !decode.IsNotFinite(value) {
				c.text(value, typed && !isNumber)
			}
		}
	}
}

// sorted returns the columns in the order in which they are compared: that of the file if it has one for all of its
// records, as CSV and Parquet do, else that of names.
func (s *survey) sorted() []*sighting {
	if s.format != decode.FormatCSV && s.format != decode.FormatParquet {
		sort.Slice(s.order, func(i, j int) bool { return s.order[i].name < s.order[j].name })
	}
	return s.order
}

// readCSV reads records. If first is set they are the first ones, and begin with the header unless its names are given.
// line is the number of the first line.
func (s *survey) readCSV(data []byte, first bool, line int) error {
	records := csv.NewReader(bytes.NewReader(data))
	records.ReuseRecord = true
	switch {
	case first && len(s.given) > 0:
		for _, name := range s.given {
			s.header = append(s.header, s.column([]string{name}))
		}
	case first:
		if err := s.readHeader(records); err != nil {
			return err
		}
	}
	records.FieldsPerRecord = len(s.header)
	for {
		fields, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.csvError(err, line)
		}
		for i, value := range fields {
			c := s.header[i]
			if bare := trim(value); !s.isMissing(bare) && !decode.IsNotFinite(bare) {
				c.text(value, false)
			}
		}
	}
}

func (s *survey) readHeader(records *csv.Reader) error {
	header, err := records.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:1: is empty; a CSV reference begins with a header line", s.name)
	}
	if err != nil {
		return s.csvError(err, 1)
	}
	if line, _ := records.FieldPos(0); line != 1 {
		return fmt.Errorf("%s:1: is blank; a CSV reference begins with a header line", s.name)
	}
	for _, key := range header {
		key = strings.Clone(strings.TrimSpace(key))
		if _, twice := s.columns[key]; twice {
			return fmt.Errorf("%s:1: column %q stands twice in the header", s.name, key)
		}
		s.header = append(s.header, s.column([]string{key}))
	}
	return nil
}

// csvError says in which line of the file an error is. first is the number of the first line that was parsed.
func (s *survey) csvError(err error, first int) error {
	if at, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d: %w", s.name, first-1+at.Line, at.Err)
	}
	return fmt.Errorf("%s: %w", s.name, err)
}

func (s *survey) readJSONL(data []byte, line int) error {
	for text := range bytes.Lines(data) {
		if len(bytes.TrimSpace(text)) > 0 {
			if err := s.readRecord(text, line); err != nil {
				return err
			}
		}
		line++
	}
	return nil
}

func (s *survey) readRecord(text []byte, line int) error {
	value, err := decode.ParseJSON(text)
	if err != nil {
		return fmt.Errorf("%s:%d: not JSON: %w", s.name, line, err)
	}
	o, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s:%d: not a JSON object", s.name, line)
	}
	s.object(o, nil)
	return nil
}

func (s *survey) object(o map[string]any, above []string) {
	for key, value := range o {
		path := append(slices.Clip(above), key)
		if below, ok := value.(map[string]any); ok && len(path) < 8 {
			s.object(below, path)
			continue
		}
		c := s.column(path)
		switch v := value.(type) {
		case nil:
		case json.Number:
			c.text(v.String(), false)
		case string:
			if !decode.IsNotFinite(v) {
				c.text(v, true)
			}
		case bool:
			c.text(strconv.FormatBool(v), true)
		default:
			c.composite++
		}
	}
}
