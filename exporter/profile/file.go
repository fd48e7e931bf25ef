package profile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/outcome"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
)

// The formats of references beside those of logs.
const (
	// FormatProfile is that of Save.
	FormatProfile = "profile"
	// FormatSageMaker is the statistics.json of Amazon SageMaker Model Monitor.
	FormatSageMaker = "sagemaker_statistics"
)

const (
	// fileVersion is the version of the format of Save. It changes whenever an older program would misread a file.
	fileVersion = 1
	// versionKey is the first key of a file, and tells that it is a profile.
	versionKey = "drift_exporter_profile"
	// maxFile bounds the size of a file that is loaded, unpacked.
	maxFile = 256 << 20
)

// stored is a profile as a file has it, but for the columns. The order of the fields is that in the file.
type stored struct {
	Version        int            `json:"drift_exporter_profile"`
	Source         text           `json:"source"`
	Modified       time.Time      `json:"modified"`
	Rows           uint64         `json:"rows"`
	Task           string         `json:"task"`
	TaskWhy        string         `json:"task_why"`
	TaskUnknown    bool           `json:"task_unknown,omitempty"`
	Classes        []text         `json:"classes,omitempty"`
	PositiveClass  text           `json:"positive_class,omitempty"`
	PositiveWhy    string         `json:"positive_why,omitempty"`
	HasPositive    bool           `json:"has_positive,omitempty"`
	Tolerance      float64        `json:"tolerance"`
	ToleranceError float64        `json:"tolerance_error,omitempty"`
	Performance    *outcome.State `json:"performance"`
	LeftOut        []storedLeft   `json:"left_out"`
	Errors         *storedErrors  `json:"errors,omitempty"`
}

type storedLeft struct {
	Name text   `json:"name"`
	Why  string `json:"why"`
}

// storedColumn is a column as a file has it.
type storedColumn struct {
	Name      text          `json:"name"`
	Role      Role          `json:"role"`
	Kind      string        `json:"kind"`
	Why       string        `json:"why"`
	Missing   uint64        `json:"missing"`
	Invalid   uint64        `json:"invalid"`
	Mean      *number       `json:"mean,omitempty"`
	M2        *number       `json:"m2,omitempty"`
	Exact     bool          `json:"exact,omitempty"`
	RankError float64       `json:"rank_error,omitempty"`
	Edges     list[float64] `json:"edges,omitempty"`
	Points    list[float64] `json:"points,omitempty"`
	// Categories are those with a cell of their own, Rare those of the cell other, sorted, and Beyond the hashes of more
	// of them, eight bytes each, the lowest first.
	Categories []text       `json:"categories,omitempty"`
	Rare       []text       `json:"rare,omitempty"`
	Beyond     []byte       `json:"beyond,omitempty"`
	Cells      list[uint64] `json:"cells,omitempty"`
	// Text is what only text columns have; their Cells count tokens.
	Text *storedText `json:"text,omitempty"`
}

// storedText is a Text as a file has it, with hashes of eight bytes each.
type storedText struct {
	Tokens    []byte           `json:"tokens"`
	Rare      []byte           `json:"rare,omitempty"`
	Texts     uint64           `json:"texts"`
	Lone      uint64           `json:"lone"`
	Forgotten uint64           `json:"forgotten,omitempty"`
	Length    storedColumn     `json:"length"`
	Noise     []stat.TextNoise `json:"noise,omitempty"`
}

// number is any float64: JSON has no infinities and no NaN, which moments of huge values are.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if x := float64(n); math.IsInf(x, 0) || math.IsNaN(x) {
		return strconv.AppendQuote(nil, strconv.FormatFloat(x, 'g', -1, 64)), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(data []byte) error {
	x, err := strconv.ParseFloat(string(bytes.Trim(data, `"`)), 64)
	*n = number(x)
	return err
}

// list is an array of numbers. Most of a profile are such, and reading them by reflection takes three times as long.
type list[N float64 | uint64] []N

// UnmarshalJSON implements json.Unmarshaler.
func (l *list[N]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	items, ok := bytes.CutPrefix(data, []byte("["))
	if !ok {
		return fmt.Errorf("%.20s is no array of numbers", data)
	}
	items = bytes.TrimSpace(bytes.TrimSuffix(items, []byte("]")))
	*l = make(list[N], 0, bytes.Count(items, []byte(","))+1)
	for len(items) > 0 {
		var item []byte
		item, items, _ = bytes.Cut(items, []byte(","))
		var err error
		var x N
		switch x := any(&x).(type) {
		case *float64:
			*x, err = strconv.ParseFloat(string(bytes.TrimSpace(item)), 64)
		case *uint64:
			*x, err = strconv.ParseUint(string(bytes.TrimSpace(item)), 10, 64)
		}
		if err != nil {
			return err
		}
		*l = append(*l, x)
	}
	return nil
}

