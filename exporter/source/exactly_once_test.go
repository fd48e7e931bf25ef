package source

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// generation is one content of a log, from its first record to rotation.
type generation struct {
	id     int
	count  int    // records begun
	size   int    // bytes written
	owed   string // the rest of a record whose beginning is written
	polled bool   // with a file
}

// world writes logs and rotates them as loggers and logrotate do, and remembers what a source must have read.
type world struct {
	*rig
	random      *rand.Rand
	fewHandles  bool
	current     map[string]*generation
	generations []*generation
	tooLong     int
	names       int
	archives    []string // rotated files that match the pattern and get nothing more
	settled     int      // blocks whose records are nowhere else any more
	outside     bool     // a file that is still read has left the pattern
}

func (w *world) pollAll() {
	w.poll()
	for _, g := range w.current {
		g.polled = g.size > 0
	}
}

// begin starts a new content for a log.
func (w *world) begin(log string) {
	g := &generation{id: len(w.generations)}
	w.generations = append(w.generations, g)
	w.current[log] = g
}

func (w *world) text(log, text string) {
	w.write(log, text)
	w.current[log].size += len(text)
}

// finish writes the end of a record that is only begun.
func (w *world) finish(log string) {
	g := w.current[log]
	w.text(log, g.owed)
	g.owed = ""
}

// append writes some records, the last of them perhaps in part.
func (w *world) append(log string) {
	g := w.current[log]
	w.finish(log)
	for range 1 + w.random.IntN(6) {
		if w.random.IntN(20) == 0 {
			w.tooLong++
			w.text(log, fmt.Sprintf("%d %s\n", w.tooLong, strings.Repeat("too long ", 40)))
			continue
		}
		w.text(log, w.record(g))
	}
	if w.random.IntN(2) == 0 {
		record := w.record(g)
		cut := w.random.IntN(len(record))
		w.text(log, record[:cut])
		g.owed = record[cut:]
	}
}

// record returns the next record: its generation, its number and some two-byte characters.
func (w *world) record(g *generation) string {
	g.count++
	// Real records are longer than a few bytes.
	return fmt.Sprintf("%d %d %s\n", g.id, g.count-1, strings.Repeat("é", leastContent/2+w.random.IntN(40)))
}

// rotate renames a log. Its writer may go on for a while.
func (w *world) rotate(log string) {
	w.names++
	to := fmt.Sprintf("%s.%d", log, w.names)
	if w.current[log].polled && !w.fewHandles && w.random.IntN(4) == 0 {
		to = "old/" + to // out of the pattern, which only an open file survives
		w.outside = true
	} else {
		w.archives = append(w.archives, to)
	}
	owed := w.current[log].owed
	w.rename(log, to)
	w.begin(log)
	if w.random.IntN(2) == 0 {
		w.append(log)
	}
	if w.random.IntN(2) == 0 {
		w.pollAll()
	}
	w.write(to, owed)
}

// copyAndTruncate copies a log into a file that matches the pattern, and empties it.
func (w *world) copyAndTruncate(log string) {
	w.finish(log)
	w.names++
	to := fmt.Sprintf("%s.%d", log, w.names)
	data, err := os.ReadFile(w.path(log))
	w.must(err)
	half := w.random.IntN(len(data) + 1)
	w.write(to, string(data[:half]))
	w.maybePoll()
	w.write(to, string(data[half:]))
	w.maybePoll()
	w.truncate(log)
	w.archives = append(w.archives, to)
	w.begin(log)
	if w.random.IntN(2) == 0 {
		w.append(log)
	}
}

// pack compresses an archive beside itself and then removes it.
func (w *world) pack() {
	if len(w.archives) == 0 {
		return
	}
	k := w.random.IntN(len(w.archives))
	name := w.archives[k]
	w.archives = append(w.archives[:k], w.archives[k+1:]...)
	data, err := os.ReadFile(w.path(name))
	w.must(err)
	packed, ending := string(compress(data)), ".gz"
	if w.random.IntN(2) == 0 {
		packed, ending = string(compressZstd(w.t, data)), ".zst"
	}
	half := w.random.IntN(len(packed))
	w.write(name+ending, packed[:half])
	w.maybePoll()
	w.write(name+ending, packed[half:])
	w.maybePoll()
	w.remove(name)
}

// compress packs data in pieces, each of which can be unpacked when the next one is not there yet.
func compress(data []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	for piece := range slices.Chunk(data, 100) {
		_, _ = z.Write(piece) // a buffer takes everything
		_ = z.Flush()
	}
	_ = z.Close()
	return out.Bytes()
}

// compressZstd does the same with zstd.
func compressZstd(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	// Who reads it has to keep a window, which is 8 MiB by default.
	z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10))
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(data, 100) {
		_, _ = z.Write(piece) // a buffer takes everything
		_ = z.Flush()
	}
	_ = z.Close()
	return out.Bytes()
}

