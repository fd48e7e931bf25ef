// Package source finds and follows the files that match a pattern and cuts them into blocks of whole records. It knows
// how far each file was read and nothing about what the bytes mean.
//
// Files are polled, never watched: polling behaves the same on every file system and costs one stat a file. Within a
// run every complete record is handed over exactly once and in the order of its file, whether the file grows, is
// renamed, is replaced under its name, or is emptied and written anew. What cannot be seen cannot be read: bytes that
// are written and truncated between two polls, and a file that appears and leaves the pattern between two polls. With
// more files than are kept open, the same holds for what an idle file gains just before it leaves the pattern. A copy
// that a copy-and-truncate rotation leaves behind is known by what it holds if the pattern matches it; of one that is
// not matched, the same holds.
package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

const (
	// lingerPolls is for how many polls without growth a file that left the pattern is still read. A program goes on
	// writing to a renamed log until it is told to reopen it, and a file that is being renamed while a directory is
	// listed may be missing from that listing under both names.
	lingerPolls = 3
	// maxOpen bounds the number of open files.
	maxOpen = 256
	// logInterval is the least time between two log messages about errors.
	logInterval = time.Minute
)

// Options says which files to read and how to cut them.
type Options struct {
	// Pattern is a glob over paths, in which ** stands for any number of directories.
	Pattern string
	// Stream is read once to its end, unpacked if it is compressed, in the place of files; Pattern only names it then. Nil
	// stands for files.
	Stream *os.File
	// Header says that the first record of each file is a header: it is in Block.Header of all of the file's blocks and
	// never in Block.Data.
	Header bool
	// Split returns the length of the longest prefix of data that is whole records, 0 if there is none. Data begins at
	// the beginning of a record. Behind a record that is too long, reading goes on after its next newline of any kind, be
	// it within another record. Bytes that are no whole record at the end of a file get a newline if they have none.
	// Default SplitLines.
	Split func(data []byte) int
	// MaxRecord is the length in bytes, newline included, beyond which a record is passed over. Default 1 MiB.
	MaxRecord int
	// BlockSize is the most that is read at once, in bytes; only a longer record gets a larger block. It is at most
	// MaxRecord. Default 256 KiB.
	BlockSize int
	// EachLine says that every newline ends a record, as SplitLines does, so that reading can begin behind any.
	EachLine bool
	// Resume is where an earlier run has got to, by its blocks' positions. Contents of other numbers get higher ones.
	Resume []Position
	// AtEnd passes over what the files hold at the first poll, unless one of them is known from Resume. A block with
	// Began tells when that is done. It has no meaning without Follow, nor for a stream.
	AtEnd bool
	// Since leaves files alone that have not been written to since then. The zero time leaves none alone.
	Since time.Time
	// Follow keeps reading what files gain. Without it every file is read once to its end.
	Follow bool
	// PollInterval is the time between two looks at the files. Default 1s.
	PollInterval time.Duration
	// Tick starts a poll with each value; nil stands for a ticker of PollInterval. The first poll needs no tick.
	Tick <-chan time.Time
	// Now tells the time for the pace of log messages. Default time.Now.
	Now func() time.Time
	// Logger gets errors, at most one a minute, and the life of files. Default: none.
	Logger *slog.Logger
}

// Stats is how the source is doing.
type Stats struct {
	// Up says that at least one file matches and that the last poll had no error.
	Up bool
	// Bytes is the number of bytes read.
	Bytes uint64
	// LagBytes is the number of bytes that the files had at the last poll and that have not been read yet.
	LagBytes int64
	// LagRecords is the number of messages that a topic had at the last look and that have not been read yet.
	LagRecords int64
	// Files is the number of files that match.
	Files int
	// Truncations counts the times that a file was found emptied or with another content, and read from its beginning.
	Truncations uint64
	// Rotations counts the times that a file left the path at which it was read: renamed, replaced or removed.
	Rotations uint64
	// LastError is the first error of the last poll, empty if there was none.
	LastError string
}

// Files is a source of growing files. Run reads; the other methods may be called at any time from any goroutine.
type Files struct {
	options  Options
	maxOpen  int
	caughtUp chan struct{}

	// These belong to Run.
	free    <-chan *Block
	emit    func(*Block)
	spare   *Block             // taken from free and not filled yet
	files   []*file            // in the order in which they were found
	byPath  map[string]*file   // by the path where the file was last seen
	byInode map[uint64][]*file // by inode number, which is unique only within a file system
	open    []*file            // files with a handle, least recently read first
	// contents is the highest number of a content. gone are positions in contents whose files are gone, the oldest first,
	// and forgotten the numbers of those that have become too many since the last block.
	contents  uint64
	gone      []Position
	forgotten []uint64
	polled    bool      // a poll has ended
	passing   bool      // what is read now is passed over
	failure   error     // first error of this poll
	logged    time.Time // when an error was last logged

	up                     atomic.Bool
	bytes                  atomic.Uint64
	lag, matches           atomic.Int64
	truncations, rotations atomic.Uint64
	lastError              atomic.Pointer[string]
}

