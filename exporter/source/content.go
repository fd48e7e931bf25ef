package source

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	// maxGone bounds how many contents are remembered whose files are gone: a copy or a compressed form of them may still
	// turn up.
	maxGone = 1000
	// leastContent is how many bytes of a content must have been read, for it to be found again in another file. Fewer
	// may be the same by chance.
	leastContent = 32
	// compared is how many bytes of two files must be equal for one to be taken for a copy of the other. Records have
	// ids and times, so logs that begin alike for so long are the same.
	compared = 1 << 20
)

// errUnfinished says that a compressed file does not end as it should: it is being written, or it is broken.
var errUnfinished = errors.New("the compressed file is not complete")

// identify finds out what the content of new files is: one that is known already, whose reading goes on there; a copy
// of a file that still has all of it, which is not read as long as that is so; or a new one. It is done before anything
// is read, because a file that has been emptied may have its content in another one now.
func (s *Files) identify() {
	var undecided []*file
	for _, f := range s.files {
		if !f.decided && f.missing == 0 && s.look(f) {
			undecided = append(undecided, f)
		}
	}
	for _, f := range slices.Clone(s.files) {
		if f.decided && f.missing == 0 && !f.seenAt.is(f.info) && !s.intact(f) {
			s.part(f)
			if s.look(f) {
				undecided = append(undecided, f)
			}
		}
	}
	// A file that is where it was comes before a copy, a whole one before one that is being made, and a copy before its
	// compressed form.
	slices.SortStableFunc(undecided, func(a, b *file) int { return cmp.Compare(b.info.Size(), a.info.Size()) })
	for _, f := range undecided {
		if k := slices.IndexFunc(s.gone, func(p Position) bool { return f.isPlaceOf(p) }); k >= 0 {
			s.goOn(f, s.gone[k])
		}
	}
	for _, packed := range []bool{false, true} {
		for _, f := range undecided {
			if !f.decided && f.packed == packed {
				s.decide(f)
			}
		}
	}
	for _, f := range undecided {
		f.closeContent()
	}
}

// look opens a file whose content is not known yet and reads its first bytes. It reports whether there is anything to
// decide about: a file that is empty or left alone, or a copy that is as it was, has to wait.
func (s *Files) look(f *file) bool {
	if f.info.Size() == 0 || f.info.ModTime().Before(s.options.Since) {
		return false
	}
	if f.copyOf != nil && !f.copyOf.ended && f.seenAt.is(f.info) && s.intact(f.copyOf) {
		return false
	}
	f.seenAt, f.copyOf = stampOf(f.info), nil
	file, err := os.Open(f.path)
	if err != nil {
		s.fail(err)
		return false
	}
	info, err := file.Stat()
	if err != nil || !os.SameFile(info, f.info) {
		_ = file.Close() // it was only looked at
		return false
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		s.fail(err)
	}
	if n == 0 || s.options.Follow && mayBePacked(head[:n]) {
		_ = file.Close() // it was only looked at; the next bytes tell what it is
		return false
	}
	f.head, f.packed = head[:n], isPacked(head[:n])
	if f.packed {
		if n, err = readPacked(file, head); err != nil && n == 0 {
			_ = file.Close() // not even its beginning can be read; a later poll sees more
			if !errors.Is(err, errUnfinished) {
				s.fail(err)
			}
			f.head = nil
			return false
		}
		f.head = head[:n]
	}
	f.content = file
	return true
}

// isPacked reports whether a file that begins like this is compressed.
func isPacked(head []byte) bool {
	return bytes.HasPrefix(head, gzipStart) || bytes.HasPrefix(head, zstdStart)
}

// mayBePacked reports whether a file of so few bytes is compressed if it goes on so.
func mayBePacked(all []byte) bool {
	return len(all) > 0 && !isPacked(all) && (bytes.HasPrefix(gzipStart, all) || bytes.HasPrefix(zstdStart, all))
}

// readPacked reads the first bytes of what a compressed file holds.
func readPacked(file *os.File, b []byte) (int, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	z, err := Unpack(file)
	if err != nil {
		return 0, unfinished(err)
	}
	n, err := io.ReadFull(z, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
		return n, nil
	}
	return n, unfinished(err)
}

func unfinished(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errUnfinished
	}
	return err
}

func (f *file) closeContent() {
	if f.content != nil {
		_ = f.content.Close() // it was only looked at
		f.content = nil
	}
}

