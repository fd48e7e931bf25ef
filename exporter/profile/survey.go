package profile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// survey finds out which columns a reference has and what their values look like. JSON goes through the standard
// library's parser, since its columns have to be taken as they come. Other formats say which columns they have, and
// their values are seen as they have been decoded.
type survey struct {
	format, name string
	seed         maphash.Seed
	columns      map[string]*sighting
	order        []*sighting
	// given are the names of the columns of a CSV file without a header line.
	given []string
}

// maxColumns bounds the columns of a reference: more than this is a file of another shape.
const maxColumns = 10_000

func newSurvey() *survey {
	return &survey{seed: maphash.MakeSeed(), columns: make(map[string]*sighting)}
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

// read surveys the values of a column in rows that have been read as texts, and as numbers if it may be numeric. typed
// says that the format tells numbers from other values.
func (s *sighting) read(b *record.Batch, typed bool) {
	column := &b.Columns[s.nameField]
	var values []float64
	if s.numberField >= 0 {
		values = b.Columns[s.numberField].Numbers
	}
	bare := column.Bare
	for row, span := range column.Spans {
		isNumber := len(bare) > 0 && bare[0] == uint32(row)
		if isNumber {
			bare = bare[1:]
		}
		if !span.IsString() {
			if span == record.Wrong {
				s.composite++
			}
			continue
		}
		value := b.Text(span)
		isNumber = isNumber || !typed
		if isNumber && values != nil && !math.IsNaN(values[row]) {
			s.number(value, values[row])
			continue
		}
		word := value
		if !typed {
			word = trim(value)
		}
		if !decode.IsNotFinite(word) {
			s.text(value, !isNumber)
		}
	}
}

// trim drops the spaces and tabs around a text, which hardly any has.
func trim(text []byte) []byte {
	if len(text) == 0 || text[0] > ' ' && text[len(text)-1] > ' ' {
		return text
	}
	return bytes.Trim(text, " \t")
}

// sorted returns the columns in the order in which they are compared: that of the file if it has one for all of its
// records, as CSV and Parquet do, else that of names.
func (s *survey) sorted() []*sighting {
	if s.format != decode.FormatCSV && s.format != decode.FormatParquet {
		sort.Slice(s.order, func(i, j int) bool { return s.order[i].name < s.order[j].name })
	}
	return s.order
}

// readFields takes in the columns of a chunk of a format whose fields are known without looking at their values.
func (s *survey) readFields(c *decode.Chunk, f decode.Format) error {
	switch {
	case f.Fields != nil:
		f.Fields(c.Data, func(field []byte) {
			if s.columns[string(field)] == nil {
				s.column([]string{string(field)})
			}
		})
	case c.First && f.Header:
		if err := s.readHeader(c.Whole); err != nil {
			return err
		}
	case c.First:
		for _, name := range s.given {
			s.column([]string{name})
		}
	}
	return s.checkColumns()
}

// readHeader reads the header line that a CSV file begins with.
func (s *survey) readHeader(data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	records := csv.NewReader(bytes.NewReader(data))
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
	if int(records.InputOffset()) > bytes.IndexByte(data, '\n')+1 {
		return fmt.Errorf("%s:1: a name in the header holds a line break: the header must be one line", s.name)
	}
	for _, key := range header {
		key = strings.Clone(strings.TrimSpace(key))
		if _, twice := s.columns[key]; twice {
			return fmt.Errorf("%s:1: column %q stands twice in the header", s.name, key)
		}
		s.column([]string{key})
	}
	return nil
}

// csvProblem says what is wrong with a chunk of a CSV file that cannot be decoded, if the standard library knows it.
func (s *survey) csvProblem(c *decode.Chunk) error {
	records := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(c.Whole, []byte("\xef\xbb\xbf"))))
	records.ReuseRecord = true
	records.FieldsPerRecord = len(s.order)
	for {
		_, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.csvError(err, c.Line)
		}
	}
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
			c.text([]byte(v), false)
		case string:
			if !decode.IsNotFinite(v) {
				c.text([]byte(v), true)
			}
		case bool:
			c.text(strconv.AppendBool(nil, v), true)
		default:
			c.composite++
		}
	}
}
