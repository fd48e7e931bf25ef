package state

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A checkpoint is a magic line and frames:
//
//	4 bytes  length of the rest of the frame after the checksum
//	4 bytes  CRC-32C (Castagnoli) of that rest
//	2 bytes  length of the key
//	         key and payload
//
// all numbers little-endian. The last frame has an empty key, and as its payload the number of frames before it. Every
// frame is checked before it is believed, and a file without its last frame is none.

// magic is the first line; a format that older or newer programs cannot read has another one.
const magic = "drift_exporter checkpoint 1\n"

const (
	frameHeader = 10
	// maxFrame keeps the length of a frame within its four bytes.
	maxFrame = 1 << 31
)

// The reasons for which a checkpoint is not believed: values of a label of drift_exporter_checkpoints_rejected_total.
const (
	Foreign    = "foreign"    // of another program, or of another version of the format
	Torn       = "torn"       // it ends too early
	Corrupt    = "corrupt"    // its checksums are wrong
	Unreadable = "unreadable" // the system gives an error
)

// Reasons lists the reasons for which a checkpoint is not believed.
var Reasons = []string{Foreign, Torn, Corrupt, Unreadable}

// flaw is why a checkpoint is not believed.
type flaw struct {
	reason string
	detail string
}

func (f *flaw) Error() string { return f.detail }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeFrame writes one frame whose payload comes in pieces.
func writeFrame(w io.Writer, key string, payload ...[]byte) error {
	size := 2 + len(key)
	for _, p := range payload {
		size += len(p)
	}
	if size > maxFrame || len(key) > 1<<16-1 {
		return fmt.Errorf("a part of the state, %q, is too large: %d bytes", key, size)
	}
	head := make([]byte, frameHeader, frameHeader+len(key))
	binary.LittleEndian.PutUint32(head, uint32(size))
	binary.LittleEndian.PutUint16(head[8:], uint16(len(key)))
	head = append(head, key...)
	sum := crc32.Update(0, castagnoli, head[8:])
	for _, p := range payload {
		sum = crc32.Update(sum, castagnoli, p)
	}
	binary.LittleEndian.PutUint32(head[4:], sum)
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, p := range payload {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// frames reads the frames of a file of a known size.
type frames struct {
	in    *bufio.Reader
	left  int64 // bytes of the file that were not read yet
	count uint64
	buf   []byte
}

func newFrames(r io.Reader, size int64) (*frames, error) {
	f := &frames{in: bufio.NewReaderSize(r, 1<<20), left: size}
	line := make([]byte, min(size, int64(len(magic))))
	if err := f.read(line); err != nil {
		return nil, err
	}
	switch {
	case string(line) == magic:
		return f, nil
	case string(line) == magic[:len(line)]:
		return nil, &flaw{Torn, "it ends within its first line"}
	default:
		return nil, &flaw{Foreign, fmt.Sprintf("it begins with %q and not with %q", line, magic)}
	}
}

// next returns the next frame, io.EOF behind the last one. The payload is valid until the next call.
func (f *frames) next() (key string, payload []byte, err error) {
	var head [frameHeader]byte
	if err := f.read(head[:]); err != nil {
		return "", nil, err
	}
	size := int64(binary.LittleEndian.Uint32(head[:]))
	keyLength := int64(binary.LittleEndian.Uint16(head[8:]))
	switch {
	case size < 2+keyLength || size > maxFrame:
		return "", nil, &flaw{Corrupt, fmt.Sprintf("part %d has an impossible length", f.count+1)}
	case size-2 > f.left:
		return "", nil, &flaw{Torn, fmt.Sprintf("it ends within part %d", f.count+1)}
	}
	if int64(cap(f.buf)) < size-2 {
		f.buf = make([]byte, size-2)
	}
	body := f.buf[:size-2]
	if err := f.read(body); err != nil {
		return "", nil, err
	}
	sum := crc32.Update(crc32.Update(0, castagnoli, head[8:]), castagnoli, body)
	if sum != binary.LittleEndian.Uint32(head[4:]) {
		return "", nil, &flaw{Corrupt, fmt.Sprintf("the checksum of part %d is wrong", f.count+1)}
	}
	key, payload = string(body[:keyLength]), body[keyLength:]
	if key != "" {
		f.count++
		return key, payload, nil
	}
	switch {
	case len(payload) != 8 || binary.LittleEndian.Uint64(payload) != f.count:
		return "", nil, &flaw{Corrupt, fmt.Sprintf("it should not end with part %d", f.count)}
	case f.left > 0:
		return "", nil, &flaw{Corrupt, fmt.Sprintf("there are %d bytes behind its end", f.left)}
	}
	return "", nil, io.EOF
}

func (f *frames) read(b []byte) error {
	n, err := io.ReadFull(f.in, b)
	f.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return &flaw{Torn, fmt.Sprintf("it ends within part %d", f.count+1)}
	case err != nil:
		return &flaw{Unreadable, err.Error()}
	}
	return nil
}