// isPlaceOf reports whether a file is the one that a position was noted in, and still has what was read there.
func (f *file) isPlaceOf(p Position) bool {
	return !f.decided && p.Inode != 0 && p.Inode == inode(f.info) && p.Device == device(f.info) && f.has(p)
}

// has reports whether a file's content begins with what was read up to a position, as far as sums tell.
func (f *file) has(p Position) bool {
	if p.HeadLength > len(f.head) || checksum(f.head[:p.HeadLength]) != p.Head {
		return false
	}
	tail := make([]byte, p.TailLength)
	return f.readContent(tail, p.Offset-int64(p.TailLength)) == nil && checksum(tail) == p.Tail
}

// readContent fills b with what the file holds from an offset on.
func (f *file) readContent(b []byte, offset int64) error {
	if !f.packed {
		n, err := f.content.ReadAt(b, offset)
		if n == len(b) {
			return nil
		}
		return err
	}
	if _, err := f.content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	z, err := Unpack(f.content)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, z, offset); err != nil {
		return err
	}
	_, err = io.ReadFull(z, b)
	return err
}

// decide finds out whose content a new file has.
func (s *Files) decide(f *file) {
	var known Position
	var owner *file // has known, nil if no file has
	for _, p := range s.gone {
		if p.Offset >= leastContent && p.Offset > known.Offset && f.has(p) {
			known = p
		}
	}
	for _, o := range s.files {
		if o == f || !o.decided || o.ended || !alike(f.head, o.head) {
			continue
		}
		if s.intact(o) {
			if s.isCopy(f, o) {
				f.copyOf = o
				return
			}
			continue
		}
		if p := o.full(); p.Offset >= leastContent && p.Offset > known.Offset && f.has(p) {
			known, owner = p, o
		}
	}
	switch {
	case known.Offset == 0:
		s.begin(f)
	case owner != nil:
		s.options.Logger.Info("The content of a file is in another one now", "file", owner.path, "now", f.path)
		owner.position = Position{} // the other file has it
		s.forget(owner)
		s.goOn(f, known)
	default:
		s.goOn(f, known)
	}
}

// alike reports whether one of two contents may begin with the other.
func alike(a, b []byte) bool {
	n := min(len(a), len(b))
	return n > 0 && bytes.Equal(a[:n], b[:n])
}

// isElsewhere reports whether what an open file has now, which is not what was read of it, is in another file too.
func (s *Files) isElsewhere(f *file) bool {
	var head [headSize]byte
	n, _ := f.handle.ReadAt(head[:], 0) // an error means that there is less
	return n >= leastContent && slices.ContainsFunc(s.files, func(o *file) bool {
		return o != f && o.missing == 0 && len(o.head) >= leastContent && alike(head[:n], o.head)
	})
}

// intact reports whether a file still has the content that was read from it.
func (s *Files) intact(f *file) bool {
	if f.handle == nil && f.missing > 0 {
		return false
	}
	info, err := os.Stat(f.path)
	if f.handle != nil {
		info, err = f.handle.Stat()
	}
	if err != nil || f.handle == nil && !os.SameFile(info, f.info) {
		return false
	}
	if f.packed && f.seenAt.is(info) {
		return true
	}
	handle := f.handle
	if handle == nil {
		if handle, err = os.Open(f.path); err != nil {
			return false
		}
		defer handle.Close()
	}
	if f.packed {
		return f.samePackedHead(handle)
	}
	same, err := f.sameHead(handle, info.Size())
	return err == nil && same
}

// samePackedHead reports whether a file is compressed and begins as the content of f does. Another file may have its
// number now: file systems give those of removed files to new ones at once.
func (f *file) samePackedHead(handle *os.File) bool {
	var start [4]byte
	if n, _ := handle.ReadAt(start[:], 0); !isPacked(start[:n]) { // an error means that there is less
		return false
	}
	head := make([]byte, len(f.head))
	n, _ := readPacked(handle, head) // the same
	return bytes.Equal(head[:n], f.head)
}

