package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
)

func parseFile(t *testing.T, name string) (*Config, error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return Parse(name, data, "/etc/drift")
}

func minimalModel() Model {
	m := defaultModel()
	m.Name = "churn"
	m.Reference = File{Path: "/etc/drift/training.csv"}
	m.Predictions = []Source{{Path: "/etc/drift/logs/churn-*.jsonl"}}
	return m
}

func completeModel() Model {
	sagemaker, _ := Preset("sagemaker")
	sagemaker.Names = []string{"tenure", "10"}
	app, _ := Preset("app-json")
	plainApp, _ := Preset("app-json")
	code, _ := mapping.ParsePath("code")
	dash, _ := mapping.ParsePath(`"x-y"`)
	app.Unwrap, app.Keep = "docker", []mapping.Condition{{Path: code, In: []string{"010"}}, {Path: dash, In: []string{"true"}}}
	return Model{
		Name: "churn", Task: Classification, PositiveClass: "1",
		Reference:       File{"/srv/training.data", CSV, []string{"age", "plan code", "label"}},
		References:      []VersionReference{{"1.1-rc", File{Path: "/srv/rc", Format: JSONL}}, {"2.0", File{Path: "/srv/training-2.csv"}}},
		MovingReference: true,
		Predictions: []Source{
			{Path: "/var/log/**/*.jsonl", Where: []Condition{{"canary", "false"}, {"model", "churn"}, {"shard", "010"}}},
			{Path: "/var/log/[ab]?.{log,txt}", Format: JSONL, ID: "{request}/{row}", Unwrap: CRI},
			{Path: "/var/log/plain.csv", Header: []string{"id", "timestamp", "age"}, StartAt: StartAt{End: true}},
			{Path: "/capture/**", Preset: "sagemaker", FeatureNames: FeatureNames{List: []string{"tenure", "10"}}, Spec: sagemaker},
			{
				Path: "/var/log/app.log", FeatureNames: FeatureNames{Path: "/srv/statistics.json"}, Spec: app,
				Mapping: "extends: app-json\nunwrap: docker\nkeep:\n    - path: code\n      equals: 010\n    - path: '\"x-y\"'\n      in:\n        - \"true\"\n",
			},
			{
				Receive: &Receive{
					Name: "churn-v2.1", TokenFile: "/run/token", Spool: "/srv/spool", MaxBody: 3 << 19, MaxSpool: 2 << 30, Sync: true,
				},
				Where: []Condition{{"canary", "false"}},
			},
			{
				Preset: "app-json", Spec: plainApp,
				Kafka: &Kafka{
					Brokers: []string{"kafka-1:9093", "[::1]:9093"}, Topic: "churn.predictions", Group: "drift-churn",
					TLS:  &TLS{"/run/ca.pem", "/run/cert.pem", "/run/key.pem", "kafka", true},
					SASL: &SASL{Mechanism: "scram-sha-512", Username: "drift", PasswordFile: "/run/password"},
				},
			},
			{Kafka: &Kafka{
				Brokers: []string{"kafka:9092"}, Topic: "late", Group: "drift", TLS: &TLS{},
				SASL: &SASL{Mechanism: "scram-sha-256", Username: "b", PasswordVariable: "KAFKA_PASSWORD"},
			}},
		},
		Labels: []Source{
			{Path: "/srv/labels/*.csv", StartAt: StartAt{Back: 9 * day}},
			{Path: "/srv/late.txt", Format: CSV, Header: []string{"id", "label"}},
			{
				Receive: &Receive{Name: "churn_labels", Spool: "/srv/state/spool", MaxBody: 4 << 20, MaxSpool: 1 << 30},
				Format:  JSONL,
			},
			{Kafka: &Kafka{
				Brokers: []string{"kafka-1:9092"}, Topic: "labels", Group: "drift",
				SASL: &SASL{Mechanism: "plain", Username: "a", PasswordVariable: "KAFKA_PASSWORD"},
			}},
		},
		LabelTimeout: 90 * 24 * time.Hour, LabelsInPredictions: true, MaxIDs: 5_000_000,
		Fields: Fields{
			ID: "{request.id}_{row}", Timestamp: "ts", Version: "release", Model: "name", Features: "inputs",
			Prediction: "output.class", Score: "output.probability", Label: "truth",
		},
		Columns: []Column{
			{Name: "2"},
			{Name: "age", Kind: Numeric, Edges: []float64{-18, 30.5, 450, 1000}},
			{Name: "comment", Kind: Text},
			{Name: "height"},
			{Name: "income", Kind: Numeric, Edges: []float64{1}},
			{Name: "plan.code", Kind: Categorical},
			{Name: "session", Ignore: true},
		},
		Windows: []Window{{"30m", 30 * time.Minute}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}},

		MinRecords: 100, CutPoints: 256, MaxCategories: 50, MaxTokens: 2000, MaxVersions: 3,
		AllowedLateness: 0, MaxFuture: 90 * time.Minute,
		Slices: []Slice{{"plan.code"}, {"plan.code", "age"}, {"2"}}, MaxSliceValues: 20,
		Detectors: []string{"adwin", "page_hinkley"}, Champion: "2.0",
		MissingValues: []string{"-999", "null", ""}, DependsOn: []string{"12", "price"},
	}
}

