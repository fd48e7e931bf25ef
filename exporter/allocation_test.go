package exporter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// On their way from a block of a log to the windows, records take no memory of their own: what is allocated is for panes
// and names, however many records there are.
func TestCountingDoesNotAllocateForRecords(t *testing.T) {
	s := newSite(t, "")
	s.write("predictions.jsonl", "")
	e := s.exporter(func() time.Time { return start.Add(time.Hour) })
	models, err := e.build(e.config.Load(), false)
	if err != nil {
		t.Fatal(err)
	}
	m := models[0]
	p := m.pipelines[0]
	decoder := p.format.New(p.schema, m.seed)
	var log strings.Builder
	const records = 1000
	for i := range records {
		fmt.Fprintf(&log, `{"timestamp":%q,"features":{"age":%d.5,"city":"Rome"},"prediction":"no","score":0.%d}`+"\n",
			start.Format(time.RFC3339), 20+i%50, 1+i)
	}
	data := append([]byte(log.String()), make([]byte, decode.Padding)...)[:log.Len()]
	l := &load{pipeline: p, block: &source.Block{Data: data, File: "predictions.jsonl"}}
	count := func() {
		decoder.Decode(nil, data, &l.batch)
		m.consume(l)
	}
	count() // makes the version, its windows and all buffers
	before := m.monitors[0].predictions
	const runs = 10
	if n := testing.AllocsPerRun(runs, count); n != 1 {
		t.Errorf("counting %d records took %g allocations, want 1 for the name of the object of the features", records, n)
	}
	if got := m.monitors[0].predictions - before; got != (runs+1)*records {
		t.Errorf("%d predictions were counted, want %d", got, (runs+1)*records)
	}
}
