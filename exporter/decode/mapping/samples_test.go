package mapping_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// The files below sharedSamples come from the platforms' own repositories and stay outside of this one.
const sharedSamples = "../../../../shared/log-samples"

func sample(t testing.TB, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{sharedSamples}, path...)...))
	if err != nil {
		t.Skipf("skipped: a sample of a platform is not there: %v", err)
	}
	return data
}

// featureSchema wants features without times, for files that have none that can be read.
func featureSchema(names ...string) *record.Schema {
	return &record.Schema{ID: []string{"id"}, Columns: numeric(record.Feature, names...)}
}

func positions(n int) []string {
	var all []string
	for i := range n {
		all = append(all, "f"+strconv.Itoa(i))
	}
	return all
}

func TestSageMakerSamples(t *testing.T) {
	withScore := featureSchema(positions(7)...)
	withScore.Columns = append(withScore.Columns, numeric(record.Prediction, "prediction")...)
	withScore.Columns = append(withScore.Columns, numeric(record.Score, "score")...)
	got := read(t, spec(t, "sagemaker"), withScore, 1<<20, named{"x.jsonl", sample(t, "sagemaker", "sdk-capture.jsonl")})
	if len(got.rows) != 44 || len(got.rejects) != 0 {
		t.Fatalf("sdk-capture.jsonl: %d rows, %v", len(got.rows), got.rejects)
	}
	first := got.rows[0]
	if v := first.Values; v["f0"] != "9" || v["f5"] != "5" || v["f6"] != "0" || v["score"] != "0.302709460258" || v["prediction"] != "" {
		t.Errorf("sdk-capture.jsonl: the first row is %v", v)
	}
	if first.ID != id("74b0dd56-e7c8-368e-94b1-14a138a96000_0") {
		t.Error("sdk-capture.jsonl: the id of the first row is not that of its event")
	}

	// Every time in that file is a placeholder, which is counted where times are wanted.
	withScore.Time = []string{"timestamp"}
	got = read(t, spec(t, "sagemaker"), withScore, 1<<20, named{"x.jsonl", sample(t, "sagemaker", "sdk-capture.jsonl")})
	if len(got.rows) != 0 || got.rejects[record.NoTime] != 44 {
		t.Errorf("sdk-capture.jsonl with times: %d rows, %v", len(got.rows), got.rejects)
	}

	schema := featureSchema("f0", "f1")
	schema.Columns = append(schema.Columns, numeric(record.Prediction, "prediction")...)
	got = read(t, spec(t, "sagemaker"), schema, 1<<20, named{"x.jsonl", sample(t, "sagemaker", "sdk-captured-data.jsonl")})
	if len(got.rows) != 6 {
		t.Fatalf("sdk-captured-data.jsonl: %d rows, want 6: a flat list of instances is a row each", len(got.rows))
	}
	if v := got.rows[5].Values; v["f0"] != "5" || v["f1"] != "" || v["prediction"] != "5.5" {
		t.Errorf("sdk-captured-data.jsonl: the last row is %v", v)
	}

	got = read(t, spec(t, "sagemaker-groundtruth"), labelSchema(), 1<<20, named{"x.jsonl", sample(t, "sagemaker", "sdk-actuals.jsonl")})
	ones := 0
	for _, r := range got.rows {
		if r.Values["label"] == "1" {
			ones++
		}
	}
	if len(got.rows) != 44 || ones == 0 || ones == 44 {
		t.Errorf("sdk-actuals.jsonl: %d labels, %d of them 1", len(got.rows), ones)
	}
}

func TestAzureSamples(t *testing.T) {
	for _, c := range []struct {
		file                 string
		rows, skipped, alone int
		last                 string
	}{
		{"mdc_data_only.jsonl", 4, 0, 4, "1.5"},
		{"mdc_data_dataref_mix.jsonl", 2, 1, 2, "1.5"},
		{"mdc_dataref_only.jsonl", 0, 3, 0, ""},
	} {
		data := sample(t, "azureml", c.file)
		got := read(t, spec(t, "azureml"), featureSchema(irisNames...), 1<<20, named{c.file, data})
		if len(got.rows) != c.rows || got.skipped != c.skipped || got.rejects[record.JoinTimeout] == 0 != (c.rows == 0) {
			t.Errorf("%s: %d rows, %d skipped, %v; want %d, %d", c.file, len(got.rows), got.skipped, got.rejects, c.rows, c.skipped)
			continue
		}
		for _, r := range got.rows {
			if r.Part != record.Request {
				t.Errorf("%s: a row is %s, though there are inputs only", c.file, r.Part)
			}
		}
		if c.rows > 0 && got.rows[c.rows-1].Values["sepal_length"] != c.last {
			t.Errorf("%s: the last row is %v", c.file, got.rows[c.rows-1].Values)
		}
	}
	// A record of two rows has one correlation id.
	got := read(t, spec(t, "azureml"), featureSchema(irisNames...), 1<<20, named{"x.jsonl", sample(t, "azureml", "mdc_data_only.jsonl")})
	if len(got.rows) == 4 && got.rows[2].ID != id("f2b524a7-3272-45df-a530-c945004de305_1") {
		t.Error("the second row of a batch has not the id of the batch with its number")
	}
	schema := featureSchema()
	schema.Columns = []record.Field{{Name: "reply", Path: []string{"reply"}, Kind: record.Text, Role: record.Prediction}}
	got = read(t, spec(t, "azureml"), schema, 1<<20, named{"x.jsonl", sample(t, "azureml", "mdc_model_outputs_string_json.jsonl")})
	if len(got.rows) != 1 || got.rows[0].Part != record.Response || len(got.rows[0].Values["reply"]) != 100 {
		t.Errorf("mdc_model_outputs_string_json.jsonl: %+v", got.rows)
	}
}

