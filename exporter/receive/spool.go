package receive

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// A spool is divided into so many segments, unless they would be shorter or longer than is sensible.
const (
	segments        = 16
	shortestSegment = 256 << 10
	longestSegment  = 64 << 20
)

// Pattern matches the names of the files of a spool. The first line of each is a header.
const Pattern = "*.jsonl"

var segmentName = regexp.MustCompile(`^([0-9]{12})-[0-9a-f]{16}\.jsonl$`)

// What Append may return.
var (
	ErrFull   = errors.New("the spool is full")
	ErrClosed = errors.New("the spool is closed")
)

// Spool is a folder of files that records are appended to and deleted with: a file that has grown long enough is
// sealed, and is deleted when all of it has been counted. Names sort in the order of writing. Every file begins with a
// header that no other one has, so that no two of them are ever taken for copies of each other, whatever records they
// hold.
//
// All methods may be called from any goroutine.
type Spool struct {
	folder string
	lock   io.Closer

	mu     sync.Mutex
	limit  int64
	active segment
	file   *os.File // of the active segment; nil once the spool is closed
	torn   bool     // the active segment ends in the midst of a line
	sealed []segment
	bytes  int64 // of all segments
	last   int64 // the highest number of a segment
	// written counts appends, synced how many of them are on the disk, and unsynced are sealed files that are not.
	written, synced uint64
	unsynced        []*os.File

	// syncing is held while files are synced, so that all who wait for it are served by the same one.
	syncing sync.Mutex
}

// segment is one file of a spool.
type segment struct {
	name string
	size int64
}

// OpenSpool opens the spool in a folder for writing up to so many bytes, and makes the folder if it has to. A line that
// was being written when the process before ended is removed: nobody was told that it had been taken. The error is
// state.ErrInUse if another process has the spool.
func OpenSpool(folder string, limit int64) (*Spool, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("making the folder of a spool: %w", err)
	}
	lock, err := state.Lock(folder)
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", folder, err)
	}
	s := &Spool{folder: folder, limit: limit, lock: lock}
	if err = s.find(); err == nil {
		err = s.begin()
	}
	if err != nil {
		_ = lock.Close() // it was only held
		return nil, err
	}
	return s, nil
}

// find lists the segments that there are.
func (s *Spool) find() error {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return fmt.Errorf("listing a spool: %w", err)
	}
	for _, entry := range entries {
		parts := segmentName.FindStringSubmatch(entry.Name())
		if parts == nil {
			continue
		}
		if s.last, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
			return fmt.Errorf("reading the name of a segment: %w", err)
		}
		size, err := repair(filepath.Join(s.folder, entry.Name()))
		if err != nil {
			return fmt.Errorf("looking for the end of a segment: %w", err)
		}
		if size > 0 {
			s.sealed = append(s.sealed, segment{entry.Name(), size})
			s.bytes += size
		}
	}
	return nil
}

// repair cuts a file behind its last newline, removes it if nothing but a header is left, and returns the length of
// what it keeps.
func repair(path string) (size int64, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	end, buffer := info.Size(), make([]byte, 64<<10)
	for size = end; size > 0; {
		part := buffer[:min(size, int64(len(buffer)))]
		if _, err := file.ReadAt(part, size-int64(len(part))); err != nil {
			return 0, err
		}
		if at := bytes.LastIndexByte(part, '\n'); at >= 0 {
			size -= int64(len(part) - at - 1)
			break
		}
		size -= int64(len(part))
	}
	if size <= int64(len(header(filepath.Base(path)))) {
		return 0, os.Remove(path)
	}
	if size < end {
		return size, file.Truncate(size)
	}
	return size, nil
}

// header is the first line of a segment. All headers are of the same length.
func header(name string) []byte {
	return fmt.Appendf(nil, `{"segment":%q,"of":"the spool of a receiver of drift_exporter"}`+"\n", name)
}

