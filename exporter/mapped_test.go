package exporter

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// platform makes a site whose logs a serving platform writes.
func platform(t *testing.T, logs string) *site {
	s := newSite(t, "")
	s.write("config.yaml", "models:\n  - name: m\n    reference: {path: reference.csv}\n"+logs)
	return s
}

// captured is a record of SageMaker's data capture of two rows.
func captured(i int) string {
	at := start.Add(time.Duration(i) * time.Second).Format(time.RFC3339)
	return fmt.Sprintf(`{"captureData":{"endpointInput":{"data":"%d,Rome\n%d,Oslo\n","encoding":"CSV"},`+
		`"endpointOutput":{"data":"no,0.2\nyes,0.8\n","encoding":"CSV"}},"eventMetadata":{"eventId":"e%d","inferenceTime":%q}}`+"\n",
		20+i%50, 30+i%40, i, at)
}

// A folder of SageMaker's capture and one of its ground truth give drift and errors, with ten lines of configuration.
func TestSageMakerEndToEnd(t *testing.T) {
	s := platform(t, `    predictions: {path: "prod-blue-*.jsonl", preset: sagemaker, feature_names: [age, city]}
    labels: {path: "truth-*.jsonl", preset: sagemaker-groundtruth}
`)
	for i := range 100 {
		s.add("prod-blue-1.jsonl", captured(i))
		s.add("truth-1.jsonl", fmt.Sprintf(`{"groundTruthData":{"data":"no\n%s","encoding":"CSV"},"eventMetadata":{"eventId":"e%d"}}`+"\n",
			[]string{"no", "yes"}[i%4/3], i))
	}
	s.add("prod-blue-1.jsonl", `{"captureData":{"endpointInput":{"data":"iVBORw0KGgo=","encoding":"BASE64"}},"eventMetadata":{"eventId":"x","inferenceTime":"2026-01-02T00:00:00Z"}}`+"\n")
	got := s.once()
	got.want(t, 200, metric.SourceRecords, "source="+s.path("prod-blue-*.jsonl"))
	got.want(t, 1, metric.SourceErrors, "source="+s.path("prod-blue-*.jsonl"), "reason=binary_body")
	got.want(t, 200, metric.Labels, "outcome=joined")
	got.want(t, 0.375, metric.ErrorRatio, "window=24h") // of the second rows three in four
	got.want(t, 0, metric.MissingRatio, "window=24h", "column=city")
	got.want(t, 0, metric.MissingRatio, "window=24h", "column=score")
}

// The inputs and outputs of Azure's collector are in folders of their own, which are read one after the other.
func TestAzureEndToEnd(t *testing.T) {
	s := platform(t, `    predictions: {path: "mdc/m/blue/*/**/*.jsonl", preset: azureml}
    labels: {path: "labels.jsonl", id: "{correlation}_{row}"}
`)
	for _, collection := range []string{"model_inputs", "model_outputs"} {
		folder := "mdc/m/blue/" + collection + "/2026/01/02/00"
		if err := os.MkdirAll(s.path(folder), 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			// More lies between the first and the last request than a half would wait in a log that is followed.
			at := start.Add(time.Duration(i) * 20 * time.Minute).Format(time.RFC3339)
			data := fmt.Sprintf(`[{"age":%d,"city":"Rome"},{"age":30,"city":"Oslo"}]`, 20+i)
			if collection == "model_outputs" {
				data = `[{"prediction":"no","score":0.2},{"prediction":"yes","score":0.8}]`
			}
			s.add(folder+"/x.jsonl", fmt.Sprintf(`{"correlationid":"c%d","time":%q,"data":%s}`+"\n", i, at, data))
		}
	}
	for i := range 50 {
		s.add("labels.jsonl", fmt.Sprintf(`{"correlation":"c%d","row":1,"timestamp":%q,"label":"no"}`+"\n",
			i, start.Add(time.Hour).Format(time.RFC3339)))
	}
	got := s.once()
	source := "source=" + s.path("mdc/m/blue/*/**/*.jsonl")
	got.want(t, 100, metric.SourceRecords, source)
	got.want(t, 0, metric.SourceErrors, source, "reason=join_timeout")
	got.want(t, 100, metric.Predictions, "version=blue")
	got.want(t, 50, metric.Labels, "outcome=joined")
	got.want(t, 1, metric.ErrorRatio, "window=24h", "version=blue")
}