// text is any string: one that is not valid UTF-8, which JSON strings cannot hold, is written as {"base64": "…"}.
type text string

type packedText struct {
	Bytes []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (s text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(s)) {
		return plainJSON(string(s))
	}
	return json.Marshal(packedText{[]byte(s)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *text) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		var b packedText
		err := json.Unmarshal(data, &b)
		*s = text(b.Bytes)
		return err
	}
	return json.Unmarshal(data, (*string)(s))
}

// plainJSON writes a value on one line, and leaves <, > and & as they are.
func plainJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// formatOf tells the format of a reference: as it was said, by what the file begins with, by its ending.
func formatOf(o Options, in *bufio.Reader) string {
	if o.Format != "" {
		return o.Format
	}
	head, _ := in.Peek(4096)
	path := strings.ToLower(o.Path)
	for _, packed := range []string{".gz", ".zst"} {
		path = strings.TrimSuffix(path, packed)
	}
	first, rest, _ := strings.Cut(strings.TrimLeft(string(head), " \t\r\n"), `"`)
	key, _, _ := strings.Cut(rest, `"`)
	object := strings.TrimSpace(first) == "{"
	switch {
	case strings.HasSuffix(path, ".profile.json"), object && key == versionKey:
		return FormatProfile
	case object && (key == "version" || key == "dataset") && strings.Contains(rest, `"item_count"`):
		return FormatSageMaker
	case bytes.HasPrefix(head, []byte("PAR1")):
		return decode.FormatParquet
	case strings.HasSuffix(path, ".csv"):
		return decode.FormatCSV
	case strings.HasSuffix(path, ".logfmt"):
		return decode.FormatLogfmt
	case strings.HasSuffix(path, ".tfrecord"):
		return decode.FormatTFRecord
	case strings.HasPrefix(first, "["):
		return decode.FormatJSON
	default:
		return decode.FormatJSONL
	}
}

// Save writes the profile into a file, which it replaces as a whole: as JSON with a line for each column, and packed by
// gzip if the path ends in .gz. The same profile always gives the same bytes.
func (p *Profile) Save(path string) error {
	data, err := p.encode()
	if err != nil {
		return fmt.Errorf("encoding profile: %w", err)
	}
	if strings.HasSuffix(strings.ToLower(path), ".gz") {
		var packed bytes.Buffer
		z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			return fmt.Errorf("packing profile: %w", err)
		}
		_, err = z.Write(data)
		if err := errors.Join(err, z.Close()); err != nil {
			return fmt.Errorf("packing profile: %w", err)
		}
		data = packed.Bytes()
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".profile-*")
	if err != nil {
		return fmt.Errorf("writing profile: %w", err)
	}
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing profile: %w", errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}

// encode returns the profile as JSON.
func (p *Profile) encode() ([]byte, error) {
	s := stored{
		Version: fileVersion, Source: text(p.Path), Modified: p.Modified.UTC(), Rows: p.Rows,
		Task: taskNames[p.Rules.Task], TaskWhy: p.TaskWhy, TaskUnknown: p.TaskUnknown, Classes: texts(p.Classes),
		PositiveClass: text(p.PositiveClass), PositiveWhy: p.PositiveWhy, HasPositive: p.Rules.HasPositive,
		Tolerance: p.Rules.Tolerance, ToleranceError: p.ToleranceError,
		Performance: p.Performance.State(), LeftOut: []storedLeft{}, Errors: p.Errors.stored(),
	}
	for _, l := range p.LeftOut {
		s.LeftOut = append(s.LeftOut, storedLeft{text(l.Name), l.Why})
	}
	head, err := plainJSON(s)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Write(head[:len(head)-1])
	out.WriteString(`,"columns":[`)
	for i := range p.Columns {
		if i > 0 {
			out.WriteByte(',')
		}
		line, err := plainJSON(p.Columns[i].stored())
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", p.Columns[i].Name, err)
		}
		out.WriteByte('\n')
		out.Write(line)
	}
	out.WriteString("\n]}\n")
	return out.Bytes(), nil
}

var taskNames = [...]string{outcome.Classification: "classification", outcome.Regression: "regression"}

func texts(all []string) []text {
	var list []text
	for _, s := range all {
		list = append(list, text(s))
	}
	return list
}

func stringsOf(all []text) []string {
	var list []string
	for _, s := range all {
		list = append(list, string(s))
	}
	return list
}

// load reads a profile that Save has written, and applies to it what was said about the reference.
func load(in *bufio.Reader, o Options, written time.Time) (*Profile, error) {
	data, err := readAll(in)
	if err != nil {
		return nil, broken(o.Path, err)
	}
	p, err := parse(data)
	if err != nil {
		return nil, broken(o.Path, err)
	}
	p.file, p.written = o.Path, written
	if err := p.apply(o); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	return p, nil
}

