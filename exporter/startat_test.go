package exporter

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
)

// startAt says for both logs of a site where reading begins.
func (s *site) startAt(at string) {
	s.configure(strings.ReplaceAll(withState, `jsonl"}`, `jsonl", start_at: `+at+`}`))
	s.write("config.yaml", strings.Replace(s.read("config.yaml"), `predictions*.jsonl"}`,
		`predictions*.jsonl", start_at: `+at+`}`, 1))
}

func (s *site) wantRecords(t *testing.T, got served, predictions, labels float64) {
	t.Helper()
	got.want(t, predictions, metric.SourceRecords, "source="+s.path("predictions*.jsonl"))
	got.want(t, labels, metric.SourceRecords, "source="+s.path("labels*.jsonl"))
}

// At the first start what there is is passed over; at every later one, nothing is.
func TestStartAtEnd(t *testing.T) {
	s := newSite(t, "")
	s.startAt("end")
	s.logs(0, 100)
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		settle()
		if got := gather(t, e); !e.Ready() {
			t.Error("not ready although there is nothing to read")
		} else {
			s.wantRecords(t, got, 0, 0)
		}
		s.logs(100, 110)
		settle()
		got := gather(t, e)
		s.wantRecords(t, got, 10, 10)
		got.want(t, 5, metric.LabeledPredictions, "version=1")
		stop()

		s.logs(110, 115)
		s.add("predictions-2.jsonl", prediction(115, ""))
		e, stop = s.follow(t)
		settle()
		got = gather(t, e)
		got.want(t, 1, metric.ModelsRestored)
		s.wantRecords(t, got, 16, 15)
		stop()

		// The state wins over what the file says now.
		s.startAt("beginning")
		e, stop = s.follow(t)
		settle()
		got = gather(t, e)
		got.want(t, 1, metric.ModelsRestored)
		s.wantRecords(t, got, 16, 15)
		stop()
	})
	s.startAt("end")
	s.wantRecords(t, s.once(), 116, 115) // which would else tell nothing
}

func TestParquetFilesThatStartAtTheEnd(t *testing.T) {
	s := newSite(t, "")
	s.startAt("end")
	s.write("config.yaml", strings.ReplaceAll(s.read("config.yaml"), "predictions*.jsonl", "predictions*.parquet"))
	source := "source=" + s.path("predictions*.parquet")
	s.write("predictions-1.parquet", parquetOf(t, 0, 100))
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		settle()
		gather(t, e).want(t, 0, metric.SourceRecords, source)
		s.write("predictions-2.parquet", parquetOf(t, 100, 150))
		settle()
		gather(t, e).want(t, 50, metric.SourceRecords, source)
		stop()
		s.write("predictions-3.parquet", parquetOf(t, 150, 160))
		e, stop = s.follow(t)
		settle()
		got := gather(t, e)
		got.want(t, 1, metric.ModelsRestored)
		got.want(t, 60, metric.SourceRecords, source)
		stop()
	})
}

// A record counts if its own time is at or behind that of the first start, less the duration.
func TestStartAtADurationBack(t *testing.T) {
	s := newSite(t, "")
	s.startAt("11h") // a site is followed from half a day after start on
	s.logs(0, 100)
	s.add("predictions-old.jsonl", "this file is never opened\n")
	day := start.Add(30 * time.Minute)
	if err := os.Chtimes(s.path("predictions-old.jsonl"), day, day); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, got served, predictions, labels float64) {
		t.Helper()
		s.wantRecords(t, got, predictions, labels)
		source := "source=" + s.path("predictions*.jsonl")
		got.want(t, 60, metric.SourceSkipped, source, "reason=start_at")
		got.want(t, 0, metric.SourceErrors, source, "reason=malformed")
		// Labels come an hour after their predictions.
		got.want(t, 0, metric.SourceSkipped, "source="+s.path("labels*.jsonl"), "reason=start_at")
	}
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		settle()
		check(t, gather(t, e), 40, 100)
		stop()

		// What divides the records stays.
		s.startAt("1s")
		s.logs(100, 110)
		time.Sleep(3 * time.Hour)
		e, stop = s.follow(t)
		settle()
		got := gather(t, e)
		got.want(t, 1, metric.ModelsRestored)
		check(t, got, 50, 110)
		stop()
	})
	s.startAt("23h") // it is read once a day after start
	check(t, s.once(), 50, 110)
}

func TestRecordsThatTheConfigurationLeavesOutAreCounted(t *testing.T) {
	s := newSite(t, "")
	s.write("config.yaml", strings.Replace(s.read("config.yaml"), `.jsonl"}`, `.jsonl", where: {tier: gold}}`, 1))
	for i := range 5 {
		s.add("predictions.jsonl", prediction(i, `,"tier":"gold"`))
		s.add("predictions.jsonl", prediction(100+i, `,"tier":"tin"`)+prediction(200+i, ""))
	}
	got := s.once()
	source := "source=" + s.path("predictions*.jsonl")
	got.want(t, 5, metric.SourceRecords, source)
	got.want(t, 10, metric.SourceSkipped, source, "reason=condition")
	got.want(t, 0, metric.SourceSkipped, source, "reason=start_at")
}