func TestGoodFiles(t *testing.T) {
	price := defaultModel()
	price.Name, price.Task, price.ErrorTolerance, price.MissingValues = "price", Regression, 2.5, []string{}
	price.Reference, price.Predictions = File{Path: "/srv/price.jsonl"}, []Source{{Path: "-"}}

	a := defaultModel()
	a.Name, a.MinRecords, a.Windows = "a", 5, []Window{{"1h", time.Hour}, {"7d", 7 * 24 * time.Hour}}
	a.Reference, a.Predictions = File{Path: "/srv/training.csv"}, []Source{{Path: "/var/log/a.jsonl"}}
	b := a
	b.Name, b.MaxFuture = "b", 7*24*time.Hour

	tests := map[string]*Config{
		"minimal.good.yaml": {EvaluationInterval: 15 * time.Second, Models: []Model{minimalModel()}},
		"complete.good.yaml": {
			EvaluationInterval: time.Minute, State: State{"/srv/state", 2 * time.Minute},
			Models: []Model{completeModel(), price},
		},
		"aliases.good.yaml": {EvaluationInterval: 15 * time.Second, Models: []Model{a, b}},
	}
	for _, name := range testFiles(t, "*.good.yaml") {
		want, ok := tests[name]
		if !ok {
			t.Errorf("%s: no test says what is in it", name)
			continue
		}
		got, err := parseFile(t, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
		checkRoundTrip(t, got)
	}
}

// testFiles lists the files of testdata that match a pattern.
func testFiles(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

// checkRoundTrip checks that a configuration is rendered as a file that means the same.
func checkRoundTrip(t *testing.T, c *Config) {
	t.Helper()
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("rendered.yaml", text, "/elsewhere")
	if err != nil {
		t.Fatalf("rendered configuration has problems: %v\n%s", err, text)
	}
	if !reflect.DeepEqual(again, c) {
		t.Fatalf("rendered configuration differs:\n got %+v\nwant %+v\n%s", again, c, text)
	}
}

// The defaults are promised by the comments of config.go, so they are written out here.
func TestDefaults(t *testing.T) {
	c, err := parseFile(t, "minimal.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := Model{
		Name:         "churn",
		Reference:    File{Path: "/etc/drift/training.csv"},
		Predictions:  []Source{{Path: "/etc/drift/logs/churn-*.jsonl"}},
		LabelTimeout: 720 * time.Hour,
		MaxIDs:       10_000_000,
		Fields: Fields{
			ID: "id", Timestamp: "timestamp", Version: "model_version", Model: "model",
			Features: "features", Prediction: "prediction", Score: "score", Label: "label",
		},
		Windows:         []Window{{"1h", time.Hour}, {"24h", 24 * time.Hour}, {"7d", 168 * time.Hour}},
		MinRecords:      30,
		CutPoints:       1024,
		MaxCategories:   1024,
		MaxTokens:       8192,
		MaxVersions:     10,
		AllowedLateness: time.Hour,
		MaxFuture:       10 * time.Minute,
		MaxSliceValues:  50,
		Detectors:       []string{"adwin"},
		MissingValues:   []string{"", "NA", "N/A", "NaN", "null", "NULL", "None"},
	}
	if !reflect.DeepEqual(c.Models[0], want) {
		t.Errorf("got %+v\nwant %+v", c.Models[0], want)
	}
}

func TestRenderedFile(t *testing.T) {
	c, err := parseFile(t, "complete.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	const want = `evaluation_interval: 1m
state:
  path: /srv/state
  checkpoint_interval: 2m
models:
  - name: churn
    task: classification
    positive_class: "1"
    reference:
      path: /srv/training.data
      format: csv
      header: [age, plan code, label]
    references:
      1.1-rc:
        path: /srv/rc
        format: jsonl
      "2.0":
        path: /srv/training-2.csv
    moving_reference: true
    predictions:
      - path: /var/log/**/*.jsonl
        start_at: beginning
        where:
          canary: "false"
`
	if !strings.HasPrefix(string(got), want) {
		t.Errorf("rendered file starts differently:\n%s", got)
	}
	for _, line := range []string{
		"        timeout: 90d", "      - timeout: 90d", "        in_predictions: true", `    slices: [[plan.code], [plan.code, age], ["2"]]`,
		"    detectors: [adwin, page_hinkley]", `    champion: "2.0"`, "      id: '{request.id}_{row}'",
		"    windows: [30m, 24h, 7d]", "    allowed_lateness: 0s", "    max_future: 1h30m",
		"        edges: [-18, 30.5, 450, 1000]", `    missing_values: ["-999", "null", ""]`, "    missing_values: []",
		`    depends_on: ["12", price]`,
	} {
		if !strings.Contains(string(got), line+"\n") {
			t.Errorf("rendered file lacks the line %q:\n%s", line, got)
		}
	}
}

func TestLoadResolvesPathsAgainstTheFolderOfTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b]*{c}?")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "drift.yaml")
	text := "models:\n- name: m\n  reference: {path: ../t.csv}\n  predictions: [{path: ./l/*.csv}, {path: /x/*}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Models[0].Reference.Path, filepath.Join(filepath.Dir(dir), "t.csv"); got != want {
		t.Errorf("reference %s, want %s", got, want)
	}
	// The folder's own special characters are not part of the pattern.
	if got, want := c.Models[0].Predictions[0].Path, filepath.Dir(dir)+`/a\[b\]\*\{c\}\?/l/*.csv`; got != want {
		t.Errorf("predictions %s, want %s", got, want)
	}
	if got := c.Models[0].Predictions[1].Path; got != "/x/*" {
		t.Errorf("absolute predictions %s, want them as they are", got)
	}
	checkRoundTrip(t, c)
}

func TestLoadOfAMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent.yaml")
	_, err := Load(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("Load gave %v, want that %s does not exist", err, path)
	}
}

// A reader of a Config may rely on what it holds being its own.
func TestConfigsShareNoDefaults(t *testing.T) {
	first, err := parseFile(t, "minimal.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first.Models[0].Windows[0].Name = "changed"
	first.Models[0].MissingValues[0] = "changed"
	second, err := parseFile(t, "minimal.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(second.Models[0], minimalModel()) {
		t.Errorf("a changed Config changed the defaults: %+v", second.Models[0])
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.good.yaml", "*.bad.yaml"} {
		paths, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(paths) == 0 {
			f.Fatalf("no files %s: %v", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("models:\n- name: \"\\r\\u0085 \\n#\"\n  reference: {path: a}\n  predictions: {path: b}\n"))
	f.Add([]byte("models: &m [{name: x, reference: &r {path: *r}, predictions: *m}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", data, "/etc/drift")
		if err == nil {
			checkRoundTrip(t, c)
			return
		}
		for _, problem := range split(err) {
			if !strings.HasPrefix(problem, "f.yaml:") || strings.ContainsAny(problem, "\n\r") {
				t.Errorf("problem %q is not one line that starts with its place", problem)
			}
		}
	})
}

// Whatever text stands in a configuration, its rendering says the same.
func FuzzYAML(f *testing.F) {
	for _, text := range []string{
		"churn", "null", "~", "yes", "010", "1_000", "0x1F", "1e3", ".inf", "2024-01-01", "<<", "=", "- a", "a: b", "#",
		" a ", "\ta", "a\n", "\n\n a\n", "a\rb", "\u0085", "\u2028", "\ufeff", "\x00", "\x7f", "'", `"`, `\`, "{a",
		"*a", "&a", "!a", "%a", "@", "`", "é", "\U0001f600", "? a", "| a", "a #b", "...", "---",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || !utf8.ValidString(text) {
			t.Skip("no such text can stand in a file")
		}
		m := minimalModel()
		m.Name, m.PositiveClass, m.Reference.Path = text, text, "/"+text
		m.Columns = []Column{{Name: text, Kind: Text}}
		m.MissingValues = []string{text, ""}
		m.Predictions[0].Where = []Condition{{"a", text}}
		checkRoundTrip(t, &Config{EvaluationInterval: time.Second, Models: []Model{m}})
	})
}

func TestIDParts(t *testing.T) {
	tests := []struct {
		id   string
		want []IDPart
	}{
		{"request.id", []IDPart{{"", "request.id"}}},
		{"{request.id}", []IDPart{{"", "request.id"}}},
		{"{request_id}_{row}", []IDPart{{"", "request_id"}, {"_", "row"}}},
		{"a-{b}c", []IDPart{{"a-", "b"}, {"c", ""}}},
		{"{a}{b}", []IDPart{{"", "a"}, {"", "b"}}},
	}
	for _, test := range tests {
		if got, ok := IDParts(test.id); !ok || !reflect.DeepEqual(got, test.want) {
			t.Errorf("IDParts(%q) = %v, %v, want %v", test.id, got, ok, test.want)
		}
	}
	for _, id := range []string{"{", "}", "a}", "{a", "{a}}", "{}", "{a..b}", "{a{b}}"} {
		if parts, ok := IDParts(id); ok {
			t.Errorf("IDParts(%q) = %v, want none", id, parts)
		}
	}
}
