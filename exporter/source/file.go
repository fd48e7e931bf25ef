package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sort"
	"time"
)

// keepPending is the most memory that a file without pending bytes keeps for them.
const keepPending = 64 << 10

// file is one file and how far it was read.
type file struct {
	path   string
	info   os.FileInfo // as last seen by path; says which file it is
	handle *os.File    // nil while closed

	seen    bool // by this poll
	missing int  // polls since it left the pattern or has grown after that; 0 while it matches
	ended   bool // to be dropped from the list

	decided  bool     // what its content is: before that nothing is read
	number   uint64   // of the content
	packed   bool     // the content is compressed
	head     []byte   // the first bytes of the content
	found    []byte   // memory for those of a file that is compared with it
	copyOf   *file    // has all that this one has, while undecided
	content  *os.File // open while the content is being identified
	position Position // behind the last whole record; only what depends on what was read

	offset int64 // bytes of the content read
	size   int64 // bytes to read up to
	lag    int64 // its share of the source's lag
	seenAt stamp // as it was when it was last read to its end, or looked at

	header   []byte // nil until it was read
	pending  []byte // the last bytes before offset: a record without its end
	skipping bool   // the bytes before offset are in the midst of a record that is too long
	started  bool   // a block was emitted
}

// stamp is by what one sees that a file may have changed.
type stamp struct {
	size     int64
	modified time.Time
}

func stampOf(info os.FileInfo) stamp { return stamp{info.Size(), info.ModTime()} }

func (s stamp) is(info os.FileInfo) bool {
	return info.Size() == s.size && info.ModTime().Equal(s.modified)
}

// visit reads what a file has gained since the last poll and ends it if nothing more is to come.
func (s *Files) visit(ctx context.Context, f *file) {
	offset := f.offset
	var err error
	switch {
	case !f.decided:
	case f.packed:
		err = s.unpack(ctx, f)
	default:
		err = s.catchUp(ctx, f)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.fail(fmt.Errorf("reading a file: %w", err))
		if f.missing == 0 {
			s.shut(f) // a stale handle is not used again
		}
	}
	switch {
	case f.ended:
	case !s.options.Follow:
		if err == nil {
			s.finish(ctx, f)
		}
		s.shut(f)
	case f.missing == 0:
	case f.offset != offset:
		f.missing = 1
	case f.missing < lingerPolls:
		f.missing++
	case s.finish(ctx, f):
		s.forget(f)
	}
}

// catchUp reads a file up to its size as it is now.
func (s *Files) catchUp(ctx context.Context, f *file) error {
	if f.handle == nil {
		if f.missing > 0 || f.seenAt.is(f.info) {
			return nil
		}
		if err := s.openHandle(f); err != nil || f.handle == nil {
			return err
		}
	}
	info, err := f.handle.Stat()
	if err != nil {
		return err
	}
	if f.seenAt.is(info) {
		return nil
	}
	s.touch(f)
	same, err := f.sameHead(f.handle, info.Size())
	if err != nil {
		return err
	}
	if !same && f.missing == 0 && s.options.Follow {
		return nil // it has changed since it was identified, which the next poll does again
	}
	if !same && !s.restart(ctx, f) {
		return ctx.Err()
	}
	if f.ended {
		return nil
	}
	if err := s.findHeader(f, io.NewSectionReader(f.handle, 0, f.offset)); err != nil {
		return err
	}
	s.measure(f, info.Size())
	if last := f.size - int64(s.options.MaxRecord); s.passing && s.options.EachLine && f.offset < last {
		f.offset, f.skipping = last, true // in the midst of a record, or at the newline before one
	}
	for f.offset < f.size {
		b := s.take(ctx)
		if b == nil {
			return ctx.Err()
		}
		same, err := s.fill(f, b)
		s.hand(f, b)
		if err != nil || !same {
			return err
		}
	}
	if len(f.pending) == 0 && cap(f.pending) > keepPending {
		f.pending = nil
	}
	f.seenAt = stamp{f.offset, info.ModTime()}
	return nil
}

