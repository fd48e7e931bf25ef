package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Objects is a source of files that are written once and read as a whole, such as Parquet files. A file is read when it
// has appeared, or has another content; who reads it says whether it is complete. Of a file that is not, reading is
// tried again whenever it has changed, and it is given up when it has not changed for some polls.
type Objects struct {
	options  Options
	caughtUp chan struct{}

	// These belong to Run.
	read     func(context.Context, *Object) error
	giveUp   func(context.Context, *Object, error)
	began    func(context.Context, []Position)
	polled   bool              // a poll has ended
	found    map[string]*found // by path
	known    []Position        // of all contents, the longest known first
	contents uint64
	failure  error
	logged   time.Time

	up      atomic.Bool
	bytes   atomic.Uint64
	lag     atomic.Int64
	matches atomic.Int64
	last    atomic.Pointer[string]
}

// Object is a file to be read.
type Object struct {
	File *os.File
	Path string
	Size int64
	// Position says which content it is. Its Offset is in records here: how many have been counted. Who reads the file
	// moves it on. Skipping says that the rest is given up.
	Position Position
	// Forgotten are the numbers of contents whose positions need not be kept any longer.
	Forgotten []uint64
}

// found is a file at a path.
type found struct {
	info  os.FileInfo
	polls int // since it was last tried, and had not changed
	err   error
	done  bool
}

// What of a file tells its content from others, beside its size: so much of its beginning and its end.
const objectHead, objectTail = 64 << 10, 1 << 20

// NewObjects returns a source; nothing is read before Run. Of the options Pattern, Resume, AtEnd, Since, Follow,
// PollInterval, Tick, Now and Logger matter.
func NewObjects(o Options) *Objects {
	if o.PollInterval <= 0 {
		o.PollInterval = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Objects{options: o, caughtUp: make(chan struct{}), found: make(map[string]*found), known: slices.Clone(o.Resume)}
	for _, p := range o.Resume {
		s.contents = max(s.contents, p.Content)
	}
	return s
}

// Run reads until ctx is done or, without Options.Follow, until every file has been read. It calls read for each file,
// in the lexical order of their paths. An error says that the file is not complete; giveUp is called for a file for
// which that stays so. Under Options.AtEnd, began is called with the positions of the files that are passed over before
// any other. Run may be called once.
func (s *Objects) Run(ctx context.Context, read func(context.Context, *Object) error,
	giveUp func(context.Context, *Object, error), began func(context.Context, []Position),
) {
	s.read, s.giveUp, s.began = read, giveUp, began
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

// CaughtUp is closed when all files that existed at the start have been read or cannot be read yet, also if there is
// none.
func (s *Objects) CaughtUp() <-chan struct{} { return s.caughtUp }

// Stats returns how the source is doing now.
func (s *Objects) Stats() Stats {
	stats := Stats{
		Up: s.up.Load(), Bytes: s.bytes.Load(), LagBytes: s.lag.Load(), Files: int(s.matches.Load()),
	}
	if text := s.last.Load(); text != nil {
		stats.LastError = *text
	}
	return stats
}

func (s *Objects) poll(ctx context.Context) {
	s.failure = nil
	paths, err := doublestar.FilepathGlob(s.options.Pattern, doublestar.WithFailOnIOErrors())
	if err != nil {
		s.fail(fmt.Errorf("listing %q: %w", s.options.Pattern, err))
		paths, _ = doublestar.FilepathGlob(s.options.Pattern) // without what cannot be listed
	}
	slices.Sort(paths)
	todo := s.discover(paths)
	s.up.Store(len(s.found) > 0 && s.failure == nil)
	if s.options.AtEnd && !s.polled {
		s.beginAtEnd(ctx, todo)
	}
	s.polled = true
	for _, path := range todo {
		if ctx.Err() != nil {
			return
		}
		s.visit(ctx, path)
	}
	s.up.Store(len(s.found) > 0 && s.failure == nil)
	text := ""
	if s.failure != nil {
		text = s.failure.Error()
	}
	s.last.Store(&text)
}

// discover notes what is at the paths, and returns those at which there is something to be read.
func (s *Objects) discover(paths []string) (todo []string) {
	seen := make(map[string]bool)
	lag := int64(0)
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			s.fail(fmt.Errorf("looking at a file: %w", err))
			continue
		}
		seen[path] = true
		f := s.found[path]
		if f == nil || !stampOf(f.info).is(info) || !os.SameFile(f.info, info) {
			f = &found{info: info}
			s.found[path] = f
		} else {
			f.polls++
		}
		f.done = f.done || info.ModTime().Before(s.options.Since)
		if !f.done {
			lag += info.Size()
			todo = append(todo, path)
		}
	}
	for path := range s.found {
		if !seen[path] {
			delete(s.found, path)
		}
	}
	s.matches.Store(int64(len(s.found)))
	s.lag.Store(lag)
	return todo
}

