package mapping_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name, preset, file, path string
		n                        int
		schema                   *record.Schema
		unnamed                  bool // the file has no names of features, and none are given
	}{
		{"sagemaker", "sagemaker", "sagemaker-capture-csv.jsonl", "iris/blue/2026/03/14/09/x.jsonl", 10, irisSchema(), false},
		{"names_missing", "sagemaker", "sagemaker-capture-base64.jsonl", "x.jsonl", 1, irisSchema(), true},
		{"kserve", "kserve", "kserve-cloudevents-v2-columns.jsonl", "events.jsonl", 3, irisSchema(), false},
		{"wrapped", "app-json-cri", "app-cri.log", "pod.log", 10, irisSchema(), false},
		{"passed_over", "app-json", "app-slog.jsonl", "app.jsonl", 10, irisSchema(), false},
		{"another_platform", "vertex", "app-slog.jsonl", "app.jsonl", 2, irisSchema(), false},
		{"blob", "kserve-blob", "kserve-blob-batch-mixed.json", "batch.json", 10, irisSchema(), false},
		{"labels", "sagemaker-groundtruth", "sagemaker-groundtruth.jsonl", "truth/2026/03/15/02/x.jsonl", 10, labelSchema(), false},
	} {
		s := spec(t, c.preset)
		if !c.unnamed {
			s.Names = irisNames
		}
		var got bytes.Buffer
		file := mapping.File{Path: c.path, Reader: bytes.NewReader(synthetic(t, c.file))}
		if err := mapping.Explain(&got, s, c.schema, c.n, now, file); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		golden := filepath.Join("testdata", "explain", c.name+".txt")
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got.String(), want)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestExplainTellsErrors(t *testing.T) {
	line := `{"msg":"other"}` + "\n"
	var out strings.Builder
	err := mapping.Explain(&out, spec(t, "app-json"), irisSchema(), 3, now, mapping.File{Path: "a", Reader: strings.NewReader(strings.Repeat(line, 5000))})
	if err != nil || !strings.HasSuffix(out.String(), "0 records with 0 rows; 1000 passed over\n") {
		t.Errorf("of a log with nothing in it: %v, …%s", err, out.String()[max(0, out.Len()-200):])
	}
	err = mapping.Explain(brokenWriter{}, spec(t, "app-json"), irisSchema(), 3, now, mapping.File{Path: "a", Reader: strings.NewReader(line)})
	if err == nil || err.Error() != "no room" {
		t.Errorf("error %v", err)
	}
}
