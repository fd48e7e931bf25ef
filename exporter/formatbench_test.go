//go:build unix

package exporter

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// userTime is the processor time that the process has spent outside the kernel, in all threads.
func userTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}

// BenchmarkFormats reads the same records as JSON Lines, CSV and Parquet: decoded only, and counted in windows, without
// the reference and the statistics, which are the same for all. Compare user-ns/record within one run.
func BenchmarkFormats(b *testing.B) {
	dir := b.TempDir()
	writeBenchmarkLog(b, dir, *benchRecords)
	writeBenchmarkParquet(b, dir)
	for _, name := range []string{"jsonl", "csv", "parquet"} {
		log := filepath.Join(dir, "predictions."+name)
		config := filepath.Join(dir, "config.yaml")
		text := fmt.Sprintf("models: [{name: fraud, reference: {path: reference.csv}, predictions: {path: %s}}]\n", log)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		e, err := New(Options{ConfigFile: config, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		build := func() *model {
			models, err := e.build(e.config.Load(), false)
			if err != nil {
				b.Fatal(err)
			}
			return models[0]
		}
		measure := func(b *testing.B, before func(), read func() int) {
			var user time.Duration
			for b.Loop() {
				b.StopTimer()
				before()
				runtime.GC()
				started := userTime(b)
				b.StartTimer()
				if n := read(); n != *benchRecords {
					b.Fatalf("read %d records, want %d", n, *benchRecords)
				}
				user += userTime(b) - started
			}
			b.ReportMetric(float64(user)/float64(b.N)/float64(*benchRecords), "user-ns/record")
		}
		p := build().pipelines[0]
		b.Run("decoded/"+name, func(b *testing.B) {
			measure(b, func() {}, func() int { return decodeFile(b, log, p.format, p.schema) })
		})
		b.Run("counted/"+name, func(b *testing.B) {
			var m *model
			measure(b, func() { m = build() }, func() int {
				m.run(b.Context())
				return int(m.pipelines[0].records)
			})
		})
	}
}

// decodeFile decodes a file and returns how many rows it has.
func decodeFile(b *testing.B, path string, format decode.Format, schema *record.Schema) (rows int) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var batch record.Batch
	if format.Split != nil {
		decoder := format.New(schema, 0)
		err := decode.ReadChunks(f, format, path, func(c *decode.Chunk) error {
			decoder.Decode(c.Header, c.Data, &batch)
			rows += batch.Rows
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		return rows
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	p := decode.NewParquet(schema, 0)
	if err := p.Open(path, f, info.Size()); err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for {
		if err := p.Next(&batch); errors.Is(err, io.EOF) {
			return rows
		} else if err != nil {
			b.Fatal(err)
		}
		rows += batch.Rows
	}
}
