package decode

import (
	"bytes"
	"encoding/csv"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// namedCSV reads CSV files without a header line, whose names are known.
type namedCSV struct {
	csv    *CSV
	header []byte
}

func newNamedCSV(s *record.Schema, seed uint64, names []string) *namedCSV {
	var header bytes.Buffer
	w := csv.NewWriter(&header)
	_ = w.Write(names) // A Buffer takes everything.
	w.Flush()
	return &namedCSV{csv: NewCSV(s, seed), header: header.Bytes()}
}

// Decode implements Decoder. A byte order mark, with which a file may begin, is passed over.
func (d *namedCSV) Decode(_, data []byte, b *record.Batch) {
	d.csv.Decode(d.header, bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), b)
}