// Where a folder and the type of a record contradict each other, the folder is right.
func TestAzureTakesTheRoleFromTheFolder(t *testing.T) {
	data := sample(t, "azureml", "mdc_data_only.jsonl") // of the type model_inputs
	schema := featureSchema()
	schema.Columns = []record.Field{{Name: "sepal_width", Path: []string{"sepal_width"}, Role: record.Prediction}}
	path := "ep/dep/model_outputs/2023/01/01/00/x.jsonl"
	got := read(t, spec(t, "azureml"), schema, 1<<20, named{path, data})
	if len(got.rows) != 4 || got.rows[0].Part != record.Response || got.rows[0].Values["sepal_width"] != "2.3" {
		t.Errorf("%+v", got.rows)
	}
}

// The bodies of KServe's own tests, without an envelope.
func TestKServeBodies(t *testing.T) {
	body := parse(t, "{format: json, parts: [{role: request, value: '@'}]}")
	for _, c := range []struct {
		file  string
		names []string // of the features that are wanted; positions if none
		rows  int
		last  []string // values of the last row
	}{
		{"iris_input.json", nil, 2, []string{"6", "3.4", "4.5", "1.6"}},
		{"iris_batch_input.json", nil, 8, []string{"6", "3.4", "4.5", "1.6"}},
		{"iris_input_v2.json", nil, 2, []string{"6", "3.4", "4.5", "1.6"}},
		{"iris_input_v2_binary.json", nil, 2, []string{"6", "3.4", "4.5", "1.6"}},
		{"iris_input_v2_all_binary.json", nil, 2, []string{"6", "3.4", "4.5", "1.6"}},
		{"iris_input_v2_grpc.json", nil, 2, []string{"6", "3.4", "4.5", "1.6"}},
		{"income_input.json", nil, 1, []string{"39", "7", "1", "1", "1", "1", "4", "1", "2174", "0", "40", "9"}},
		{"autogluon_titanic_input.json", nil, 2, []string{"2", "1", "!", "!", "38", "1", "0", "!", "71.2833", "!", "!"}},
		{"autogluon_titanic_input_v2.json", []string{"PassengerId", "Age", "Fare"}, 2, []string{"2", "38", "71.2833"}},
		{"mixedtype_input_v1.json", []string{"LotArea", "OverallQual"}, 1, []string{"8450", "7"}},
		{"mlflow_input_v2.json", []string{"fixed acidity", "citric acid", "residual sugar"}, 1, []string{"7.4", "0", "1.9"}},
	} {
		names := c.names
		if names == nil {
			names = positions(len(c.last))
		}
		got := read(t, body, featureSchema(names...), 1<<20, named{c.file, sample(t, "kserve", c.file)})
		if len(got.rows) != c.rows || len(got.rejects) != 0 {
			t.Errorf("%s: %d rows, %v; want %d", c.file, len(got.rows), got.rejects, c.rows)
			continue
		}
		var last []string
		for _, name := range names {
			last = append(last, got.rows[c.rows-1].Values[name])
		}
		if !slices.Equal(last, c.last) {
			t.Errorf("%s: the last row is %q, want %q", c.file, last, c.last)
		}
	}
}

func TestCollectedDataOfAzureByItself(t *testing.T) {
	body := parse(t, "{format: json, parts: [{role: request, value: '@'}]}")
	got := read(t, body, featureSchema(irisNames...), 1<<20, named{"x.json", sample(t, "azureml", "mdc_dataref_1.json")})
	if len(got.rows) != 2 || len(got.rejects) != 0 || got.rows[1].Values["petal_width"] != "1.8" {
		t.Errorf("%+v, %v", got.rows, got.rejects)
	}
}

