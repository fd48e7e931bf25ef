package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	// asTorture is the environment variable that says how many records are written.
	asTorture = "DRIFT_EXPORTER_TORTURE"
	// fewRecords are written without it.
	fewRecords = 200_000
	writers    = 8
	// patience is after how many polls a writer no longer waits for its records to be counted.
	patience = 5_000
)

// Eight writers rotate their logs in every way there is while one source reads them as fast as it can, dies again and
// again and goes on from its last checkpoint. Each record is counted once.
//
// A writer does what a logger with logrotate does: it writes nothing between a copy and the truncation behind it, for
// such records would be in neither file, and it deletes only what has been counted, as one who keeps archives for long
// enough.
func TestRotationTorture(t *testing.T) {
	records := fewRecords
	if text := os.Getenv(asTorture); text != "" {
		var err error
		if records, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", asTorture, err)
		}
	}
	a := newArena(t, records/writers)
	started := time.Now()
	var group sync.WaitGroup
	for _, w := range a.writers {
		group.Go(w.run)
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	a.read(done)
	a.check()
	t.Logf("%d records in %d rotations, read in %d blocks over %d polls through %d deaths, in %v",
		records/writers*writers, a.rotations(), a.blocks, a.polls, a.deaths, time.Since(started).Round(time.Millisecond))
}

// arena is where writers and a reader meet.
type arena struct {
	t       *testing.T
	dir     string
	each    int
	writers []*writer
	random  *rand.Rand // of the reader

	mutex sync.Mutex
	moved *sync.Cond // a poll has ended
	// counted has a bit for each record that is in a checkpoint, by writer, and sums how many these are.
	counted [writers][]uint64
	sums    [writers]int
	twice   int
	alien   int
	// pending are the records that were emitted since the last checkpoint.
	pending       [][2]int
	known, newest map[uint64]Position
	dead          bool // what is emitted is lost
	fuse          int  // blocks until death
	polls         int
	blocks        int
	deaths        int
	over          bool // nobody waits any more
}

func newArena(t *testing.T, each int) *arena {
	a := &arena{
		t: t, dir: t.TempDir(), each: each, random: rand.New(rand.NewPCG(8, 0)),
		known: make(map[uint64]Position), newest: make(map[uint64]Position),
	}
	a.moved = sync.NewCond(&a.mutex)
	for i := range writers {
		a.counted[i] = make([]uint64, (each+63)/64)
		w := &writer{
			arena: a, number: i, dir: filepath.Join(a.dir, fmt.Sprint("w", i)), random: rand.New(rand.NewPCG(8, uint64(i+1))),
		}
		a.writers = append(a.writers, w)
	}
	return a
}

func (a *arena) rotations() (sum int) {
	for _, w := range a.writers {
		sum += w.rotations
	}
	return sum
}

// read runs one source after the other until the writers are done and all is counted, or nothing more is.
func (a *arena) read(done <-chan struct{}) {
	rest := patience
	for rest > 0 {
		ctx, cancel := context.WithCancel(a.t.Context())
		tick := make(chan time.Time)
		s := New(Options{
			Pattern: filepath.Join(a.dir, "**", "*.log*"), Follow: true, EachLine: true, BlockSize: 32 << 10, Tick: tick,
			Resume: slices.Collect(maps.Values(a.known)),
		})
		free := make(chan *Block, 2)
		free <- new(Block)
		free <- new(Block)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(ctx, free, func(b *Block) {
				a.take(b)
				free <- b
			})
		}()
		a.light()
		for alive := true; alive && rest > 0; {
			select {
			case tick <- time.Time{}:
			case <-ended:
				a.t.Fatal("the source has ended")
			}
			alive = a.endPoll()
			select {
			case <-done:
				// Some more polls show whether anything is read twice.
				if rest = min(rest-1, patience-1); a.complete() {
					rest = min(rest, 2*lingerPolls)
				}
			default:
			}
		}
		cancel()
		<-ended
		a.bury(s)
	}
}

// light decides when the source will die.
func (a *arena) light() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.dead, a.fuse = false, 20+a.random.IntN(500)
}

// take notes what a block has.
func (a *arena) take(b *Block) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.fuse--; a.fuse < 0 {
		a.dead = true
	}
	if a.dead {
		return
	}
	a.blocks++
	for line := range bytes.Lines(b.Data) {
		writer, number, ok := parseRecord(line)
		if !ok || writer >= writers || number >= a.each {
			if a.alien++; a.alien < 5 {
				a.t.Errorf("%s: read %q, which was never written", b.File, line)
			}
			continue
		}
		a.pending = append(a.pending, [2]int{writer, number})
	}
	a.newest[b.Position.Content] = b.Position
	for _, content := range b.Forgotten {
		delete(a.newest, content)
	}
	if a.fuse%64 == 0 {
		a.checkpoint()
	}
}