func broken(path string, err error) error {
	return fmt.Errorf("%s: is not a profile that can be used: %w; build it again with drift_exporter profile", path, err)
}

// readAll returns the JSON of a file.
func readAll(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return data, err
}

// parse reads a profile and checks all that the rest of the program relies on.
func parse(data []byte) (*Profile, error) {
	var s struct {
		stored
		Columns []storedColumn `json:"columns"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&s)
	if err == nil && len(bytes.TrimSpace(data[decoder.InputOffset():])) > 0 {
		err = errors.New("something stands behind its end")
	}
	// A file of another version may have other fields, or the same with another meaning.
	var version struct {
		Version int `json:"drift_exporter_profile"`
	}
	if version.Version = s.Version; err != nil {
		if broken := json.Unmarshal(data, &version); broken != nil {
			return nil, broken
		}
	}
	if version.Version != fileVersion {
		return nil, fmt.Errorf("its format has the version %d, this program reads %d", version.Version, fileVersion)
	}
	if err != nil {
		return nil, err
	}
	p, err := s.profile()
	if err != nil {
		return nil, err
	}
	for i := range s.Columns {
		c, err := s.Columns[i].column(p.Rows)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", string(s.Columns[i].Name), err)
		}
		p.Columns = append(p.Columns, c)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, p.restoreErrors(s.Errors)
}

func (s *stored) profile() (*Profile, error) {
	p := &Profile{
		Path: string(s.Source), Modified: s.Modified, Rows: s.Rows,
		Rules:   outcome.Rules{HasPositive: s.HasPositive, Tolerance: s.Tolerance},
		Classes: stringsOf(s.Classes), PositiveClass: string(s.PositiveClass), ToleranceError: s.ToleranceError,
		TaskWhy: s.TaskWhy, TaskUnknown: s.TaskUnknown, PositiveWhy: s.PositiveWhy,
	}
	for _, l := range s.LeftOut {
		p.LeftOut = append(p.LeftOut, LeftOut{string(l.Name), l.Why})
	}
	switch s.Task {
	case taskNames[outcome.Classification]:
	case taskNames[outcome.Regression]:
		p.Rules.Task = outcome.Regression
	default:
		return nil, fmt.Errorf("unknown task %q", s.Task)
	}
	classes := outcome.NewClasses(maxClasses)
	for _, class := range p.Classes {
		classes.Code([]byte(class))
	}
	if classes.Len() != len(p.Classes) {
		return nil, errors.New("its classes are too many or not distinct")
	}
	isClassification := p.Rules.Task == outcome.Classification
	if s.Tolerance < 0 || !isClassification && (len(p.Classes) > 0 || s.HasPositive) ||
		isClassification && s.Tolerance != 0 || s.HasPositive != (s.PositiveClass != "") {
		return nil, errors.New("its classes, tolerance and task contradict each other")
	}
	if s.HasPositive {
		p.Rules.Positive = classes.Code([]byte(p.PositiveClass))
		if uint64(p.Rules.Positive) == uint64(len(p.Classes)) {
			return nil, errors.New("its positive class is none of its classes")
		}
	}
	if p.Rows == 0 || s.Performance == nil || s.Performance.N > p.Rows {
		return nil, errors.New("it has no rows, or fewer than outcomes")
	}
	for _, c := range s.Performance.Confusion {
		if known := uint64(len(p.Classes)); max(c[0], c[1]) >= known &&
			(c[0] >= known && c[0] != uint64(outcome.Other) || c[1] >= known && c[1] != uint64(outcome.Other)) {
			return nil, errors.New("performance: unknown classes")
		}
	}
	var err error
	p.Performance, err = outcome.FromState(p.Rules, s.Performance)
	return p, err
}

// check checks what columns must have in common.
func (p *Profile) check() error {
	if len(p.Columns) == 0 || len(p.Columns) > maxColumns {
		return fmt.Errorf("it has %d columns", len(p.Columns))
	}
	type key struct {
		name string
		role Role
	}
	seen := make(map[key]bool)
	for i := range p.Columns {
		c := &p.Columns[i]
		want := c.Kind
		switch c.Role {
		case Prediction, Label:
			want = p.OutcomeKind()
		case Score:
			want = record.Numeric
		case Feature:
		default:
			return fmt.Errorf("column %q: unknown role %q", c.Name, c.Role)
		}
		if c.Kind != want || c.Role != Feature && c.Name != string(c.Role) || seen[key{c.Name, c.Role}] {
			return fmt.Errorf("column %q: is there twice, or has a name or kind that its role cannot have", c.Name)
		}
		seen[key{c.Name, c.Role}] = true
	}
	return nil
}