func (w *world) maybePoll() {
	if w.random.IntN(2) == 0 {
		w.pollAll()
	}
}

// die ends the source when only some of its blocks have been counted, and goes on while nothing reads.
func (w *world) die() {
	if w.outside {
		w.linger() // what has left the pattern can be read only by who has it open
		w.outside, w.settled = false, len(w.taken)
	}
	w.kill(w.settled + w.random.IntN(len(w.taken)-w.settled+1))
	for _, g := range w.current {
		g.polled = false // the new source has no file open
	}
	for range w.random.IntN(4) {
		log := []string{"a.log", "b.log", "c.log"}[w.random.IntN(3)]
		if _, err := os.Stat(w.path(log)); err != nil {
			w.append(log)
			continue
		}
		switch w.random.IntN(4) {
		case 0:
			to := fmt.Sprintf("%s.%d", log, w.names+1)
			w.names++
			w.finish(log)
			w.rename(log, to)
			w.archives = append(w.archives, to)
			w.begin(log)
		case 1:
			w.finish(log)
			data, err := os.ReadFile(w.path(log))
			w.must(err)
			w.names++
			to := fmt.Sprintf("%s.%d", log, w.names)
			w.write(to, string(data))
			w.truncate(log)
			w.archives = append(w.archives, to)
			w.begin(log)
		default:
			w.append(log)
		}
	}
	w.settled = min(w.settled, len(w.taken))
}

// empty truncates a log whose records all have been read, as copytruncate does.
func (w *world) empty(log string) {
	w.finish(log)
	w.pollAll()
	w.settled = len(w.taken)
	w.truncate(log)
	size := w.current[log].size
	w.begin(log)
	if w.random.IntN(2) == 0 {
		return
	}
	w.append(log)
	if w.current[log].size == size {
		w.append(log) // the same size within one tick of the file system's clock would look unchanged
	}
}

// delete removes a log. What was written since the last poll is only in the open file.
func (w *world) delete(log string) {
	w.finish(log)
	if !w.current[log].polled || w.fewHandles {
		w.pollAll()
	}
	w.outside = true
	w.remove(log)
	w.begin(log)
	if w.random.IntN(2) == 0 {
		w.append(log)
	}
}

func (w *world) step() {
	logs := []string{"a.log", "b.log", "c.log"}
	log := logs[w.random.IntN(len(logs))]
	if _, err := os.Stat(w.path(log)); err != nil {
		w.append(log)
		return
	}
	switch w.random.IntN(16) {
	case 0:
		w.rotate(log)
	case 1:
		w.empty(log)
	case 2:
		w.delete(log)
	case 3, 4:
		w.copyAndTruncate(log)
	case 5, 6:
		w.pack()
	case 7:
		w.die()
	case 8, 9, 10, 11:
		w.pollAll()
	default:
		w.append(log)
	}
}

// Whatever happens to the files, each record is read once and in order.
func TestExactlyOnceUnderAnySchedule(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := newRig(t, Options{Follow: true, BlockSize: 64, MaxRecord: 256})
			w := &world{
				rig:        r,
				random:     rand.New(rand.NewPCG(seed, 0)),
				current:    make(map[string]*generation),
				fewHandles: seed%3 == 0,
			}
			if w.fewHandles {
				r.source.maxOpen = 1
			}
			for _, log := range []string{"a.log", "b.log", "c.log"} {
				w.begin(log)
			}
			for range 120 {
				w.step()
			}
			for log := range w.current {
				w.finish(log)
			}
			w.poll()
			w.linger()
			w.check()
		})
	}
}

// check compares what was read with what was written.
func (w *world) check() {
	w.t.Helper()
	next := make([]int, len(w.generations))
	tooLong := 0
	for _, record := range w.records {
		_, record, _ = strings.Cut(record, ": ")
		if record == "too long" {
			tooLong++
			continue
		}
		var id, number int
		if _, err := fmt.Sscan(record, &id, &number); err != nil {
			w.t.Fatalf("read %q, which was never written", record)
		}
		if number != next[id] {
			w.t.Fatalf("read record %d of content %d, want %d", number, id, next[id])
		}
		next[id]++
	}
	for _, g := range w.generations {
		if next[g.id] != g.count {
			w.t.Errorf("read %d records of content %d, want %d", next[g.id], g.id, g.count)
		}
	}
	if tooLong != w.tooLong {
		w.t.Errorf("%d records too long, want %d", tooLong, w.tooLong)
	}
	if lag := w.source.Stats().LagBytes; lag != 0 {
		w.t.Errorf("lag is %d bytes after the last poll, want 0", lag)
	}
}