// event is a CloudEvent of KServe's payload logger.
func event(i int, kind, body string) string {
	at := start.Add(time.Duration(i) * time.Second).Format(time.RFC3339)
	return fmt.Sprintf(`{"type":"org.kubeflow.serving.inference.%s","id":"e%d","time":%q,"inferenceservicename":"m","data":%s}`+"\n",
		kind, i, at, body)
}

func kserveRequest(i int) string {
	return event(i, "request", fmt.Sprintf(`{"instances":[{"age":%d,"city":"Rome"},{"age":%d,"city":"Oslo"}]}`, 20+i%50, 30+i%40))
}

func kserveResponse(i int) string {
	return event(i, "response", `{"predictions":[{"prediction":"no","score":0.2},{"prediction":"yes","score":0.8}]}`)
}

// A request alone says something of the features, and nothing of the predictions: they are not missing.
func TestLoneHalvesCountInTheirOwnColumnsOnly(t *testing.T) {
	s := platform(t, `    predictions: {path: "events.jsonl", preset: kserve, where: {model: m}}
`)
	for i := range 60 {
		s.add("events.jsonl", kserveRequest(i))
		if i >= 20 {
			s.add("events.jsonl", kserveResponse(i))
		}
	}
	for i := 60; i < 70; i++ {
		s.add("events.jsonl", kserveResponse(i))
	}
	s.add("events.jsonl", strings.ReplaceAll(kserveRequest(99), `"inferenceservicename":"m"`, `"inferenceservicename":"other"`))
	got := s.once()
	source := "source=" + s.path("events.jsonl")
	got.want(t, 140, metric.SourceRecords, source)
	got.want(t, 30, metric.SourceErrors, source, "reason=join_timeout")
	for _, column := range []string{"age", "city", "prediction", "score"} {
		got.want(t, 0, metric.MissingRatio, "window=24h", "column="+column)
	}
}

// What waits for its other half survives a restart.
func TestHalvesSurviveARestart(t *testing.T) {
	s := platform(t, `    predictions: {path: "events.jsonl", preset: kserve}
state: {path: state}
`)
	for i := range 50 {
		s.add("events.jsonl", kserveRequest(i))
	}
	synctest.Test(t, func(t *testing.T) {
		source := "source=" + s.path("events.jsonl")
		e, stop := s.follow(t)
		settle()
		gather(t, e).want(t, 0, metric.SourceRecords, source)
		stop()
		e, stop = s.follow(t)
		settle()
		for i := range 50 {
			s.add("events.jsonl", kserveResponse(i))
		}
		settle()
		got := gather(t, e)
		got.want(t, 100, metric.SourceRecords, source)
		got.want(t, 0, metric.SourceErrors, source, "reason=join_timeout")
		stop()
	})
}

func TestFeatureNamesOfAFile(t *testing.T) {
	s := platform(t, `    predictions: {path: "prod-blue-*.jsonl", preset: sagemaker, feature_names: statistics.json}
`)
	s.write("statistics.json", `{"features":[{"name":"age"},{"name":"city"}]}`)
	for i := range 50 {
		s.add("prod-blue-1.jsonl", captured(i))
	}
	s.once().want(t, 0, metric.MissingRatio, "window=24h", "column=city")
	s.write("statistics.json", `{"features":[]}`)
	err := s.exporter(time.Now).Once(t.Context())
	if err == nil || !strings.Contains(err.Error(), "it has no features") {
		t.Errorf("error %v", err)
	}
}
