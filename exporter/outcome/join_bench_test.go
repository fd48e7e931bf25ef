package outcome

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// manyIDs is how many ids wait in the benchmarks of a join. It is what a model with 100 predictions a second has whose
// labels take a day.
const manyIDs = 10_000_000

var benchLayout = Layout{Scores: true}

// filled returns a join in which the ids of many predictions wait for their labels, over a day.
func filled(b *testing.B) (j *Join, ids []uint64) {
	b.Helper()
	j = NewJoin(benchLayout, 30*24*time.Hour, 2*manyIDs)
	random := rand.New(rand.NewPCG(1, 2))
	ids = make([]uint64, manyIDs)
	for i := range ids {
		ids[i] = random.Uint64()
		j.AddPrediction(&Prediction{ID: ids[i], Time: int64(i) * int64(24*time.Hour/manyIDs), Score: 0.5})
	}
	return j, ids
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkJoinMany shows what a prediction and its label cost while ten million others wait, and the memory that an id
// takes. Labels come in random order.
func BenchmarkJoinMany(b *testing.B) {
	before := heap()
	j, ids := filled(b)
	perID := float64(heap()-before-8*manyIDs) / manyIDs
	random := rand.New(rand.NewPCG(3, 4))
	random.Shuffle(len(ids), func(a, c int) { ids[a], ids[c] = ids[c], ids[a] })
	const batch = 256 // as the exporter touches
	fresh, old := make([]uint64, batch), ids
	b.ReportAllocs()
	b.ResetTimer()
	at := int64(24 * time.Hour)
	for n := 0; n < b.N; n += batch {
		at += batch * int64(24*time.Hour/manyIDs)
		for i := range fresh {
			fresh[i] = random.Uint64()
		}
		j.Touch(fresh)
		for _, id := range fresh {
			j.AddPrediction(&Prediction{ID: id, Time: at, Score: 0.5})
		}
		if len(old) < batch {
			old = ids
		}
		j.Touch(old[:batch])
		for _, id := range old[:batch] {
			j.AddLabel(Label{ID: id, Time: at, Value: Value{Class: 1}})
		}
		old = old[batch:]
	}
	b.ReportMetric(perID, "bytes/id")
}

// BenchmarkJoinDump shows how long a checkpoint keeps a join of ten million ids from counting at a time, and how long
// it takes to load one.
func BenchmarkJoinDump(b *testing.B) {
	j, ids := filled(b)
	var pause, load time.Duration
	for b.Loop() {
		d := j.BeginDump()
		var parts [][]byte
		for more := true; more; {
			started := time.Now()
			var part []byte
			if part, more = d.Next(nil, 1<<20); !more {
				part = d.Last(part)
			}
			pause = max(pause, time.Since(started))
			parts = append(parts, part)
			for range 5000 { // what comes while a part is written
				id := ids[rand.IntN(len(ids))]
				j.AddLabel(Label{ID: id, Time: int64(24 * time.Hour)})
			}
		}
		started := time.Now()
		loaded := NewJoin(benchLayout, 30*24*time.Hour, 2*manyIDs)
		for _, part := range parts {
			if err := loaded.Load(part); err != nil {
				b.Fatal(err)
			}
		}
		load += time.Since(started)
		if loaded.Len() != manyIDs {
			b.Fatalf("loaded %d ids", loaded.Len())
		}
	}
	b.ReportMetric(float64(pause.Microseconds())/1e3, "ms/pause")
	b.ReportMetric(float64(load.Milliseconds())/float64(b.N), "ms/load")
}
