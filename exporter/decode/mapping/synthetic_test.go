package mapping_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
)

// syntheticCase is a synthetic file, or two that belong together, and how it is read.
type syntheticCase struct {
	name, preset string
	files        []string
	paths        []string // of the files; by default their names
	mapping      string   // instead of the preset
	named        bool     // the file has the names of the features
	version      string
	score        string
	skipped      int
	anonymous    bool // the file has no ids
	// timeless says that the file has no times, or none that are those expected.
	timeless bool
}

func syntheticCases() []syntheticCase {
	const sagemakerPath = "capture/iris/blue/2026/03/14/09/26-53-871-0b7bfd33.jsonl"
	azure := func(collection string) string { return "mdc/iris/blue/" + collection + "/2026/03/14/09/instance.jsonl" }
	return []syntheticCase{
		{name: "sagemaker csv", preset: "sagemaker", files: []string{"sagemaker-capture-csv.jsonl"}, paths: []string{sagemakerPath}, version: "blue"},
		{name: "sagemaker base64", preset: "sagemaker", files: []string{"sagemaker-capture-base64.jsonl"}, score: "0.9"},
		{
			name: "sagemaker base64 with the paths of Model Monitor", files: []string{"sagemaker-capture-base64.jsonl"},
			mapping: "{extends: sagemaker, select: {request: 'instances[*].features', response: 'predictions[*].predicted_label'}}",
		},
		{
			name: "azureml collected", preset: "azureml", named: true, version: "blue",
			files: []string{"azureml-model_inputs.jsonl", "azureml-model_outputs.jsonl"},
			paths: []string{azure("model_inputs"), azure("model_outputs")},
		},
		{name: "azureml payloads", preset: "azureml", files: []string{"azureml-request.jsonl", "azureml-response.jsonl"}},
		{name: "azureml responses first", preset: "azureml", files: []string{"azureml-response.jsonl", "azureml-request.jsonl"}},
		{name: "kserve v1", preset: "kserve", files: []string{"kserve-cloudevents-v1.jsonl"}, version: "default"},
		{name: "kserve v2 matrix", preset: "kserve", files: []string{"kserve-cloudevents-v2-matrix.jsonl"}, version: "3"},
		{name: "kserve v2 columns", preset: "kserve", files: []string{"kserve-cloudevents-v2-columns.jsonl"}, version: "3", named: true},
		{name: "kserve blob", preset: "kserve-blob", files: []string{"kserve-blob-batch-mixed.json"}, version: "default"},
		{
			name: "kserve blob as csv", files: []string{"kserve-blob.csv"}, version: "default", timeless: true,
			mapping: "{extends: kserve-blob, format: csv}",
		},
		{name: "seldon v1", preset: "seldon-v1", files: []string{"seldon-v1-kafka.jsonl"}, named: true, skipped: 1},
		{name: "seldon v2", preset: "seldon-v2", files: []string{"seldon-v2-kafka.jsonl"}},
		{name: "databricks legacy", preset: "databricks", files: []string{"databricks-inference-table-legacy.jsonl"}, named: true, version: "3"},
		{name: "databricks gateway", preset: "databricks", files: []string{"databricks-inference-table-gateway.jsonl"}, named: true, skipped: 1},
		{name: "vertex", preset: "vertex", files: []string{"vertex-request-response.jsonl"}, version: "456"},
		{name: "bentoml", preset: "bentoml", files: []string{"bentoml-data.0.log"}, named: true, timeless: true},
		{name: "hopsworks kserve", preset: "hopsworks-kserve", files: []string{"hopsworks-kserve-avro-decoded.jsonl"}, version: "3"},
		{
			name: "hopsworks docker", preset: "hopsworks-docker", files: []string{"hopsworks-docker-avro-decoded.jsonl"},
			version: "3", anonymous: true,
		},
		{name: "mlrun", preset: "mlrun", files: []string{"mlrun-stream.jsonl"}, version: "3"},
		{name: "slog", preset: "app-json", files: []string{"app-slog.jsonl"}, named: true, version: "3", skipped: 1},
		{name: "zap", preset: "app-json", files: []string{"app-zap.jsonl"}, named: true, version: "3"},
		{
			name: "structlog", files: []string{"app-structlog.jsonl"}, named: true,
			mapping: "{extends: app-json, parts: [{role: row, value: '@', prefix: feature_}]}",
		},
		{name: "docker", preset: "app-json-docker", files: []string{"app-docker-json-file.log"}, named: true, version: "3"},
		{name: "cri", preset: "app-json-cri", files: []string{"app-cri.log"}, named: true, version: "3"},
		{
			name: "table as csv", files: []string{"table.csv"}, named: true,
			mapping: "{format: csv, time: ts, row_id: '{id}', parts: [{role: row, value: '@', drop: [ts, label]}]}",
		},
		{
			name: "evidently", files: []string{"evidently-collector.json"}, named: true, timeless: true,
			mapping: "{format: json, time: _read.time, row_id: '{id}', parts: [{role: row, value: '@', layout: index-map}]}",
		},
	}
}

