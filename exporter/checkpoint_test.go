package exporter

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/metric"
	"github.com/drift-exporter/drift_exporter/exporter/stat"
	"github.com/drift-exporter/drift_exporter/exporter/state"
)

const withState = `    labels: {path: "labels*.jsonl"}
    windows: [1h, 24h]
    detectors: [adwin, ddm, eddm, hddm_a, hddm_w, page_hinkley]
    moving_reference: true
    slices: [city, [age, prediction]]
state: {path: state}
`

// settle lets a bubble's exporter read what there is and write a checkpoint of it.
func settle() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

// ofLogs leaves out what tells of a run and not of the logs.
func ofLogs(s served) served {
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(series string, _ float64) bool {
		for _, start := range []string{
			"drift_exporter_", "drift_source_last_record", "drift_last_label_read", "drift_last_prediction_read",
			"drift_source_read_bytes",
		} {
			if strings.HasPrefix(series, start) {
				return true
			}
		}
		return false
	})
	return s
}

func wantSame(t *testing.T, got, want served) {
	t.Helper()
	got, want = ofLogs(got), ofLogs(want)
	for series, value := range want {
		other, ok := got[series]
		if !ok || math.Abs(other-value) > 1e-12*max(1, math.Abs(value)) {
			t.Errorf("%s is %v (served: %t), want %v", series, other, ok, value)
		}
	}
	for series := range got {
		if _, ok := want[series]; !ok {
			t.Errorf("%s is served, and was not before", series)
		}
	}
	if len(want) < 100 {
		t.Errorf("only %d series were compared", len(want))
	}
}

// logs writes predictions and labels with these numbers.
func (s *site) logs(from, to int) {
	for i := from; i < to; i++ {
		s.add("predictions.jsonl", prediction(i, fmt.Sprintf(`,"model_version":"%d"`, i%2)))
		s.add("labels.jsonl", label(i, []string{"no", "yes"}[i%7/6]))
	}
}

// What has been counted is not in any log any more: it comes from the checkpoint.
func TestRestartGoesOnFromItsCheckpoint(t *testing.T) {
	s := newSite(t, withState)
	s.logs(0, 300)
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		settle()
		before := gather(t, e)
		before.want(t, 300, metric.SourceRecords, "source="+s.path("predictions*.jsonl"))
		stop()
		for _, log := range []string{"predictions.jsonl", "labels.jsonl"} {
			if err := os.Remove(s.path(log)); err != nil {
				t.Fatal(err)
			}
		}
		e, stop = s.follow(t)
		settle()
		after := gather(t, e)
		// The logs themselves are gone.
		for _, from := range []served{before, after} {
			maps.DeleteFunc(from, func(series string, _ float64) bool { return strings.HasPrefix(series, "drift_source_up") })
		}
		wantSame(t, after, before)
		after.want(t, 1, metric.ModelsRestored)
		after.want(t, 1, metric.CheckpointSuccess)

		s.logs(300, 310)
		settle()
		gather(t, e).want(t, 310, metric.SourceRecords, "source="+s.path("predictions*.jsonl"))
		stop()
	})
}

// A checkpoint that is broken is set aside; the one before serves, or else the logs.
func TestBrokenCheckpoints(t *testing.T) {
	for _, test := range []struct {
		name     string
		broken   []string
		restored float64
		torn     float64
	}{
		{"the newest one", []string{"checkpoint"}, 1, 1},
		{"both of them", []string{"checkpoint", "checkpoint.previous"}, 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, withState)
			s.logs(0, 100)
			synctest.Test(t, func(t *testing.T) {
				e, stop := s.follow(t)
				settle()
				s.logs(100, 150)
				settle()
				want := gather(t, e)
				stop()
				for _, name := range test.broken {
					whole := s.read("state/" + name)
					s.write("state/"+name, whole[:len(whole)/2])
				}
				e, stop = s.follow(t)
				settle()
				got := gather(t, e)
				if test.restored == 0 {
					// Which labels came before their prediction depends on which log was read first.
					for _, from := range []served{got, want} {
						maps.DeleteFunc(from, func(series string, _ float64) bool { return strings.HasPrefix(series, "drift_labels_") })
					}
				}
				got.want(t, test.restored, metric.ModelsRestored)
				got.want(t, test.torn, metric.CheckpointsRejected, "reason=torn")
				wantSame(t, got, want)
				stop()
			})
		})
	}
}

// What was counted in the cells of one reference means nothing in those of another.
func TestStateOfAnotherReferenceIsNotUsed(t *testing.T) {
	s := newSite(t, withState)
	s.logs(0, 100)
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		settle()
		gather(t, e).want(t, 0, metric.ModelsRestored)
		stop()
		s.write("reference.csv", s.read("reference.csv")+"77,Bern,no,0.1,no\n")
		e, stop = s.follow(t)
		settle()
		got := gather(t, e)
		got.want(t, 0, metric.ModelsRestored)
		got.want(t, 100, metric.SourceRecords, "source="+s.path("predictions*.jsonl"))
		stop()

		// What only says where logs are and what is shown is no other model.
		s.configure("    min_records: 20\n    depends_on: [orders, fraud]\n" + withState)
		e, stop = s.follow(t)
		settle()
		got = gather(t, e)
		got.want(t, 1, metric.ModelsRestored)
		got.want(t, 1, metric.ModelDependency, "depends_on=fraud")
		got.want(t, 1, metric.ModelDependency, "depends_on=orders")
		stop()
	})
}

