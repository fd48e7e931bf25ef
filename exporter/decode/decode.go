// Package decode turns the bytes of a log into record batches. Nothing here knows models or windows: a record.Schema
// says which values to read.
package decode

import (
	"fmt"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// The formats of logs.
const (
	FormatJSONL = "jsonl"
	FormatCSV   = "csv"
	FormatJSON  = "json"
	// FormatLogfmt is lines of key=value.
	FormatLogfmt = "logfmt"
	// FormatTFRecord is frames with the messages of TensorFlow.
	FormatTFRecord = "tfrecord"
	// FormatParquet is not read in blocks, see Parquet; Lookup does not have it.
	FormatParquet = "parquet"
)

// formats are those that Lookup knows.
var formats = []string{FormatJSONL, FormatCSV, FormatJSON, FormatLogfmt, FormatTFRecord}

// Padding is how many bytes a Decoder may read behind the end of its data, so that it can compare eight at a time.
const Padding = 64

// Decoder reads whole records of one format. It belongs to one goroutine.
type Decoder interface {
	// Decode fills the batch with the records of data, which ends as the format's Split says. The batch's spans point
	// into data, or into memory of the batch's own, so data must stay as it is until the batch has been used. It is
	// faster if data has a capacity of Padding bytes beyond its length. header is the first line of the file for formats
	// that have one.
	Decode(header, data []byte, b *record.Batch)
}

// FileDecoder is a Decoder to which the path of the file matters. SetFile is called before Decode wherever the file
// may be another one.
type FileDecoder interface {
	Decoder
	SetFile(path string)
}

// Format is what the pipeline has to know of a format.
type Format struct {
	// Header says that a file's first record is a header.
	Header bool
	// Split returns the length of the longest prefix of data that is whole records.
	Split func(data []byte) int
	// EachLine says that every newline ends a record, so that reading may begin behind any.
	EachLine bool
	// Lines counts the lines of whole records as the decoder does; nil counts line ends.
	Lines func(data []byte) int
	// New returns a decoder. Ids are hashed with the seed.
	New func(s *record.Schema, seed uint64) Decoder
	// Fields calls note for each field of each record in data, if the records are flat and have no header; else it is
	// nil. Such a field is what the schema's path of one element leads to.
	Fields func(data []byte, note func(field []byte))
	// InPlace says that the spans of batches point into the data.
	InPlace bool
	// Typed says that the format tells numbers from strings.
	Typed bool
}

// Options are what else a Format may depend on.
type Options struct {
	// Names are those of the columns: of CSV files, which then have no header line, or of the tensor that has as many
	// values a row in TFRecord files.
	Names []string
	// Unwrap is one of the Unwrap constants, or "": the lines of a log are wrapped in those of a container runtime.
	Unwrap string
}

// Lookup returns the format of that name. The options must go with it, as TakesNames and TakesUnwrap tell.
func Lookup(name string, o Options) (Format, error) {
	f, err := formatNamed(name, o.Names)
	switch {
	case err != nil:
		return f, err
	case len(o.Names) > 0 && !TakesNames(name):
		return f, fmt.Errorf("format %s has names of its own", name)
	case o.Unwrap == "":
		return f, nil
	}
	parse := wrappingOf(o.Unwrap)
	if parse == nil || !TakesUnwrap(name) {
		return f, fmt.Errorf("format %s cannot be unwrapped by %q", name, o.Unwrap)
	}
	return unwrap(f, parse), nil
}

// TakesNames reports whether a format may be given Options.Names.
func TakesNames(format string) bool { return format == FormatCSV || format == FormatTFRecord }

// TakesUnwrap reports whether a format may be given Options.Unwrap: its records are lines, each on its own.
func TakesUnwrap(format string) bool { return format == FormatJSONL || format == FormatLogfmt }

func formatNamed(name string, names []string) (Format, error) {
	switch name {
	case FormatJSONL:
		return Format{
			Split: source.SplitLines, EachLine: true, Typed: true, InPlace: true,
			New: func(s *record.Schema, seed uint64) Decoder { return NewJSONL(s, seed) },
		}, nil
	case FormatCSV:
		f := Format{
			Header: len(names) == 0, Split: CSVSplit,
			New: func(s *record.Schema, seed uint64) Decoder { return NewCSV(s, seed) },
		}
		if len(names) > 0 {
			f.New = func(s *record.Schema, seed uint64) Decoder { return newNamedCSV(s, seed, names) }
		}
		return f, nil
	case FormatJSON:
		return Format{
			Split: SplitJSON, Typed: true,
			New: func(s *record.Schema, seed uint64) Decoder { return NewJSON(s, seed) },
		}, nil
	case FormatLogfmt:
		return Format{
			Split: source.SplitLines, EachLine: true, Fields: LogfmtFields,
			New: func(s *record.Schema, seed uint64) Decoder { return NewLogfmt(s, seed) },
		}, nil
	case FormatTFRecord:
		return Format{
			Split: SplitTFRecord, Lines: countFrames, Typed: true,
			Fields: func(data []byte, note func([]byte)) { TFRecordFields(data, note, names...) },
			New:    func(s *record.Schema, seed uint64) Decoder { return NewTFRecord(s, seed, names...) },
		}, nil
	default:
		return Format{}, fmt.Errorf("unknown format %q: use %s", name, strings.Join(formats, ", "))
	}
}

// ParseTime reads an event time given as text; see parseTime for the forms.
func ParseTime(b []byte) (ns int64, ok bool) { return parseTime(b) }