// The same three predictions are in every file, so there is one answer.
func TestSyntheticFilesGiveTheExpectedRows(t *testing.T) {
	for _, c := range syntheticCases() {
		for _, block := range []int{100, 1 << 20} {
			t.Run(c.name, func(t *testing.T) { testSynthetic(t, c, block) })
		}
	}
}

func testSynthetic(t *testing.T, c syntheticCase, block int) {
	var s *mapping.Spec
	if c.mapping != "" {
		s = parse(t, c.mapping)
	} else {
		s = spec(t, c.preset)
	}
	if !c.named {
		s.Names = irisNames
	}
	var files []named
	for i, name := range c.files {
		path := name
		if c.paths != nil {
			path = c.paths[i]
		}
		files = append(files, named{path, synthetic(t, name)})
	}
	schema := irisSchema()
	schema.Columns[4].Path = []string{"output", "pred"}
	got := read(t, s, schema, block, files...)
	want := expected(t)
	for i := range want {
		want[i].Version = c.version
		want[i].Values["score"] = c.score
		if c.name == "table as csv" || c.name == "evidently" {
			want[i].ID = id([]string{"req-0001#0", "req-0001#1", "req-0002#0"}[i])
		}
		if c.anonymous {
			want[i].ID = 0
		}
	}
	for i := range got.rows {
		if i < len(want) && c.timeless {
			if d := time.Duration(got.rows[i].Time - want[i].Time); d < 0 || d > 30*24*time.Hour {
				t.Errorf("row %d has the time %s", i, time.Unix(0, got.rows[i].Time).UTC())
			}
			got.rows[i].Time = want[i].Time
		}
	}
	if c.files[0] == "bentoml-data.0.log" && block < 1000 {
		return // The numbers of rows begin again with every block.
	}
	slices.SortStableFunc(got.rows, func(a, b row) int { return int(a.Time/1e9 - b.Time/1e9) })
	if !reflect.DeepEqual(got.rows, want) {
		t.Errorf("rows\n%+v\nwant\n%+v", got.rows, want)
	}
	if len(got.rejects) != 0 || got.skipped != c.skipped || got.waiting != 0 {
		t.Errorf("rejects %v, %d skipped, %d waiting; want none, %d, none", got.rejects, got.skipped, got.waiting, c.skipped)
	}
}

func TestSyntheticTruthsGiveTheLabels(t *testing.T) {
	for _, c := range []struct {
		preset, file, path string
		ids, labels        []string
		time               time.Time
		skipped            int
	}{
		{
			"sagemaker-groundtruth", "sagemaker-groundtruth.jsonl", "truth/2026/03/15/02/labels.jsonl",
			[]string{"req-0001_0", "req-0001_1", "req-0002_0"},
			[]string{"0", "1", "1"},
			time.Date(2026, 3, 15, 2, 0, 0, 0, time.UTC), 0,
		},
		{
			"sagemaker-groundtruth", "sagemaker-groundtruth.jsonl", "labels.jsonl",
			[]string{"req-0001_0", "req-0001_1", "req-0002_0"},
			[]string{"0", "1", "1"},
			now(), 0,
		},
		{
			"seldon-v1", "seldon-v1-kafka.jsonl", "x.jsonl",
			[]string{"req-0002_0"},
			[]string{"1"},
			time.Date(2026, 3, 15, 9, 26, 53, 0, time.UTC), 4,
		},
	} {
		s := spec(t, c.preset)
		s.Join = nil // truths are whole
		got := read(t, s, labelSchema(), 1<<20, named{c.path, synthetic(t, c.file)})
		var want []row
		for i := range c.ids {
			want = append(want, row{
				ID: id(c.ids[i]), Time: c.time.UnixNano(), Values: map[string]string{"label": c.labels[i]},
			})
		}
		if !reflect.DeepEqual(got.rows, want) || len(got.rejects) > 0 || got.skipped != c.skipped {
			t.Errorf("%s:\n got %+v %v %d\nwant %+v", c.file, got.rows, got.rejects, got.skipped, want)
		}
	}
}
