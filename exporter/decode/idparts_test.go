package decode

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// An id that is made of parts is the same in every format.
func TestIDsOfPartsAreTheSameInAllFormats(t *testing.T) {
	type row struct {
		Request string `json:"request" parquet:"request"`
		Row     int64  `json:"row"     parquet:"row"`
	}
	rows := []row{{"a", 0}, {"a", 1}, {"", 2}, {"b", 0}}
	s := &record.Schema{
		IDParts: []record.IDPart{{Text: "x-", Path: []string{"request"}}, {Text: "_", Path: []string{"row"}}, {Text: "."}},
		Columns: []record.Field{{Name: "row", Path: []string{"row"}, Kind: record.Categorical}},
		Missing: []string{""},
	}
	lines := asJSONLines(t, rows)
	var jsonl record.Batch
	NewJSONL(s, 9).Decode(nil, lines, &jsonl)
	want := slices.Clone(jsonl.IDs)
	if want[0] != hashID(9, []byte("x-a_0.")) || want[2] != 0 {
		t.Fatalf("the ids of JSON Lines are %d", want)
	}
	got := map[string][]uint64{}
	err := readParquet(NewParquet(s, 9), writeParquet(t, rows, 10), func(b *record.Batch) { got["parquet"] = slices.Clone(b.IDs) })
	if err != nil {
		t.Fatal(err)
	}
	var tf []byte
	for _, r := range rows {
		tf = append(tf, frames(example("request", r.Request, "row", int(r.Row)))...)
	}
	array := fmt.Appendf(nil, "[%s]", bytes.ReplaceAll(bytes.TrimSpace(lines), []byte("\n"), []byte(",\n")))
	for name, c := range map[string]struct {
		decoder Decoder
		data    []byte
	}{
		"json":     {NewJSON(s, 9), array},
		"logfmt":   {NewLogfmt(s, 9), logfmtOf(t, lines)},
		"tfrecord": {NewTFRecord(s, 9), tf},
	} {
		var b record.Batch
		c.decoder.Decode(nil, c.data, &b)
		got[name] = b.IDs
	}
	for name, ids := range got {
		if !slices.Equal(ids, want) {
			t.Errorf("the ids of %s are %d, want %d", name, ids, want)
		}
	}
}