// Where no state can be kept, all else goes on, and it is said.
func TestStateFolderThatCannotBeWritten(t *testing.T) {
	s := newSite(t, withState)
	s.logs(0, 100)
	s.write("state", "a file, not a folder")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		e, stop := s.followWith(t, logger)
		settle()
		got := gather(t, e)
		got.want(t, 100, metric.SourceRecords, "source="+s.path("predictions*.jsonl"))
		got.want(t, 0, metric.CheckpointSuccess)
		if failures, ok := got.find(metric.CheckpointFailures); !ok || failures == 0 {
			t.Errorf("%v failures are counted", failures)
		}
		got.wantNone(t, metric.CheckpointTime)

		if err := os.Remove(s.path("state")); err != nil {
			t.Fatal(err)
		}
		settle()
		gather(t, e).want(t, 1, metric.CheckpointSuccess)
		stop()
		if text := log.String(); !strings.Contains(text, "No checkpoint can be written") ||
			!strings.Contains(text, s.path("state")) || !strings.Contains(text, "can be written again") {
			t.Errorf("the log says\n%s", text)
		}
	})
}

func TestStateIsUsedByOneExporter(t *testing.T) {
	s := newSite(t, withState)
	s.logs(0, 30)
	synctest.Test(t, func(t *testing.T) {
		_, stop := s.follow(t)
		settle()
		second := s.exporter(time.Now)
		if err := second.Run(t.Context()); err == nil || !strings.Contains(err.Error(), s.path("state")) {
			t.Errorf("a second exporter with the same state ends with %v", err)
		}
		stop()
	})
}

// A model that begins anew at a reload is in the next checkpoint, beside those that go on.
func TestReloadAndCheckpoints(t *testing.T) {
	s := newSite(t, withState)
	s.logs(0, 100)
	synctest.Test(t, func(t *testing.T) {
		e, stop := s.follow(t)
		settle()
		s.configure("    cut_points: 100\n" + withState)
		if err := e.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		settle()
		want := gather(t, e)
		stop()
		e, stop = s.follow(t)
		settle()
		got := gather(t, e)
		got.want(t, 1, metric.ModelsRestored)
		wantSame(t, got, want)
		stop()
	})
}

// newSaved returns a model that has counted logs and was evaluated, and what builds it anew.
func newSaved(t *testing.T) (m *model, build func() *model) {
	t.Helper()
	s := newSite(t, withState)
	s.logs(0, 60)
	e := s.exporter(func() time.Time { return start.Add(time.Hour) })
	build = func() *model {
		m, err := newModel(&e.config.Load().Models[0], false, e.options.Now, e.options.Logger)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m = build()
	m.run(t.Context())
	m.evaluate(start.Add(time.Hour))
	return m, build
}

// Whatever a part of a checkpoint holds, it gives a model or an error, and no panic. The parts are too large for a fuzz
// test to get anywhere.
func TestRestoreSurvivesBrokenBytes(t *testing.T) {
	m, build := newSaved(t)
	parts := partsOf(t, m)
	random := rand.New(rand.NewPCG(5, 6))
	restored, refused := 0, 0
	for n := range 400 {
		r := &restoration{model: build()}
		broken := random.IntN(len(parts))
		for i, part := range parts {
			if i == broken && n > 0 {
				part = slices.Clone(part)
				for range 1 + random.IntN(3) {
					part[random.IntN(len(part))] = byte(random.Uint32())
				}
				if random.IntN(4) == 0 {
					part = part[:random.IntN(len(part))]
				}
			}
			r.add(part)
		}
		ok, why := r.usable()
		if !ok {
			refused++
			if n == 0 {
				t.Fatalf("what was saved cannot be loaded: %s", why)
			}
			continue
		}
		restored++
		r.evaluate(start.Add(time.Hour))
	}
	if restored < 20 || refused < 20 {
		t.Errorf("%d parts were restored and %d refused, too few to show anything", restored, refused)
	}
}

// partsOf returns the parts of a cut of a model that counts no more.
func partsOf(t *testing.T, m *model) [][]byte {
	t.Helper()
	var parts [][]byte
	if err := m.write(newCut(nil), func(part ...[]byte) error {
		parts = append(parts, slices.Concat(part...))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return parts
}

// What has been simulated for noise floors is in a checkpoint, but a checkpoint without it, or with that of another
// version of the program, is as good.
func TestNoiseFloorsAreRestored(t *testing.T) {
	m, build := newSaved(t)
	parts := partsOf(t, m)
	at := slices.IndexFunc(parts, func(part []byte) bool { return part[0] == noisePart })
	simulated := func(m *model) []byte {
		var e state.Encoder
		m.general.saveNoise(&e)
		return bytes.Join(e.Parts(), nil)
	}
	want := simulated(m)
	if none := simulated(build()); len(want) < len(none)+100 {
		t.Fatalf("%d bytes of noise floors after an evaluation, %d before", len(want), len(none))
	}
	for name, c := range map[string]struct {
		parts [][]byte
		known bool
	}{
		"whole":              {parts, true},
		"without floors":     {slices.Delete(slices.Clone(parts), at, at+1), false},
		"of another version": {slices.Replace(slices.Clone(parts), at, at+1, []byte{noisePart, stat.FloorsVersion + 1, 7}), false},
	} {
		r := &restoration{model: build()}
		for _, part := range c.parts {
			r.add(part)
		}
		if ok, why := r.usable(); !ok {
			t.Errorf("%s: %s", name, why)
			continue
		}
		if got := bytes.Equal(simulated(r.model), want); got != c.known {
			t.Errorf("%s: the floors are known: %t, want %t", name, got, c.known)
		}
		if r.evaluate(start.Add(time.Hour)); !bytes.Equal(simulated(r.model), want) {
			t.Errorf("%s: after an evaluation there are other floors than before", name)
		}
	}
}