// parseRecord reads a line as writer.record writes it.
func parseRecord(line []byte) (writer, number int, ok bool) {
	if len(line) < 9 || string(line[:5]) != `{"w":` || line[6] != ' ' || line[len(line)-1] != '\n' ||
		line[len(line)-2] != '}' {
		return 0, 0, false
	}
	for _, c := range line[7:] {
		if c == ' ' {
			return int(line[5] - '0'), number, true
		}
		if c < '0' || c > '9' {
			break
		}
		number = 10*number + int(c-'0')
	}
	return 0, 0, false
}

// checkpoint counts what is pending for good.
func (a *arena) checkpoint() {
	for _, r := range a.pending {
		word, bit := &a.counted[r[0]][r[1]/64], uint64(1)<<(r[1]%64)
		if *word&bit != 0 {
			if a.twice++; a.twice < 5 {
				a.t.Errorf("record %d of writer %d is counted twice", r[1], r[0])
			}
			continue
		}
		*word |= bit
		a.sums[r[0]]++
	}
	a.pending = a.pending[:0]
	a.known = maps.Clone(a.newest)
}

// endPoll writes a checkpoint and lets writers go on that wait for it. It reports whether the source is still alive.
func (a *arena) endPoll() bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if !a.dead {
		a.checkpoint()
	}
	a.polls++
	a.moved.Broadcast()
	return !a.dead
}

// bury gives up what a source has read since the last checkpoint.
func (a *arena) bury(s *Files) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.dead {
		a.deaths++
	} else if lag := s.Stats().LagBytes; lag != 0 {
		a.t.Errorf("lag is %d bytes after the last poll, want 0", lag)
	}
	a.pending, a.newest = a.pending[:0], maps.Clone(a.known)
}

func (a *arena) complete() bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return !slices.ContainsFunc(a.sums[:], func(sum int) bool { return sum < a.each })
}

// check says which records are missing.
func (a *arena) check() {
	for i, words := range a.counted {
		said := 0
		for number := range a.each {
			if words[number/64]>>(number%64)&1 == 0 && said < 5 {
				said++
				a.t.Errorf("record %d of writer %d is missing", number, i)
			}
		}
		sum := 0
		for _, word := range words {
			sum += bits.OnesCount64(word)
		}
		if sum != a.each || a.writers[i].written != a.each {
			a.t.Errorf("of writer %d %d records are counted, %d were written, want %d", i, sum, a.writers[i].written, a.each)
		}
	}
	if a.twice > 0 || a.alien > 0 {
		a.t.Errorf("%d records were counted twice, %d were never written", a.twice, a.alien)
	}
}

// writer writes the records of one program into a log of its own, app.log, or in a tree of dates.
type writer struct {
	*arena
	number    int
	dir       string
	random    *rand.Rand
	path      string // of the log
	out       *os.File
	rest      []byte // of a record whose beginning is written
	written   int    // records begun
	rotations int
	archives  []string // the oldest first
	hours     int
}

func (w *writer) must(err error) {
	if err != nil {
		w.t.Errorf("writer %d: %v", w.number, err)
		panic(err)
	}
}

func (w *writer) run() {
	w.must(os.MkdirAll(w.dir, 0o700))
	w.log("app.log")
	// Each log is rotated about two hundred times.
	between := max(w.each/200, 1)
	for next := 0; w.written < w.each; {
		if w.written >= next {
			next = w.written + between/2 + w.random.IntN(between)
			if w.written > 0 {
				w.rotate()
			}
		}
		w.append(1 + w.random.IntN(100))
	}
	w.finish()
	w.must(w.out.Close())
}