// beginAtEnd passes over all files, unless one of them is known already.
func (s *Objects) beginAtEnd(ctx context.Context, paths []string) {
	last, positions := s.contents, make(map[string]Position)
	for _, path := range paths {
		o, err := s.open(path, s.found[path].info)
		if err != nil {
			s.fail(fmt.Errorf("looking at a file: %w", err))
		}
		if o == nil {
			continue
		}
		_ = o.File.Close() // it was only looked at
		if o.Position.Content <= last {
			s.began(ctx, nil)
			return
		}
		o.Position.Skipping = true
		positions[path] = o.Position
	}
	var passed []Position
	for _, path := range paths {
		if p, ok := positions[path]; ok {
			s.known, passed = append(s.known, p), append(passed, p)
			s.found[path].done = true
			s.lag.Add(-s.found[path].info.Size())
		}
	}
	s.options.Logger.Info("Beginning at the end of what there is", "pattern", s.options.Pattern, "files", len(passed))
	s.began(ctx, passed)
}

// visit reads a file, or waits for it to be complete.
func (s *Objects) visit(ctx context.Context, path string) {
	f := s.found[path]
	if f.done {
		return // passed over
	}
	if f.err != nil && f.polls < lingerPolls {
		return
	}
	o, err := s.open(path, f.info)
	if err != nil {
		s.fail(fmt.Errorf("reading a file: %w", err))
		return
	}
	if o == nil {
		return
	}
	file := o.File
	defer file.Close()
	if !o.Position.Skipping {
		err = s.read(ctx, o)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil && f.err == nil && s.options.Follow {
		f.err, f.polls = err, 0
		s.options.Logger.Debug("A file is not complete, waiting for the rest", "file", path, "err", err)
		return
	}
	if err != nil {
		o.Position.Skipping = true
		s.giveUp(ctx, o, err)
	}
	s.remember(o)
	f.done = true
	s.bytes.Add(uint64(o.Size))
	s.lag.Add(-o.Size)
}

// open opens a file and finds out what its content is. It returns nil if another file is at the path now.
func (s *Objects) open(path string, info os.FileInfo) (*Object, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now, err := file.Stat()
	if err == nil && (!os.SameFile(now, info) || !stampOf(info).is(now)) {
		_ = file.Close() // it was only looked at; the next poll sees what it is
		return nil, nil
	}
	o := &Object{File: file, Path: path, Size: info.Size()}
	if err == nil {
		o.Position, err = s.identify(file, path, info)
	}
	if err != nil {
		_ = file.Close() // it was only looked at
		return nil, err
	}
	o.Forgotten = s.forget()
	return o, nil
}

// identify returns the position in a file: one that is known, if the file is where or what it was, and has the same
// size and the same beginning and end; else that of a new content.
func (s *Objects) identify(file *os.File, path string, info os.FileInfo) (Position, error) {
	size := info.Size()
	b := make([]byte, min(size, objectHead+objectTail))
	half := b
	if size > int64(len(b)) {
		half = b[:objectHead]
		if _, err := file.ReadAt(b[objectHead:], size-objectTail); err != nil && !errors.Is(err, io.EOF) {
			return Position{}, err
		}
	}
	if _, err := file.ReadAt(half, 0); err != nil && !errors.Is(err, io.EOF) {
		return Position{}, err
	}
	p := Position{Path: path, Device: device(info), Inode: inode(info), Head: checksum(b), Tail: uint64(size)}
	for _, k := range s.known {
		same := p.Inode != 0 && k.Inode == p.Inode && k.Device == p.Device
		if (same || k.Path == path) && k.Head == p.Head && k.Tail == p.Tail {
			p.Content, p.Offset, p.Skipping = k.Content, k.Offset, k.Skipping
			return p, nil
		}
	}
	s.contents++
	p.Content = s.contents
	return p, nil
}

// remember keeps how far a content was read.
func (s *Objects) remember(o *Object) {
	s.known = slices.DeleteFunc(s.known, func(k Position) bool { return k.Content == o.Position.Content })
	s.known = append(s.known, o.Position)
}

// forget gives up the positions whose files are gone, as far as they are too many, and returns their numbers.
func (s *Objects) forget() (contents []uint64) {
	extra := len(s.known) - len(s.found) - maxGone
	s.known = slices.DeleteFunc(s.known, func(k Position) bool {
		if extra <= 0 || s.found[k.Path] != nil {
			return false
		}
		extra--
		contents = append(contents, k.Content)
		return true
	})
	return contents
}

// fail notes an error of this poll.
func (s *Objects) fail(err error) {
	if s.failure == nil {
		s.failure = err
	}
	if now := s.options.Now(); s.logged.IsZero() || now.Sub(s.logged) >= logInterval {
		s.logged = now
		s.options.Logger.Warn("Cannot read all of the source, will try again", "pattern", s.options.Pattern, "err", err)
	}
}
