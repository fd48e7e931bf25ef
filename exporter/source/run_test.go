package source

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnce(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		files   map[string]string
		want    []string
	}{
		{
			"files are read in the order of their paths",
			Options{Pattern: "**"},
			map[string]string{"b": "b1\nb2\n", "a/c": "c1\n", "a/b/d": "d1\n"},
			[]string{"a/b/d: d1", "a/c: c1", "b: b1", "b: b2"},
		},
		{
			"a file without a last newline gets it",
			Options{},
			map[string]string{"a.log": "1\n2", "b.log": "3"},
			[]string{"a.log: 1", "a.log: 2", "b.log: 3"},
		},
		{"an empty file has no records", Options{}, map[string]string{"a.log": "", "b.log": "\n"}, []string{"b.log: "}},
		{
			"a last line of just the limit is too long without its newline as with it",
			Options{MaxRecord: 4, BlockSize: 2},
			map[string]string{"a.log": "123\n1234", "b.log": "1234\n123"},
			[]string{"a.log: 123", "a.log: too long", "b.log: too long", "b.log: 123"},
		},
		{"no file ends the run", Options{}, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, test.options)
			for name, text := range test.files {
				r.write(name, text)
			}
			free := make(chan *Block, 1)
			free <- new(Block)
			r.source.Run(t.Context(), free, func(b *Block) { r.take(b); free <- b })
			r.want(test.want...)
			<-r.source.CaughtUp()
			if stats := r.source.Stats(); stats.LagBytes != 0 || stats.Up != (len(test.files) > 0) {
				t.Errorf("statistics after the run: %+v", stats)
			}
			if len(r.source.open) != 0 {
				t.Error("files are open after the run")
			}
		})
	}
}

func TestRunFollowsItsTicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{Follow: true, PollInterval: time.Minute})
		r.write("x.log", "0\n")
		// Each record makes the next one, which thus is read a minute later.
		free := make(chan *Block, 1)
		free <- new(Block)
		ctx, cancel := context.WithTimeout(t.Context(), 210*time.Second)
		defer cancel()
		r.source.Run(ctx, free, func(b *Block) {
			r.take(b)
			r.write("x.log", fmt.Sprintln(len(r.blocks)))
			free <- b
		})
		r.want("x.log: 0", "x.log: 1", "x.log: 2", "x.log: 3")
	})
}

func TestRunHandsBlocksToWorkersAndStopsWhenTold(t *testing.T) {
	const records = 5000
	r := newRig(t, Options{Follow: true, Tick: make(chan time.Time), BlockSize: 256})
	var text strings.Builder
	for i := range records {
		fmt.Fprintf(&text, "%d\n", i)
	}
	r.write("x.log", text.String())
	free, full := make(chan *Block, 3), make(chan *Block, 3)
	for range cap(free) {
		free <- new(Block)
	}
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		for b := range full {
			r.take(b)
			if stats := r.source.Stats(); !stats.Up || stats.LagBytes >= int64(text.Len()) {
				t.Errorf("statistics while reading: %+v", stats)
			}
			free <- b
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		r.source.Run(ctx, free, func(b *Block) { full <- b })
	}()
	<-r.source.CaughtUp()
	cancel()
	<-ran
	close(full)
	<-worked
	if len(r.records) != records || r.records[records-1] != fmt.Sprintf("x.log: %d", records-1) {
		t.Errorf("got %d records, want %d", len(r.records), records)
	}
}

func TestRunWaitsForFreeBlocksAndStopsThereToo(t *testing.T) {
	r := newRig(t, Options{BlockSize: 4})
	r.write("x.log", "1\n2\n3\n4\n5\n6\n")
	ctx, cancel := context.WithCancel(t.Context())
	free := make(chan *Block, 2)
	free <- new(Block)
	free <- new(Block)
	r.source.Run(ctx, free, func(b *Block) {
		if r.take(b); len(r.blocks) == 2 {
			cancel()
		}
	})
	r.want("x.log: 1", "x.log: 2", "x.log: 3", "x.log: 4")
	select {
	case <-r.source.CaughtUp():
		t.Error("caught up with two records unread")
	default:
	}
	if lag := r.source.Stats().LagBytes; lag != 4 {
		t.Errorf("lag is %d bytes, want 4", lag)
	}
}

