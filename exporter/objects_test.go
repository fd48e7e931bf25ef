package exporter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// parquetPrediction is what prediction writes.
type parquetPrediction struct {
	ID       string    `json:"id"            parquet:"id"`
	Time     time.Time `json:"timestamp"     parquet:"timestamp,timestamp(millisecond)"`
	Version  string    `json:"model_version" parquet:"model_version,dict"`
	Features struct {
		Age  int64  `json:"age"  parquet:"age"`
		City string `json:"city" parquet:"city,dict"`
	} `json:"features" parquet:"features"`
	Prediction string  `json:"prediction" parquet:"prediction,dict"`
	Score      float64 `json:"score"      parquet:"score"`
}

// parquetOf is a Parquet file of the predictions with these numbers.
func parquetOf(t testing.TB, from, to int) string {
	t.Helper()
	rows := make([]parquetPrediction, to-from)
	for i := range rows {
		if err := json.Unmarshal([]byte(prediction(from+i, fmt.Sprintf(`,"model_version":"%d"`, (from+i)%2))), &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[parquetPrediction](&out, parquet.MaxRowsPerRowGroup(70), parquet.Compression(&parquet.Snappy))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (s *site) configureParquet() {
	s.configure(withState)
	s.write("config.yaml", strings.ReplaceAll(s.read("config.yaml"), "predictions*.jsonl", "predictions*.parquet"))
}

// withoutSources leaves out what tells where files are, and which of two logs was read first.
func withoutSources(s served) served {
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(series string, _ float64) bool {
		for _, start := range []string{"drift_source_", "drift_labels_", "drift_model_info"} {
			if strings.HasPrefix(series, start) {
				return true
			}
		}
		return false
	})
	return s
}

func TestAParquetLogGivesTheSameMetrics(t *testing.T) {
	lines, tables := newSite(t, withState), newSite(t, withState)
	tables.configureParquet()
	lines.logs(0, 300)
	tables.logs(0, 300)
	tables.write("predictions-1.parquet", parquetOf(t, 0, 200))
	tables.write("predictions-2.parquet", parquetOf(t, 200, 300))
	synctest.Test(t, func(t *testing.T) {
		one, stopOne := lines.follow(t)
		two, stopTwo := tables.follow(t)
		settle()
		want, got := gather(t, one), gather(t, two)
		source := "source=" + tables.path("predictions*.parquet")
		got.want(t, 300, metric.SourceRecords, source)
		got.want(t, 1, metric.SourceUp, source)
		got.want(t, 0, metric.SourceLagBytes, source)
		wantSame(t, withoutSources(got), withoutSources(want))
		stopOne()
		stopTwo()
	})
}

// Files come, are renamed, are read while they are written, and break; the exporter is restarted in between. Every row
// counts once.
func TestParquetFilesCountOnce(t *testing.T) {
	s := newSite(t, withState)
	s.configureParquet()
	s.write("labels.jsonl", label(0, "no"))
	s.write("predictions-1.parquet", parquetOf(t, 0, 200))
	broken := []byte(parquetOf(t, 900, 1000))
	copy(broken[40:400], bytes.Repeat([]byte{0xff}, 360))
	late := parquetOf(t, 200, 300)
	source := "source=" + s.path("predictions*.parquet")
	synctest.Test(t, func(t *testing.T) {
		check := func(e *Exporter, records, malformed float64) {
			t.Helper()
			settle()
			g := gather(t, e)
			g.want(t, records, metric.SourceRecords, source)
			g.want(t, malformed, metric.SourceErrors, source, "reason=malformed")
			g.want(t, 0, metric.SourceErrors, source, "reason=duplicate")
		}
		e, stop := s.follow(t)
		check(e, 200, 0)
		if err := os.Rename(s.path("predictions-1.parquet"), s.path("predictions-0.parquet")); err != nil {
			t.Fatal(err)
		}
		s.write("predictions-2.parquet", late[:len(late)/2])
		time.Sleep(2500 * time.Millisecond) // less than until it is given up
		s.write("predictions-2.parquet", late)
		check(e, 300, 0)
		s.write("predictions-3.parquet", string(broken))
		check(e, 300, 1)
		stop()

		s.write("predictions-4.parquet", parquetOf(t, 300, 350))
		e, stop = s.follow(t)
		check(e, 350, 1)
		s.write("predictions-5.parquet", late[:len(late)/2])
		check(e, 350, 2)
		stop()

		e, stop = s.follow(t)
		check(e, 350, 2)
		s.write("predictions-5.parquet", parquetOf(t, 350, 400))
		check(e, 400, 2)
		stop()
	})
}

func TestOnceReadsParquet(t *testing.T) {
	s := newSite(t, withState)
	s.configureParquet()
	s.logs(0, 10)
	s.write("predictions-1.parquet", parquetOf(t, 0, 200))
	s.write("predictions-2.parquet", "no table")
	e := s.exporter(func() time.Time { return start.Add(24 * time.Hour) })
	if err := e.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := gather(t, e)
	source := "source=" + s.path("predictions*.parquet")
	g.want(t, 200, metric.SourceRecords, source)
	g.want(t, 1, metric.SourceErrors, source, "reason=malformed")
}