// The later truth of the synthetic predictions, in the exporter's own format.
func TestSyntheticLabelsInTheNativeFormat(t *testing.T) {
	for _, c := range []struct{ file, format, time string }{
		{"labels.csv", decode.FormatCSV, "label_time"},
		{"labels-rows.jsonl", decode.FormatJSONL, "time"},
	} {
		format, err := decode.Lookup(c.format, decode.Options{})
		if err != nil {
			t.Fatal(err)
		}
		schema := &record.Schema{
			ID: []string{"id"}, Time: []string{c.time},
			Columns: []record.Field{{Name: "label", Path: []string{"label"}, Kind: record.Categorical, Role: record.Label}},
		}
		var b record.Batch
		decoder := format.New(schema, seed)
		in := bytes.NewReader(synthetic(t, c.file))
		var labels []string
		err = decode.ReadChunks(in, format, c.file, func(chunk *decode.Chunk) error {
			decoder.Decode(chunk.Header, chunk.Data, &b)
			for row := range b.Rows {
				if want := id([]string{"req-0001#0", "req-0001#1", "req-0002#0"}[row]); b.IDs[row] != want {
					t.Errorf("%s: the id of row %d is not %d", c.file, row, want)
				}
				labels = append(labels, b.String(b.Columns[0].Spans[row])+" "+time.Unix(0, b.Times[row]).UTC().Format(time.DateOnly))
			}
			return nil
		})
		if want := []string{"0 2026-03-15", "1 2026-03-15", "1 2026-03-16"}; err != nil || !slices.Equal(labels, want) {
			t.Errorf("%s: labels %q, error %v; want %q", c.file, labels, err, want)
		}
	}
}

// elsewhere says of the samples that no test here reads for its rows who does, or why nobody does.
var elsewhere = map[string]string{
	"app-logfmt.log":                             "exporter/decode: logfmt",
	"kserve-cloudevents-binary.http":             "exporter/receive: requests",
	"penguin-eval-tfexample.tfrecord.gz":         "exporter/decode: tfrecord",
	"sdk-data-quality-statistics.json":           "exporter/profile: a reference",
	"sdk-model-quality-statistics.json":          "exporter/profile: a reference",
	"sdk-statistics.json":                        "exporter/profile: a reference",
	"taxi-unlabelled-tfexample.tfrecord.gz":      "exporter/decode: tfrecord",
	"tfserving-predictionlog-truncated.tfrecord": "exporter/decode: tfrecord",
	"tfserving-predictionlog.tfrecord":           "exporter/decode: tfrecord",

	"SOURCES.md":                             "no log",
	"bentoml-schema.0.log":                   "no log: the roles of the columns of bentoml-data.0.log",
	"expected-rows.jsonl":                    "no log: what the others hold",
	"penguin-schema.pbtxt":                   "no log",
	"sdk-constraint_violations.json":         "no log",
	"sdk-constraints.json":                   "no log",
	"sdk-data-quality-baseline_dataset.csv":  "a reference that is CSV without names",
	"sdk-data-quality-constraints.json":      "no log",
	"sdk-model-quality-baseline_dataset.csv": "a reference that is CSV",
	"sdk-model-quality-constraints.json":     "no log",
	"taxi-eval-FeatureStats.pb":              "no log",

	"otlp-logs.jsonl":   "no preset: attributes are lists of keys and values, which paths do not lead into",
	"triton-trace.json": "no preset: a prediction is made of several objects of one list",
}

// Whoever adds a sample says how it is read.
func TestNoSampleIsMissed(t *testing.T) {
	var tests strings.Builder
	for _, name := range []string{"samples_test.go", "synthetic_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(string(text), "\nvar elsewhere = ")
		tests.WriteString(before)
	}
	for _, f := range allSamples(t) {
		name := filepath.Base(f.path)
		if _, known := elsewhere[name]; known == strings.Contains(tests.String(), `"`+name+`"`) {
			t.Errorf("%s is read by no test, or is among those that are not", f.path)
		}
	}
}

// allSamples are all files of samples that are there.
func allSamples(t *testing.T) (files []named) {
	t.Helper()
	for _, root := range []string{"testdata/synthetic", sharedSamples} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			files = append(files, named{path, data})
			return err
		})
		if err != nil {
			t.Logf("skipped a folder of samples: %v", err)
		}
	}
	return files
}

// No file makes any preset stop, and of each record something becomes: rows, a counted reason, or it is passed over.
func TestEveryPresetGetsThroughEveryFile(t *testing.T) {
	files := allSamples(t)
	for _, preset := range config.PresetNames() {
		if preset == "native" {
			continue
		}
		for _, f := range files {
			for _, schema := range []*record.Schema{irisSchema(), labelSchema()} {
				got := read(t, spec(t, preset), schema, 4096, f)
				if len(got.rows)+len(got.rejects)+got.skipped == 0 {
					t.Errorf("%s: nothing became of %s", preset, f.path)
				}
			}
		}
	}
}