// isCopy reports whether a file holds nothing but the beginning of what another one holds.
func (s *Files) isCopy(f, of *file) bool {
	original, err := os.Open(of.path)
	if of.handle != nil {
		if original != nil {
			_ = original.Close() // it may be another file now
		}
		original, err = of.handle, nil
	}
	if err != nil {
		return false
	}
	if of.handle == nil {
		defer original.Close()
	}
	own, ownEnds := f.opening(f.content)
	other, otherEnds := of.opening(original)
	n := min(len(own), len(other))
	if !bytes.Equal(own[:n], other[:n]) {
		return false
	}
	if len(own) > n || !ownEnds && otherEnds {
		return false // it is longer
	}
	if f.packed || of.packed || ownEnds {
		return true
	}
	mine, err1 := f.content.Stat()
	theirs, err2 := original.Stat()
	return err1 == nil && err2 == nil && mine.Size() <= theirs.Size()
}

// opening returns what a file holds up to the length that is compared, and whether that is all of it.
func (f *file) opening(file *os.File) (b []byte, all bool) {
	b = make([]byte, compared)
	var r io.Reader = io.NewSectionReader(file, 0, compared)
	if f.packed {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, true
		}
		z, err := Unpack(file)
		if err != nil {
			return nil, true
		}
		r = z
	}
	n, err := io.ReadFull(r, b)
	return b[:n], err != nil
}

// begin makes a file's content a new one, which is read from its beginning.
func (s *Files) begin(f *file) {
	s.contents++
	f.decided, f.number, f.copyOf = true, s.contents, nil
	f.offset, f.position, f.seenAt = 0, Position{}, stamp{size: -1}
	s.measure(f, f.info.Size())
}

// renew begins a file anew that has another content now.
func (s *Files) renew(f *file) {
	f.head, f.header, f.pending, f.started, f.skipping = nil, nil, nil, false, false
	s.begin(f)
}

// goOn makes a file's content the one of a position, where reading goes on.
func (s *Files) goOn(f *file, p Position) {
	s.gone = slices.DeleteFunc(s.gone, func(o Position) bool { return o.Content == p.Content })
	f.decided, f.number, f.copyOf = true, p.Content, nil
	f.offset, f.position, f.seenAt = p.Offset, p, stamp{size: -1}
	f.pending, f.header, f.started, f.skipping = nil, nil, p.Offset > 0, p.Skipping
	s.measure(f, f.info.Size())
	s.options.Logger.Debug("Going on in a file", "file", f.path, "was", p.Path, "offset", p.Offset)
}

// part parts a file that has another content now from what was read of it. That goes on in a file of its own, which is
// gone: another one may have its content now, else it ends with what is pending.
func (s *Files) part(f *file) {
	s.truncated(f)
	s.shut(f)
	s.measure(f, 0)
	old := *f
	old.missing = lingerPolls - 1 // the copy that has it may have been made since the files were listed
	s.files = slices.Insert(s.files, slices.Index(s.files, f), &old)
	f.decided, f.head, f.header, f.pending, f.started, f.skipping = false, nil, nil, nil, false, false
	f.offset, f.position = 0, Position{}
}

// remember keeps a position whose file is gone.
func (s *Files) remember(p Position) {
	if p.Offset == 0 {
		return
	}
	s.gone = append(s.gone, p)
}

// forgetGone gives up the oldest positions whose files are gone, as far as they are too many. Before the first files
// have been looked at, all positions of an earlier run are of that kind.
func (s *Files) forgetGone() {
	extra := max(0, len(s.gone)-maxGone)
	for _, old := range s.gone[:extra] {
		s.forgotten = append(s.forgotten, old.Content)
	}
	s.gone = slices.Delete(s.gone, 0, extra)
}

// rotatedOrder compares paths so that of a rotated log the oldest comes first: name.2.gz, name.1, name. All others are
// in lexical order.
func rotatedOrder(a, b string) int {
	aName, aNumber := rotation(a)
	bName, bNumber := rotation(b)
	if aName != bName {
		return strings.Compare(aName, bName)
	}
	if aNumber != bNumber {
		return bNumber - aNumber
	}
	return strings.Compare(a, b)
}

// rotation returns the name that a log had before it was rotated, and how often it was: "x.log" and 2 for "x.log.2.gz",
// 0 for a log that was not rotated.
func rotation(path string) (name string, number int) {
	bare := strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
	at := strings.LastIndexByte(bare, '.')
	if at < 0 || at == len(bare)-1 || len(bare)-at > 6 {
		return bare, 0
	}
	for _, c := range bare[at+1:] {
		if c < '0' || c > '9' {
			return bare, 0
		}
		number = 10*number + int(c-'0')
	}
	return bare[:at], number
}