// log begins a log, or goes on in one.
func (w *writer) log(name string) {
	w.path = filepath.Join(w.dir, name)
	var err error
	w.out, err = os.OpenFile(w.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	w.must(err)
}

// append writes up to n records in one go, of which the last one may lack its end.
func (w *writer) append(n int) {
	b := w.rest
	for range min(n, w.each-w.written) {
		b = fmt.Appendf(b, `{"w":%d %d %0*d}`+"\n", w.number, w.written, 20+w.random.IntN(40), 0)
		w.written++
	}
	whole := len(b)
	if w.random.IntN(2) == 0 {
		whole -= w.random.IntN(40)
	}
	_, err := w.out.Write(b[:max(whole, 0)])
	w.must(err)
	w.rest = slices.Clone(b[max(whole, 0):])
}

func (w *writer) finish() {
	_, err := w.out.Write(w.rest)
	w.must(err)
	w.rest = nil
}

// await waits until all that was written has been counted.
func (w *writer) await() {
	w.finish()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for until := w.polls + patience; w.sums[w.number] < w.written && w.polls < until && !w.over; {
		w.moved.Wait()
	}
	if w.sums[w.number] < w.written && !w.over {
		w.over = true
		w.t.Errorf("of writer %d %d of %d records are counted, and nothing more comes", w.number, w.sums[w.number], w.written)
	}
}

// rotate begins a new log in one of the ways there are.
func (w *writer) rotate() {
	w.rotations++
	switch w.random.IntN(7) {
	case 0:
		w.shift(false)
	case 1:
		w.shift(true)
	case 2:
		w.copyAndTruncate()
	case 3:
		w.empty()
	case 4:
		w.recreate()
	case 5:
		w.nextHour()
	default:
		w.stamp()
	}
	if len(w.archives) > 4 && w.random.IntN(2) == 0 {
		w.pack(w.random.IntN(len(w.archives)-1), w.random.IntN(3) > 0)
	}
	if len(w.archives) > 12 {
		w.await()
		for _, path := range w.archives[:8] {
			w.must(os.Remove(path))
		}
		w.archives = slices.Delete(w.archives, 0, 8)
	}
}

// rename moves the log, to which the program may still write for a while, and begins a new one.
func (w *writer) rename(to string) {
	old, rest := w.out, w.rest
	w.must(os.Rename(w.path, to))
	w.rest = nil
	w.log(filepath.Base(w.path))
	w.archives = append(w.archives, to)
	if w.random.IntN(2) == 0 {
		w.append(1 + w.random.IntN(50))
	}
	_, err := old.Write(rest)
	w.must(err)
	w.must(old.Close())
}

// shift renames app.log.2 to app.log.3, app.log.1 to app.log.2, and the log to app.log.1, compressed ones among them.
func (w *writer) shift(packed bool) {
	w.leaveTree()
	for n := 30; n > 0; n-- {
		for _, ending := range []string{"", ".gz", ".zst"} {
			from := fmt.Sprintf("%s.%d%s", w.path, n, ending)
			if _, err := os.Stat(from); err != nil {
				continue
			}
			to := fmt.Sprintf("%s.%d%s", w.path, n+1, ending)
			w.must(os.Rename(from, to))
			w.archives[slices.Index(w.archives, from)] = to
		}
	}
	w.rename(w.path + ".1")
	if packed {
		w.pack(len(w.archives)-1, true)
	}
}

// stamp renames the log to a name with a number that no other one has.
func (w *writer) stamp() {
	w.leaveTree()
	w.rename(fmt.Sprintf("%s-%06d.log", w.path, w.rotations))
}

// copyAndTruncate is what logrotate does for programs that cannot reopen their log.
func (w *writer) copyAndTruncate() {
	w.leaveTree()
	w.finish()
	to := fmt.Sprintf("%s-%06d.log", w.path, w.rotations)
	w.must(copyFile(w.path, to))
	w.must(w.out.Truncate(0))
	w.archives = append(w.archives, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 32<<10)); err != nil {
		return err
	}
	return out.Close()
}

// empty truncates a log that has been counted.
func (w *writer) empty() {
	w.await()
	info, err := w.out.Stat()
	w.must(err)
	w.must(w.out.Truncate(0))
	// A log of the same size within one tick of the file system's clock would look unchanged.
	for {
		w.append(10)
		w.finish()
		if now, err := w.out.Stat(); err != nil || now.Size() != info.Size() {
			w.must(err)
			return
		}
	}
}

// recreate removes a log that has been counted, and begins it anew.
func (w *writer) recreate() {
	w.await()
	w.must(w.out.Close())
	w.must(os.Remove(w.path))
	w.log(filepath.Base(w.path))
}

// nextHour goes on in the file of the next hour, in the folder of its day. The one before gets no end of its own.
func (w *writer) nextHour() {
	w.finish()
	w.must(w.out.Close())
	if filepath.Base(w.path) != "app.log" { // which is gone on in later
		w.archives = append(w.archives, w.path)
	}
	w.hours++
	at := time.Date(2026, 12, 30, w.hours, 0, 0, 0, time.UTC)
	w.dir = filepath.Join(w.arena.dir, fmt.Sprint("w", w.number), at.Format("2006/01/02"))
	w.must(os.MkdirAll(w.dir, 0o700))
	w.log(at.Format("15") + ".log")
}

// leaveTree goes back to app.log.
func (w *writer) leaveTree() {
	if filepath.Base(w.path) == "app.log" {
		return
	}
	w.finish()
	w.must(w.out.Close())
	w.archives = append(w.archives, w.path)
	w.dir = filepath.Join(w.arena.dir, fmt.Sprint("w", w.number))
	w.log("app.log")
}

// pack compresses an archive beside itself, by gzip or zstd, and then removes it.
func (w *writer) pack(k int, asGzip bool) {
	path := w.archives[k]
	if ending := filepath.Ext(path); ending == ".gz" || ending == ".zst" {
		return
	}
	to := path + ".zst"
	if asGzip {
		to = path + ".gz"
	}
	in, err := os.Open(path)
	w.must(err)
	defer in.Close()
	out, err := os.Create(to)
	w.must(err)
	var z io.WriteCloser = gzip.NewWriter(out)
	if !asGzip {
		z, err = zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithWindowSize(64<<10))
		w.must(err)
	}
	_, err = io.Copy(z, in)
	w.must(err)
	w.must(z.Close())
	w.must(out.Close())
	w.must(os.Remove(path))
	w.archives[k] = to
}
