// Package decode turns the bytes of a log into record batches. Nothing here knows models or windows: a record.Schema
// says which values to read.
package decode

import (
	"fmt"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// The formats of logs.
const (
	FormatJSONL = "jsonl"
	FormatCSV   = "csv"
)

// Padding is how many bytes a Decoder may read behind the end of its data, so that it can compare eight at a time.
const Padding = 64

// Decoder reads whole records of one format. It belongs to one goroutine.
type Decoder interface {
	// Decode fills the batch with the records of data, which ends with a newline. The batch's spans point into data, or
	// into memory of the batch's own, so data must stay as it is until the batch has been used. It is faster if data
	// has a capacity of Padding bytes beyond its length. header is the first line of the file for formats that have one.
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
	// New returns a decoder. Ids are hashed with the seed.
	New func(s *record.Schema, seed uint64) Decoder
}

// Lookup returns the format of that name.
func Lookup(name string) (Format, error) {
	switch name {
	case FormatJSONL:
		return Format{
			Split: source.SplitLines,
			New:   func(s *record.Schema, seed uint64) Decoder { return NewJSONL(s, seed) },
		}, nil
	case FormatCSV:
		return Format{
			Header: true, Split: CSVSplit,
			New: func(s *record.Schema, seed uint64) Decoder { return NewCSV(s, seed) },
		}, nil
	default:
		return Format{}, fmt.Errorf("unknown format %q: use %s or %s", name, FormatJSONL, FormatCSV)
	}
}

// ParseTime reads an event time given as text; see parseTime for the forms.
func ParseTime(b []byte) (ns int64, ok bool) { return parseTime(b) }
