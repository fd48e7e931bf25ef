package source

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// runStream reads Options.Stream to its end and, with Options.Follow, then waits for ctx. What a stream gives cannot be
// had again, so its positions lead nowhere.
func (s *Files) runStream(ctx context.Context) {
	if s.options.Follow {
		close(s.caughtUp) // it has no past
	} else {
		defer close(s.caughtUp)
	}
	err := s.readStream(ctx)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("reading a stream: %w", err)
		text := err.Error()
		s.fail(err)
		s.up.Store(false)
		s.lastError.Store(&text)
	}
	if s.options.Follow {
		<-ctx.Done()
	}
}

func (s *Files) readStream(ctx context.Context) error {
	info, err := s.options.Stream.Stat()
	if err != nil {
		return err
	}
	s.contents++
	f := &file{path: s.options.Pattern, info: info, decided: true, number: s.contents}
	s.up.Store(true)
	s.matches.Store(1)
	// Nothing ends a read of the standard input before its time. So it happens in a goroutine that is left alone when ctx
	// ends, and ends itself with the next bytes, or with the process.
	in, out := io.Pipe()
	go func() {
		// Only Reader and Writer are seen here, so that the buffer is used.
		_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{s.options.Stream}, make([]byte, 64<<10))
		_ = out.CloseWithError(err) // it gives no error
	}()
	defer context.AfterFunc(ctx, func() { _ = in.CloseWithError(ctx.Err()) })()
	defer in.Close()
	unpacked, err := Unpack(in)
	if err != nil {
		return err
	}
	for {
		b := s.take(ctx)
		if b == nil {
			return ctx.Err()
		}
		n, limit := s.prepare(f, b)
		read, err := s.readSome(unpacked, b.buffer[n:limit])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.cut(f, b, n, read)
		s.hand(f, b)
		if errors.Is(err, io.EOF) {
			s.finish(ctx, f)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readSome reads what there is, or a whole block of a stream that is only read to its end.
func (s *Files) readSome(r io.Reader, b []byte) (int, error) {
	if s.options.Follow {
		return r.Read(b)
	}
	return readUpTo(r, b)
}