// New returns a source that reads nothing before Run.
func New(o Options) *Files {
	if o.Split == nil {
		o.Split = SplitLines
	}
	if o.MaxRecord <= 0 {
		o.MaxRecord = 1 << 20
	}
	if o.BlockSize <= 0 {
		o.BlockSize = 256 << 10
	}
	// With no buffer longer than MaxRecord, no record beyond it fits into one: the limit needs no check of its own.
	o.BlockSize = min(o.BlockSize, o.MaxRecord)
	if o.PollInterval <= 0 {
		o.PollInterval = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Files{
		options:  o,
		maxOpen:  maxOpen,
		caughtUp: make(chan struct{}),
		byPath:   make(map[string]*file),
		byInode:  make(map[uint64][]*file),
	}
	for _, p := range o.Resume {
		s.contents = max(s.contents, p.Content)
		s.remember(p)
	}
	return s
}

// Run reads until ctx is done or, without Options.Follow, until every file has been read to its end. It fills blocks
// that it takes from free, waiting for one where it must, and hands each to emit, which owns it from then on and sends
// it to free when done with it. The number of blocks in circulation thus bounds memory; free must not be closed. Files
// found by one poll are read in the lexical order of their paths, and before those that a later poll finds. Errors are
// logged, shown by Stats, and tried again at the next poll. Run may be called once.
func (s *Files) Run(ctx context.Context, free <-chan *Block, emit func(*Block)) {
	s.free, s.emit = free, emit
	if s.options.Stream != nil {
		s.runStream(ctx)
		return
	}
	defer s.closeAll()
	tick := s.options.Tick
	if tick == nil && s.options.Follow {
		ticker := time.NewTicker(s.options.PollInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	s.poll(ctx)
	if ctx.Err() != nil {
		return
	}
	close(s.caughtUp)
	for s.options.Follow {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			s.poll(ctx)
		}
	}
}

// CaughtUp is closed when all files that existed at the start have been read to their end, also if there is none.
func (s *Files) CaughtUp() <-chan struct{} { return s.caughtUp }

// Stats returns how the source is doing now.
func (s *Files) Stats() Stats {
	stats := Stats{
		Up:          s.up.Load(),
		Bytes:       s.bytes.Load(),
		LagBytes:    s.lag.Load(),
		Files:       int(s.matches.Load()),
		Truncations: s.truncations.Load(),
		Rotations:   s.rotations.Load(),
	}
	if text := s.lastError.Load(); text != nil {
		stats.LastError = *text
	}
	return stats
}

// poll looks for files once and reads what they have gained.
func (s *Files) poll(ctx context.Context) {
	s.failure = nil
	s.discover()
	s.identify()
	matches := 0
	for _, f := range s.files {
		if f.missing == 0 {
			matches++
		}
	}
	s.matches.Store(int64(matches))
	if !s.polled {
		// The first pass may take minutes, in which the source is not down.
		s.up.Store(matches > 0 && s.failure == nil)
	}
	s.files = slices.DeleteFunc(s.files, func(f *file) bool { return f.ended })
	beginning := s.options.AtEnd && !s.polled
	s.passing = beginning && !slices.ContainsFunc(s.files, func(f *file) bool { return f.position.Offset > 0 })
	for _, f := range s.files {
		s.visit(ctx, f)
		if ctx.Err() != nil {
			return
		}
	}
	if beginning && !s.beginAtEnd(ctx) {
		return
	}
	s.files = slices.DeleteFunc(s.files, func(f *file) bool { return f.ended })
	s.polled = true
	if matches > 0 && s.failure == nil { // else they may only be out of reach
		s.forgetGone()
	}
	s.up.Store(matches > 0 && s.failure == nil)
	text := ""
	if s.failure != nil {
		text = s.failure.Error()
	}
	s.lastError.Store(&text)
}

// fail notes an error of this poll.
func (s *Files) fail(err error) {
	if s.failure == nil {
		s.failure = err
	}
	if now := s.options.Now(); s.logged.IsZero() || now.Sub(s.logged) >= logInterval {
		s.logged = now
		s.options.Logger.Warn("Cannot read all of the source, will try again", "pattern", s.options.Pattern, "err", err)
	}
}

// discover lists the files and finds out which of them are known, renamed, new and gone.
func (s *Files) discover() {
	for _, f := range s.files {
		f.seen = false
	}
	type stranger struct {
		path string
		info os.FileInfo
	}
	var strangers []stranger
	for _, path := range s.list() {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed or removed since it was listed, as rotation does
		}
		if err != nil {
			s.fail(fmt.Errorf("looking at a file: %w", err))
			continue
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if f := s.byPath[path]; f != nil && os.SameFile(f.info, info) {
			s.see(f, path, info)
			continue
		}
		strangers = append(strangers, stranger{path, info})
	}
	// A file that still is where it was is known by now, so that another name for it, a link, does not move it.
	for _, c := range strangers {
		switch f := s.find(c.info); {
		case f == nil:
			s.add(c.path, c.info)
		case !f.seen:
			s.see(f, c.path, c.info)
		}
	}
	for _, f := range s.files {
		if !f.seen && f.missing == 0 {
			s.lose(f)
		}
	}
}

// list returns the paths that match the pattern, those of a rotated log from the oldest on.
func (s *Files) list() []string {
	paths, err := doublestar.FilepathGlob(s.options.Pattern, doublestar.WithFailOnIOErrors())
	if err != nil {
		s.fail(fmt.Errorf("listing %q: %w", s.options.Pattern, err))
		// One directory that cannot be read must not hide the others.
		paths, _ = doublestar.FilepathGlob(s.options.Pattern)
	}
	slices.SortFunc(paths, rotatedOrder)
	return paths
}

// find returns the known file that info describes, nil if there is none.
func (s *Files) find(info os.FileInfo) *file {
	for _, f := range s.byInode[inode(info)] {
		if os.SameFile(f.info, info) {
			return f
		}
	}
	return nil
}

// add makes a file known.
func (s *Files) add(path string, info os.FileInfo) {
	f := &file{info: info}
	number := inode(info)
	s.files = append(s.files, f)
	s.byInode[number] = append(s.byInode[number], f)
	s.see(f, path, info)
	s.options.Logger.Debug("Found a file", "file", path, "bytes", info.Size())
}

// see notes that a file is at a path now.
func (s *Files) see(f *file, path string, info os.FileInfo) {
	if f.path != path {
		if f.path != "" && f.missing == 0 {
			s.rotate(f)
		}
		s.unname(f)
		f.path = path
		s.byPath[path] = f
	}
	f.seen, f.missing, f.info = true, 0, info
	if f.decided {
		s.measure(f, info.Size())
	}
}

// lose notes that no path leads to a file any more, if that is so and not merely hidden by an error.
func (s *Files) lose(f *file) {
	info, err := os.Stat(f.path)
	switch {
	case err == nil && os.SameFile(f.info, info):
		return
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		s.fail(fmt.Errorf("looking at a file: %w", err))
		return
	}
	f.missing = 1
	s.rotate(f)
}

func (s *Files) rotate(f *file) {
	s.rotations.Add(1)
	s.options.Logger.Debug("File was renamed, replaced or removed", "file", f.path)
}

// unname frees the path of a file, unless another file has it already.
func (s *Files) unname(f *file) {
	if s.byPath[f.path] == f {
		delete(s.byPath, f.path)
	}
}

// forget drops a file for good.
func (s *Files) forget(f *file) {
	s.shut(f)
	s.unname(f)
	number := inode(f.info)
	rest := slices.DeleteFunc(s.byInode[number], func(g *file) bool { return g == f })
	if s.byInode[number] = rest; len(rest) == 0 {
		delete(s.byInode, number)
	}
	s.measure(f, 0)
	f.ended = true
	if f.decided {
		s.remember(f.full())
	}
}

// measure sets the size up to which a file is to be read and carries the change into the lag.
func (s *Files) measure(f *file, size int64) {
	f.size = size
	lag := max(0, f.size-f.offset)
	if f.packed {
		// How much it holds is not known before it was read: until then it counts as it is.
		lag = size
		if f.ended || f.seenAt.is(f.info) {
			lag = 0
		}
	}
	s.lag.Add(lag - f.lag)
	f.lag = lag
}

// take returns a free block, nil if ctx ends before there is one.
func (s *Files) take(ctx context.Context) *Block {
	if b := s.spare; b != nil {
		s.spare = nil
		return b
	}
	select {
	case b := <-s.free:
		return b
	case <-ctx.Done():
		return nil
	}
}

// beginAtEnd emits where all files are that have been passed over. It returns false if ctx ended first.
func (s *Files) beginAtEnd(ctx context.Context) bool {
	b := s.take(ctx)
	if b == nil {
		return false
	}
	b.reserve(0)
	b.set(0, 0)
	*b = Block{Data: b.Data, Began: true, buffer: b.buffer}
	for _, f := range s.files {
		if s.passing && f.position.Offset > 0 {
			b.Passed = append(b.Passed, f.full())
		}
	}
	s.passing = false
	s.options.Logger.Info("Beginning at the end of what there is", "pattern", s.options.Pattern, "files", len(b.Passed))
	s.emit(b)
	return true
}

// hand emits a block of f, or keeps it for the next time if it says nothing.
func (s *Files) hand(f *file, b *Block) {
	if s.passing {
		f.started = f.position.Offset > 0
		s.spare = b
		return
	}
	if len(b.Data) == 0 && b.TooLong == 0 {
		s.spare = b
		return
	}
	b.Position = f.full()
	b.Forgotten, s.forgotten = s.forgotten, nil
	b.File, b.Header, b.First = f.path, f.header, !f.started
	b.Began, b.Passed = false, nil
	f.started = true
	s.emit(b)
	runtime.Gosched() // lets a waiting scrape run between two blocks while catching up
}
