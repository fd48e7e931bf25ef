package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// sharedSize is the length from which Encoder.Shared refers to bytes instead of copying them.
const sharedSize = 1 << 10

// Encoder writes values one after the other. The zero value is empty and ready. There are no names and no types in what
// it writes: a Decoder has to read the same values in the same order.
type Encoder struct {
	parts [][]byte // what is written before buf
	buf   []byte
}

// Uint writes a number that is often small.
func (e *Encoder) Uint(x uint64) { e.buf = binary.AppendUvarint(e.buf, x) }

// Int writes a number whose magnitude is often small.
func (e *Encoder) Int(x int64) { e.buf = binary.AppendVarint(e.buf, x) }

// Fixed writes a number of 64 bits as eight bytes.
func (e *Encoder) Fixed(x uint64) { e.buf = binary.LittleEndian.AppendUint64(e.buf, x) }

// Float writes a number to the bit.
func (e *Encoder) Float(x float64) { e.Fixed(math.Float64bits(x)) }

// Bool writes a truth value.
func (e *Encoder) Bool(x bool) {
	if x {
		e.buf = append(e.buf, 1)
	} else {
		e.buf = append(e.buf, 0)
	}
}

// String writes a string.
func (e *Encoder) String(s string) {
	e.Uint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

// Bytes writes a copy of b.
func (e *Encoder) Bytes(b []byte) {
	e.Uint(uint64(len(b)))
	e.buf = append(e.buf, b...)
}

// Shared writes b like Bytes, without copying it if it is long: it must not change until the encoder is done with.
func (e *Encoder) Shared(b []byte) {
	if len(b) < sharedSize {
		e.Bytes(b)
		return
	}
	e.Uint(uint64(len(b)))
	e.parts = append(e.parts, e.buf, b)
	e.buf = nil
}

// Parts returns all that was written, in pieces. They are valid until the encoder is reset.
func (e *Encoder) Parts() [][]byte {
	if len(e.buf) == 0 {
		return e.parts
	}
	return append(slices.Clip(e.parts), e.buf)
}

// Len returns the number of bytes written.
func (e *Encoder) Len() int {
	n := len(e.buf)
	for _, p := range e.parts {
		n += len(p)
	}
	return n
}

// Reset empties the encoder and keeps some of its memory.
func (e *Encoder) Reset() { e.parts, e.buf = nil, e.buf[:0] }

// errShort says that a decoder was asked for more than there is.
var errShort = errors.New("the state ends too early")

// Decoder reads what an Encoder wrote. The first error stays: from then on every value is zero, and Err tells it.
type Decoder struct {
	data []byte
	err  error
}

// NewDecoder returns a decoder of data, which must not change while it is in use.
func NewDecoder(data []byte) *Decoder { return &Decoder{data: data} }

// Err returns the first error.
func (d *Decoder) Err() error { return d.err }

// Fail notes an error of the caller's: values that contradict each other.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
	d.data = nil
}

// End returns the first error, which is one if anything is left.
func (d *Decoder) End() error {
	if d.err == nil && len(d.data) > 0 {
		d.err = fmt.Errorf("the state has %d bytes more than expected", len(d.data))
	}
	return d.err
}

// Uint reads what Encoder.Uint wrote.
func (d *Decoder) Uint() uint64 {
	x, n := binary.Uvarint(d.data)
	if n <= 0 {
		d.Fail("%w", errShort)
		return 0
	}
	d.data = d.data[n:]
	return x
}

// Int reads what Encoder.Int wrote.
func (d *Decoder) Int() int64 {
	x, n := binary.Varint(d.data)
	if n <= 0 {
		d.Fail("%w", errShort)
		return 0
	}
	d.data = d.data[n:]
	return x
}

// Fixed reads what Encoder.Fixed wrote.
func (d *Decoder) Fixed() uint64 {
	if len(d.data) < 8 {
		d.Fail("%w", errShort)
		return 0
	}
	x := binary.LittleEndian.Uint64(d.data)
	d.data = d.data[8:]
	return x
}

// Float reads what Encoder.Float wrote.
func (d *Decoder) Float() float64 { return math.Float64frombits(d.Fixed()) }

// Bool reads what Encoder.Bool wrote.
func (d *Decoder) Bool() bool {
	if len(d.data) == 0 {
		d.Fail("%w", errShort)
		return false
	}
	x := d.data[0]
	if x > 1 {
		d.Fail("a truth value is %d", x)
		return false
	}
	d.data = d.data[1:]
	return x == 1
}

// String reads what Encoder.String wrote.
func (d *Decoder) String() string { return string(d.Bytes()) }

// Bytes reads what Encoder.Bytes or Encoder.Shared wrote. The result is part of the decoder's data.
func (d *Decoder) Bytes() []byte {
	n := d.Uint()
	if n > uint64(len(d.data)) {
		d.Fail("%w", errShort)
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

// Count reads a number of things, of which each takes at least size bytes, 1 or more, so that no broken state makes the
// caller allocate more than a multiple of what there is.
func (d *Decoder) Count(size int) int {
	n := d.Uint()
	if n > uint64(len(d.data)/size) {
		d.Fail("%w", errShort)
		return 0
	}
	return int(n)
}