// sameHead reports whether a file of the given size still has the content that was read from it, by its size and its
// first bytes.
func (f *file) sameHead(handle *os.File, size int64) (bool, error) {
	if size < f.offset || size < int64(len(f.head)) {
		return false, nil
	}
	return f.beginsAlike(handle)
}

// beginsAlike reports whether a file begins with the first bytes of the content that was read from it.
func (f *file) beginsAlike(handle *os.File) (bool, error) {
	f.found = slices.Grow(f.found[:0], len(f.head))[:len(f.head)]
	n, err := handle.ReadAt(f.found, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return bytes.Equal(f.found[:n], f.head), nil
}

// restart ends what was read of a file that left the pattern and begins at its beginning. It returns false if ctx ended
// first.
func (s *Files) restart(ctx context.Context, f *file) bool {
	if !s.finish(ctx, f) {
		return false
	}
	s.truncated(f)
	if f.missing > 0 && s.isElsewhere(f) {
		// It was emptied, written again and then moved, packed for example: that file is the one to read.
		s.forget(f)
		return true
	}
	s.remember(f.full())
	s.renew(f)
	return true
}

func (s *Files) truncated(f *file) {
	s.truncations.Add(1)
	s.options.Logger.Info("File was truncated, reading it from its beginning", "file", f.path, "bytes_read", f.offset)
}

// fill reads the next bytes of a file into a block behind those that are pending, makes the whole records the block's
// data, and keeps the rest pending. An error leaves the bytes read before it in place. Bytes that may be of another
// content, because the file has just been emptied and written anew, are not used: same is false then.
func (s *Files) fill(f *file, b *Block) (same bool, err error) {
	n, limit := s.prepare(f, b)
	want := int(min(int64(limit-n), f.size-f.offset))
	read, err := f.handle.ReadAt(b.buffer[n:n+want], f.offset)
	if same, err := f.beginsAlike(f.handle); !same {
		b.set(0, 0)
		b.TooLong = 0
		return false, err
	}
	s.cut(f, b, n, read)
	if errors.Is(err, io.EOF) {
		// The file shrank; the next poll finds out to what.
		s.measure(f, f.offset)
		err = nil
	}
	s.measure(f, f.size)
	return true, err
}

// prepare makes a block ready for the next bytes of a file: up to limit, behind the n that are pending.
func (s *Files) prepare(f *file, b *Block) (n, limit int) {
	limit = s.options.BlockSize
	for limit <= len(f.pending) {
		limit *= 2
	}
	limit = min(limit, s.options.MaxRecord)
	b.reserve(limit)
	return copy(b.buffer, f.pending), limit
}

// cut takes in what was read behind the n bytes of a block that were pending.
func (s *Files) cut(f *file, b *Block, n, read int) {
	if known := int64(len(f.head)) - f.offset; known >= 0 && known < int64(read) {
		news := b.buffer[n+int(known) : n+read]
		f.head = append(f.head, news[:min(len(news), headSize-len(f.head))]...)
	}
	n += read
	f.offset += int64(read)
	s.bytes.Add(uint64(read))

	if f.skipping {
		end := bytes.IndexByte(b.buffer[:n], '\n') + 1
		f.skipping = end == 0
		if f.skipping {
			end = n
		}
		n = copy(b.buffer, b.buffer[end:n])
	}
	data := b.buffer[:n]
	from := s.takeHeader(f, data)
	to := from + s.options.Split(data[from:])
	f.pending = append(f.pending[:0], data[to:]...)
	b.Offset = f.offset - int64(n-from)
	b.TooLong = 0
	if len(f.pending) >= s.options.MaxRecord {
		f.pending, f.skipping, b.TooLong = f.pending[:0], true, 1
		if s.options.Header && f.header == nil {
			f.header = []byte{}
		}
	}
	f.reach(data[:n-len(f.pending)])
	b.set(from, to)
}

// reach notes that whole records have been read up to the end of the given bytes, which only the pending ones follow.
func (f *file) reach(read []byte) {
	if len(read) == 0 {
		return
	}
	tail := read[max(0, len(read)-tailSize):]
	f.position.Offset = f.offset - int64(len(f.pending))
	f.position.Skipping = f.skipping
	f.position.TailLength, f.position.Tail = len(tail), checksum(tail)
}

// full returns the position of a file with all that tells its content from others.
func (f *file) full() Position {
	p := f.position
	p.Content, p.Path, p.Device, p.Inode = f.number, f.path, device(f.info), inode(f.info)
	p.HeadLength, p.Head = len(f.head), checksum(f.head)
	return p
}

// findHeader reads the header of a file whose reading goes on behind it. r is what was read.
func (s *Files) findHeader(f *file, r io.Reader) error {
	if !s.options.Header || f.header != nil || f.offset == 0 || !f.started {
		return nil
	}
	var begin []byte
	most := int(min(f.offset, int64(s.options.MaxRecord)))
	for size := min(most, 4<<10); f.header == nil; size = min(most, 2*size) {
		had := len(begin)
		begin = append(begin, make([]byte, size-had)...)
		if _, err := io.ReadFull(r, begin[had:]); err != nil {
			return err
		}
		s.takeHeader(f, begin)
		if size == most {
			break
		}
	}
	if f.header == nil && most == s.options.MaxRecord {
		f.header = []byte{}
	}
	return nil
}

// takeHeader sets the file's header if it is wanted and is the first record of data, and returns its length there. If
// the header is wanted and not whole yet, data has no whole record at all.
func (s *Files) takeHeader(f *file, data []byte) int {
	if !s.options.Header || f.header != nil || s.options.Split(data) == 0 {
		return 0
	}
	// The first record is the shortest prefix that has a whole record.
	length := sort.Search(len(data), func(n int) bool { return s.options.Split(data[:n]) > 0 })
	f.header = slices.Clone(data[:length])
	return length
}

// finish emits the bytes that are pending as the file's last record, with the newline that they lack. It returns false
// if ctx ended first.
func (s *Files) finish(ctx context.Context, f *file) bool {
	f.skipping = false
	if len(f.pending) == 0 {
		return true
	}
	if s.options.Header && f.header == nil {
		f.pending = f.pending[:0] // nothing but a header, cut
		return true
	}
	b := s.take(ctx)
	if b == nil {
		return false
	}
	b.reserve(max(s.options.BlockSize, len(f.pending)+1))
	n := copy(b.buffer, f.pending)
	if b.buffer[n-1] != '\n' {
		b.buffer[n] = '\n'
		n++
	}
	b.Offset = f.offset - int64(len(f.pending))
	b.TooLong = 0
	b.set(0, n)
	read := b.buffer[:len(f.pending)]
	f.pending = f.pending[:0]
	f.reach(read)
	s.hand(f, b)
	return true
}

// openHandle opens a file. It leaves the handle nil if the file is not at its path any more, which the next poll sees.
func (s *Files) openHandle(f *file) error {
	handle, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := handle.Stat()
	if err == nil && os.SameFile(info, f.info) {
		f.handle = handle
		s.open = append(s.open, f)
		return nil
	}
	_ = handle.Close() // it was only opened to look
	return err
}

// touch makes a file the most recently read one, and closes the least recently read one beyond the limit. Files that
// left the pattern stay open, for they could not be opened again.
func (s *Files) touch(f *file) {
	i := slices.Index(s.open, f)
	s.open = append(slices.Delete(s.open, i, i+1), f)
	for i := 0; len(s.open) > s.maxOpen && i < len(s.open)-1; {
		if s.open[i].missing > 0 {
			i++
			continue
		}
		s.shut(s.open[i])
	}
}

// shut closes a file's handle if it is open.
func (s *Files) shut(f *file) {
	if f.handle == nil {
		return
	}
	_ = f.handle.Close() // it was only read
	f.handle = nil
	s.open = slices.DeleteFunc(s.open, func(g *file) bool { return g == f })
}

func (s *Files) closeAll() {
	for len(s.open) > 0 {
		s.shut(s.open[0])
	}
}
