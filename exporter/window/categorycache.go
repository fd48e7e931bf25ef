package window

import (
	"encoding/binary"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const cacheBits = 7

// categoryCache remembers the cells of the categories that were looked up last. Most columns have few categories, most
// of them of less than sixteen bytes, and comparing two numbers is cheaper than hashing a string.
type categoryCache [1 << cacheBits]cachedCategory

type cachedCategory struct {
	head, tail uint64 // the first and the last eight bytes, which may overlap
	length     uint32 // of the category; 0 where none is kept
	code       uint32
}

// at returns where a category with such ends is kept.
func (t *categoryCache) at(head, tail uint64, length uint32) *cachedCategory {
	return &t[(head+2*tail+uint64(length))*0x9e3779b97f4a7c15>>(64-cacheBits)]
}

// count counts the categories of spans up to the first one that it does not keep, or that is long or none, and returns
// how many these are.
func (t *categoryCache) count(bytes []byte, spans []record.Span, counts []uint32) int {
	for i, span := range spans {
		from, length := int(span.Offset), span.Length
		if length-1 >= endsSize-1 || from+endsSize > len(bytes) {
			return i
		}
		head, tail := endsOf((*[endsSize]byte)(bytes[from:]), length)
		e := t.at(head, tail, length)
		if e.head != head || e.tail != tail || e.length != length {
			return i
		}
		counts[e.code]++
	}
	return len(spans)
}

// code returns the cell of a category, and keeps it if it is one of the reference.
func (t *categoryCache) code(c *profile.Column, value []byte) uint32 {
	var head, tail uint64
	length := uint32(len(value))
	switch {
	case length == 0:
		return c.Category(value)
	case length < endsSize:
		var bytes [endsSize]byte
		copy(bytes[:], value)
		head, tail = endsOf(&bytes, length)
	default:
		head, tail = binary.LittleEndian.Uint64(value), binary.LittleEndian.Uint64(value[length-8:])
	}
	e := t.at(head, tail, length)
	if e.head == head && e.tail == tail && e.length == length &&
		(length < endsSize || c.Categories[e.code] == string(value)) {
		return e.code
	}
	code := c.Category(value)
	if code < uint32(len(c.Categories)) && c.Categories[code] == string(value) {
		*e = cachedCategory{head: head, tail: tail, length: length, code: code}
	}
	return code
}

// endsSize is how many bytes must be there for a look at both ends of a shorter category.
const endsSize = 16

// ends says, for each length of a category below endsSize, where its last eight bytes begin, and which bits of eight
// bytes at an end of it are its own.
var ends = func() (all [endsSize]struct{ bits, from uint64 }) {
	for length := range all {
		all[length].from = uint64(max(length-8, 0))
		all[length].bits = uint64(1)<<(8*length) - 1 // of eight bytes or more all
	}
	return all
}()

// endsOf returns the first and the last eight bytes of a category of 1 to 15 bytes as numbers, of one that is shorter
// than eight all of it twice. How long it is takes no branch, which the processor could not predict.
func endsOf(bytes *[endsSize]byte, length uint32) (head, tail uint64) {
	e := &ends[length%endsSize]
	from := e.from % 8
	return binary.LittleEndian.Uint64(bytes[:8]) & e.bits, binary.LittleEndian.Uint64(bytes[from:from+8]) & e.bits
}
