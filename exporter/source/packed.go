package source

import (
	"context"
	"errors"
	"io"
	"os"
)

// unpack reads what a compressed file holds beyond what was read. Such a file is complete once it ends as it should;
// until then it is looked at again when it has changed.
func (s *Files) unpack(ctx context.Context, f *file) error {
	if f.missing > 0 || f.seenAt.is(f.info) {
		return nil
	}
	handle, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer handle.Close()
	info, err := handle.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, f.info) || !f.samePackedHead(handle) {
		return nil // the next poll sees what became of it
	}
	if _, err := handle.Seek(0, io.SeekStart); err != nil {
		return err
	}
	err = s.readPackedFile(ctx, f, handle)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.seenAt = stampOf(info)
	s.measure(f, info.Size())
	if errors.Is(err, errUnfinished) && s.options.Follow {
		s.options.Logger.Debug("A compressed file does not end as it should, waiting for the rest", "file", f.path)
		return nil
	}
	return err
}

func (s *Files) readPackedFile(ctx context.Context, f *file, handle io.Reader) error {
	z, err := Unpack(handle)
	if err != nil {
		return unfinished(err)
	}
	known := io.LimitReader(z, f.offset)
	if err := s.findHeader(f, known); err != nil {
		return unfinished(err)
	}
	if _, err := io.Copy(io.Discard, known); err != nil {
		return unfinished(err)
	}
	for {
		b := s.take(ctx)
		if b == nil {
			return ctx.Err()
		}
		n, limit := s.prepare(f, b)
		read, err := readUpTo(z, b.buffer[n:limit])
		s.cut(f, b, n, read)
		s.hand(f, b)
		if errors.Is(err, io.EOF) {
			s.finish(ctx, f)
			return nil
		}
		if err != nil {
			return unfinished(err)
		}
	}
}

// readUpTo reads until b is full or r gives an error, which unlike that of io.ReadFull is r's own.
func readUpTo(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var read int
		read, err = r.Read(b[n:])
		n += read
	}
	return n, err
}
