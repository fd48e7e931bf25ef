package mapping_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// benchmark decodes a block of a log over and over; a record is a request with its response.
func benchmark(b *testing.B, preset string, line string, records int) {
	s := spec(b, preset)
	s.Names = irisNames
	format, err := mapping.Format(s, now)
	if err != nil {
		b.Fatal(err)
	}
	schema := irisSchema()
	decoder := format.New(schema, seed)
	assembler := mapping.NewAssembler(s, schema)
	const lines = 500
	data := append(bytes.Repeat([]byte(line), lines), make([]byte, decode.Padding)...)[:lines*len(line)]
	var in, out record.Batch
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		decoder.Decode(nil, data, &in)
		if assembler != nil {
			assembler.Add(&in, &out, math.MaxInt64)
		}
	}
	b.ReportMetric(float64(b.N*lines*records)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkSageMakerCSV(b *testing.B) {
	benchmark(b, "sagemaker", `{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"5.9,3.0,4.2,1.5\n","encoding":"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT","data":"1","encoding":"CSV"}},"eventMetadata":{"eventId":"00000000-0000-4000-8000-000000000002","customAttributes":["tenant=acme"],"inferenceId":"req-0002","inferenceTime":"2026-03-14T09:26:54Z"},"eventVersion":"0"}
`, 1)
}

func BenchmarkKServeV2(b *testing.B) {
	benchmark(b, "kserve", `{"specversion":"1.0","type":"org.kubeflow.serving.inference.request","source":"http://localhost:9081/","id":"req-0001","time":"2026-03-14T09:26:53Z","datacontenttype":"application/json","inferenceservicename":"iris","namespace":"prod","component":"predictor","endpoint":"default","metadata":"{}","data":{"id":"req-0001","inputs":[{"name":"input-0","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}}
{"specversion":"1.0","type":"org.kubeflow.serving.inference.response","source":"http://localhost:9081/","id":"req-0001","time":"2026-03-14T09:26:53Z","datacontenttype":"application/json","inferenceservicename":"iris","namespace":"prod","component":"predictor","endpoint":"default","metadata":"{}","data":{"model_name":"iris","model_version":"3","id":"req-0001","outputs":[{"name":"predict","shape":[1],"datatype":"INT64","data":[1]}]}}
`, 1)
}

func BenchmarkApplicationLog(b *testing.B) {
	benchmark(b, "app-json", `{"time":"2026-03-14T09:26:53Z","level":"INFO","msg":"prediction","request_id":"req-0001","row":0,"model":"iris","version":"3","features":{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2},"prediction":0}
`, 1)
}
