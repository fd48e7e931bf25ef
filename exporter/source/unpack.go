package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// What compressed files begin with.
var (
	gzipStart = []byte{0x1f, 0x8b}
	zstdStart = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// maxWindow is the most that a file compressed by zstd may ask to be kept of what was unpacked, in bytes. It bounds the
// memory that reading takes, to about twice as much. Only the levels from 21 on ask for more.
const maxWindow = 32 << 20

// Unpack returns a reader of what r holds: unpacked if r is compressed by gzip or zstd, which its first bytes tell, and
// as it is otherwise. Files that were compressed apart and then joined are read as one. Nothing needs to be closed. The
// errors of the reader say that the data are cut or damaged, and where.
func Unpack(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(len(zstdStart))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, gzipStart):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, packedError("gzip", 0, err)
		}
		return &unpacked{name: "gzip", in: z}, nil
	case bytes.Equal(head, zstdStart):
		// With one thread a decoder has no goroutines that would have to be ended.
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, packedError("zstd", 0, err)
		}
		return &unpacked{name: "zstd", in: z}, nil
	default:
		return in, nil
	}
}

// unpacked reads compressed data.
type unpacked struct {
	name string
	in   io.Reader
	read int64
}

func (u *unpacked) Read(b []byte) (int, error) {
	n, err := u.in.Read(b)
	u.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = packedError(u.name, u.read, err)
	}
	return n, err
}

func packedError(name string, read int64, err error) error {
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("is compressed by %s with a window of more than %d MiB: use a level below 21", name, maxWindow>>20)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("is compressed by %s and cut: it ends behind %d unpacked bytes: %w", name, read,
			io.ErrUnexpectedEOF)
	default:
		return fmt.Errorf("is compressed by %s and damaged behind %d unpacked bytes: %w", name, read, err)
	}
}
