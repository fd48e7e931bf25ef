package exporter

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestExplainShowsHowRecordsAreUnderstood(t *testing.T) {
	s := newSite(t, `    fields: {id: "{id}_{n}"}
    labels: [{path: "labels*.csv", id: id}, {path: "truth.jsonl", preset: sagemaker-groundtruth}, {path: "none.jsonl"}]
`)
	s.write("predictions.jsonl", `{"id":"a","n":1,"timestamp":"2026-01-02T00:00:00Z","model_version":"7","age":30,"prediction":"no","score":"x"}
not JSON
{"id":"b","timestamp":"2026-01-02T00:01:00Z","age":null,"city":"Rome"}
{"id":"c","n":1,"timestamp":"2026-01-02T00:02:00Z"}
`)
	s.write("labels.csv", "id,timestamp,label\na_1,2026-01-03,yes\n")
	s.write("truth.jsonl", `{"groundTruthData":{"data":"no","encoding":"CSV"},"eventMetadata":{"eventId":"r1"}}`+"\n")
	var out strings.Builder
	if err := s.exporter(func() time.Time { return start }).Explain(&out, 3); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(out.String(), s.dir+"/", "")
	for _, want := range []string{
		`model "m": predictions predictions*.jsonl`,
		`predictions.jsonl:1: time 2026-01-02T00:00:00Z version 7 age=30 city=- prediction="no" score=invalid id="a" n="1"`,
		`predictions.jsonl:2: not counted, malformed: not JSON`,
		`predictions.jsonl:3: time 2026-01-02T00:01:00Z without id age=- city="Rome" prediction=- score=- id="b" n=-`,
		`labels.csv:2: time 2026-01-03T00:00:00Z label="yes" id="a_1"`,
		`id r1_0 label="no"`,
		"no file matches the path yet",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(text, "predictions.jsonl:4") {
		t.Error("it shows more records than asked for")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// A check of the configuration shows three records of each log, and consumes nothing.
func TestCheckShowsHowTheFirstRecordsAreUnderstood(t *testing.T) {
	s := newSite(t, `    labels:
      - {path: "labels.jsonl"}
      - {path: "none.jsonl"}
      - {path: "-"}
      - {receive: {name: m, spool: spool}}
      - {path: "broken.jsonl.gz"}
      - {path: "shared.jsonl", where: {model: m}}
      - {path: "truth.jsonl", preset: sagemaker-groundtruth}
`)
	for i := range 5 {
		s.add("predictions.jsonl", prediction(i, ""))
		s.add("labels.jsonl", label(i, "yes"))
	}
	s.write("shared.jsonl", strings.Repeat(`{"model":"o"}`+"\n", 3*maxSkipped))
	s.write("truth.jsonl", `{"groundTruthData":{"data":"no","encoding":"CSV"},"eventMetadata":{"eventId":"r1"}}`+"\n")
	s.write("broken.jsonl.gz", "\x1f\x8b\x08 and no more")
	var out strings.Builder
	if err := s.exporter(func() time.Time { return start }).Check(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(out.String(), s.dir+"/", "")
	for _, want := range []string{
		"\n  predictions predictions*.jsonl\n    predictions.jsonl:1: time 2026-01-02T00:00:00Z age=20 ",
		"\n    labels.jsonl:3: time 2026-01-02T01:02:00Z label=\"yes\" id=\"p2\"\n  labels none.jsonl\n" +
			"    no file matches the path yet\n  labels -\n    the standard input is not read for this\n" +
			"  labels m\n    what has been received is not shown\n  labels broken.jsonl.gz\n    cannot be read: broken.jsonl.gz: ",
		" records passed over (where)\n  labels truth.jsonl\n",
		"\n      id r1_0 label=\"no\"\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(text, ".jsonl:4") {
		t.Error("it shows more records than three")
	}
	if strings.Contains(text, strconv.Itoa(3*maxSkipped)) {
		t.Error("a log of other models was read to its end")
	}
	if _, err := os.Stat(s.path("spool")); !os.IsNotExist(err) {
		t.Errorf("there is a spool now: %v", err)
	}
	if t.Failed() {
		t.Log(text)
	}
}
