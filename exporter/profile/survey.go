package profile

import (
	"bufio"
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
)

// survey is a first pass over a reference: which columns there are and what their values look like. It goes through the
// standard library's parsers, since it has to take columns as they come.
type survey struct {
	seed    maphash.Seed
	missing []string
	// missingFirst marks the first bytes of the texts in missing: most values are ruled out by it.
	missingFirst [256]bool
	columns      map[string]*sighting
	order        []*sighting
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

// read surveys a whole file. name is for messages.
func (s *survey) read(r io.Reader, format, name string) error {
	in := bufio.NewReaderSize(r, 1<<16)
	if bom, _ := in.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = in.Discard(3) // they are in the buffer
	}
	var err error
	switch format {
	case decode.FormatCSV:
		err = s.readCSV(in, name)
	case decode.FormatJSONL:
		err = s.readJSONL(in, name)
	}
	if err == nil && len(s.order) > maxColumns {
		err = fmt.Errorf("%s: has %d columns, more than %d", name, len(s.order), maxColumns)
	}
	return err
}

func (s *survey) readCSV(in io.Reader, name string) error {
	records := csv.NewReader(in)
	records.ReuseRecord = true
	header, err := records.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:1: is empty; a CSV reference begins with a header line", name)
	}
	if err != nil {
		return csvError(name, err)
	}
	if line, _ := records.FieldPos(0); line != 1 {
		return fmt.Errorf("%s:1: is blank; a CSV reference begins with a header line", name)
	}
	columns := make([]*sighting, len(header))
	for i, key := range header {
		key = strings.Clone(strings.TrimSpace(key))
		if _, twice := s.columns[key]; twice {
			return fmt.Errorf("%s:1: column %q stands twice in the header", name, key)
		}
		columns[i] = s.column([]string{key})
	}
	for {
		fields, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(name, err)
		}
		for i, value := range fields {
			c := columns[i]
			c.rows++
			if bare := strings.Trim(value, " \t"); !s.isMissing(bare) && !decode.IsNotFinite(bare) {
				c.text(value, false)
			}
		}
	}
}

// csvError says in which line of the file an error is.
func csvError(name string, err error) error {
	if at, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d: %w", name, at.Line, at.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (s *survey) readJSONL(in *bufio.Reader, name string) error {
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if len(strings.TrimSpace(string(text))) > 0 {
			value, parseErr := decode.ParseJSON(text)
			if parseErr != nil {
				return fmt.Errorf("%s:%d: not JSON: %w", name, line, parseErr)
			}
			o, ok := value.(map[string]any)
			if !ok {
				return fmt.Errorf("%s:%d: not a JSON object", name, line)
			}
			s.object(o, nil)
		}
		if errors.Is(err, io.EOF) {
			sort.Slice(s.order, func(i, j int) bool { return s.order[i].name < s.order[j].name })
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, line, err)
		}
	}
}

func (s *survey) object(o map[string]any, above []string) {
	for key, value := range o {
		path := append(slices.Clip(above), key)
		if below, ok := value.(map[string]any); ok && len(path) < 8 {
			s.object(below, path)
			continue
		}
		c := s.column(path)
		c.rows++
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
