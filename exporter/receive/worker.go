package receive

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// keepBuffer is the most memory that a worker keeps for the next request, in each of its buffers.
const keepBuffer = 1 << 20

// errUnpackedTooLong says that a body is too long once it is unpacked.
var errUnpackedTooLong = errors.New("the body is too long once it is unpacked")

// worker has the memory that one request needs at a time.
type worker struct {
	body, unpacked, lines []byte
	packed                bytes.Reader
	gzip                  *gzip.Reader
}

// trim gives back memory that only an unusual request needs.
func (w *worker) trim() {
	for _, b := range []*[]byte{&w.body, &w.unpacked, &w.lines} {
		if cap(*b) > keepBuffer {
			*b = nil
		}
	}
}

// read returns a body, unpacked if it begins as gzip does (RFC 1952): brokers pass such bodies on and lose the header
// that says so. length is what the client says, -1 if it does not.
func (w *worker) read(r io.Reader, length, limit int64) (body []byte, err error) {
	if w.body, err = readAll(w.body[:0], r, length); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(w.body, []byte("\x1f\x8b")) {
		return w.body, nil
	}
	w.packed.Reset(w.body)
	if w.gzip == nil {
		w.gzip = new(gzip.Reader)
	}
	if err = w.gzip.Reset(&w.packed); err != nil {
		return nil, fmt.Errorf("unpacking gzip: %w", err)
	}
	w.unpacked, err = readAll(w.unpacked[:0], io.LimitReader(w.gzip, limit+1), -1)
	if err != nil {
		return nil, fmt.Errorf("unpacking gzip: %w", err)
	}
	if int64(len(w.unpacked)) > limit {
		return nil, errUnpackedTooLong
	}
	return w.unpacked, nil
}

// readAll appends all that r gives. Memory grows with what comes, not with what length promises, if that is much.
func readAll(dst []byte, r io.Reader, length int64) ([]byte, error) {
	if room := min(length+1, keepBuffer); room > int64(cap(dst)) {
		dst = make([]byte, 0, room)
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}