// begin makes a new active segment and seals the one that there is.
func (s *Spool) begin() error {
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails
	name := fmt.Sprintf("%012d-%016x.jsonl", s.last+1, binary.LittleEndian.Uint64(random[:]))
	path := filepath.Join(s.folder, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return fmt.Errorf("making a segment: %w", err)
	}
	n, err := file.Write(header(name))
	if err == nil {
		err = state.SyncFolder(s.folder)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("making a segment: %w", err), file.Close(), os.Remove(path))
	}
	s.last++
	if s.file != nil {
		s.unsynced = append(s.unsynced, s.file)
		s.sealed = append(s.sealed, s.active)
	}
	s.file, s.active = file, segment{name, int64(n)}
	s.bytes += int64(n)
	return nil
}

func (s *Spool) segmentSize() int64 {
	return min(max(s.limit/segments, shortestSegment), longestSegment)
}

// Append writes lines, each with its newline, at once and behind all that was written before. With durable, it returns
// when they are on the disk, together with all that others write meanwhile; without, when the file system has them,
// which lets them survive the end of the process but not that of the system. After an error some of the lines may have
// been written. ErrFull says that there is no room for them, and then none is.
func (s *Spool) Append(lines []byte, durable bool) error {
	ticket, err := s.write(lines)
	if err != nil || !durable {
		return err
	}
	return s.sync(ticket)
}

// write returns the number of the append.
func (s *Spool) write(lines []byte) (ticket uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return 0, ErrClosed
	}
	if s.bytes+int64(len(lines)) > s.limit {
		return 0, ErrFull
	}
	filled := s.active.size > int64(len(header(s.active.name)))
	if filled && !s.torn && s.active.size+int64(len(lines)) > s.segmentSize() {
		if err := s.begin(); err != nil {
			return 0, err
		}
	}
	if s.torn {
		// The part of a line that is there already becomes one that cannot be understood, and is counted as such.
		if err := s.put([]byte{'\n'}); err != nil {
			return 0, err
		}
	}
	err = s.put(lines)
	s.written++
	return s.written, err
}

// put writes to the active segment and notes how far that went.
func (s *Spool) put(b []byte) error {
	n, err := s.file.Write(b)
	if n > 0 {
		s.torn = b[n-1] != '\n'
	}
	s.active.size += int64(n)
	s.bytes += int64(n)
	if err != nil {
		return fmt.Errorf("writing to a spool: %w", err)
	}
	return nil
}

// Sync returns when all that was written is on the disk.
func (s *Spool) Sync() error {
	s.mu.Lock()
	ticket := s.written
	s.mu.Unlock()
	return s.sync(ticket)
}

// sync returns when all appends up to a number are on the disk.
func (s *Spool) sync(ticket uint64) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	if s.synced >= ticket || s.file == nil {
		defer s.mu.Unlock()
		if s.synced < ticket {
			return ErrClosed
		}
		return nil
	}
	upTo, sealed, file := s.written, s.unsynced, s.file
	s.mu.Unlock()
	// Only who holds syncing closes files.
	for _, f := range append(slices.Clip(sealed), file) {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("writing a spool to the disk: %w", err)
		}
	}
	for _, f := range sealed {
		_ = f.Close() // all of it is on the disk
	}
	s.mu.Lock()
	s.synced, s.unsynced = upTo, s.unsynced[len(sealed):]
	s.mu.Unlock()
	return nil
}

// Release deletes the segments that are sealed and counted to their end. counted says how many bytes of a segment, by
// its name, have been counted.
func (s *Spool) Release(counted map[string]int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var problems []error
	s.sealed = slices.DeleteFunc(s.sealed, func(g segment) bool {
		if counted[g.name] < g.size {
			return false
		}
		if err := os.Remove(filepath.Join(s.folder, g.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			problems = append(problems, err)
			return false
		}
		s.bytes -= g.size
		return true
	})
	return errors.Join(problems...)
}

// SetLimit changes how many bytes the spool may hold.
func (s *Spool) SetLimit(limit int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// Limit returns how many bytes the spool may hold.
func (s *Spool) Limit() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit
}

// Fits reports whether there is room for so many bytes more.
func (s *Spool) Fits(more int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes+more <= s.limit
}

// Bytes returns the size of all segments.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Close writes all to the disk and gives the folder back. It may be called more than once.
func (s *Spool) Close() error {
	err := s.Sync()
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	for _, f := range append(s.unsynced, s.file) {
		err = errors.Join(err, f.Close())
	}
	s.file, s.unsynced = nil, nil
	return errors.Join(err, s.lock.Close())
}