func TestErrorsAreShownAndLoggedOnceAMinute(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := newRig(t, Options{
		Follow: true,
		Now:    func() time.Time { return now },
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	r.write("x.log", "1\n")
	r.must(os.Symlink("loop.log", r.path("loop.log"))) // cannot be looked at, by root either
	for range 90 {
		r.poll()
		now = now.Add(time.Second)
	}
	r.want("x.log: 1")
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings in 90 seconds of errors, want 2:\n%s", n, &log)
	}
	if stats := r.source.Stats(); stats.Up || stats.Files != 1 || !strings.Contains(stats.LastError, "loop.log") {
		t.Errorf("statistics with an error: %+v", stats)
	}
	r.remove("loop.log")
	r.poll()
	if stats := r.source.Stats(); !stats.Up || stats.LastError != "" {
		t.Errorf("statistics after the error: %+v", stats)
	}
}

func TestErrorsHideNoOtherFiles(t *testing.T) {
	tests := []struct {
		name string
		lock string
		want []string
	}{
		{"an unreadable file", "b.log", []string{"a/x.log: a1", "c.log: c1"}},
		{"an unreadable directory", "a", []string{"b.log: b1", "c.log: c1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if os.Geteuid() == 0 {
				t.Skip("root may read everything")
			}
			r := newRig(t, Options{Pattern: "**/*.log", Follow: true})
			r.write("a/x.log", "a1\n")
			r.write("b.log", "b1\n")
			r.write("c.log", "c1\n")
			r.must(os.Chmod(r.path(test.lock), 0))
			t.Cleanup(func() { r.must(os.Chmod(r.path(test.lock), 0o755)) })
			r.poll()
			r.want(test.want...)
			if stats := r.source.Stats(); stats.Up || stats.LastError == "" {
				t.Errorf("statistics with an error: %+v", stats)
			}
			r.must(os.Chmod(r.path(test.lock), 0o755))
			r.poll()
			if len(r.records) != 1 || !r.source.Stats().Up {
				t.Errorf("after the error: records %q, statistics %+v", r.records, r.source.Stats())
			}
		})
	}
}

func TestBadPatternIsAnError(t *testing.T) {
	r := newRig(t, Options{Pattern: "[.log"})
	r.poll()
	if stats := r.source.Stats(); stats.Up || !strings.Contains(stats.LastError, "[.log") {
		t.Errorf("statistics with a bad pattern: %+v", stats)
	}
}

// An error must not pass for a removal: the file would be read again when the error is over.
func TestHiddenFilesAreNotForgotten(t *testing.T) {
	r := newRig(t, Options{Pattern: "d/*.log", Follow: true})
	r.write("d/x.log", "1\n")
	r.poll()
	r.rename("d", "away")
	r.must(os.Symlink("d", r.path("d"))) // a loop: neither there nor gone
	r.linger()
	r.linger()
	r.remove("d")
	r.rename("away", "d")
	r.write("d/x.log", "2\n")
	r.poll()
	r.want("d/x.log: 1", "d/x.log: 2")
	r.wantStats(Stats{Up: true, Bytes: 4, Files: 1})
}

func TestReadingAllocatesNothingPerBlock(t *testing.T) {
	allocations := func(blocks int) float64 {
		name := filepath.Join(t.TempDir(), "x.log")
		line := slices.Concat(bytes.Repeat([]byte("x"), 99), []byte("\n"))
		if err := os.WriteFile(name, bytes.Repeat(line, blocks*40), 0o644); err != nil {
			t.Fatal(err)
		}
		free := make(chan *Block, 1)
		free <- new(Block)
		return testing.AllocsPerRun(3, func() {
			New(Options{Pattern: name, BlockSize: 4 << 10}).Run(t.Context(), free, func(b *Block) { free <- b })
		})
	}
	if few, many := allocations(10), allocations(1000); many > few+10 {
		t.Errorf("%v allocations for 10 blocks, %v for 1000", few, many)
	}
}

func BenchmarkRead(b *testing.B) {
	const size = 64 << 20
	name := filepath.Join(b.TempDir(), "x.log")
	line := slices.Concat(bytes.Repeat([]byte("x"), 511), []byte("\n"))
	if err := os.WriteFile(name, bytes.Repeat(line, size/len(line)), 0o644); err != nil {
		b.Fatal(err)
	}
	free := make(chan *Block, 1)
	free <- new(Block)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		blocks, total := 0, 0
		New(Options{Pattern: name}).Run(b.Context(), free, func(block *Block) {
			blocks++
			total += len(block.Data)
			free <- block
		})
		if total != size {
			b.Fatalf("read %d bytes, want %d", total, size)
		}
		b.ReportMetric(float64(blocks), "blocks/op")
	}
}

// BenchmarkPollIdle is a poll of files that do not grow.
func BenchmarkPollIdle(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.log", i)), []byte("x\n"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	s := New(Options{Pattern: dir + "/*.log", Follow: true})
	free := make(chan *Block, 1)
	free <- new(Block)
	s.free, s.emit = free, func(block *Block) { free <- block }
	defer s.closeAll()
	s.poll(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		s.poll(b.Context())
	}
}
