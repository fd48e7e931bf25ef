package window

import (
	"encoding/binary"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const cacheBits = 7

// categoryCache remembers the cells of the categories that were looked up last. Most columns have few categories, most
// of them of at most sixteen bytes, and comparing two numbers is cheaper than hashing a string.
type categoryCache [1 << cacheBits]cachedCategory

type cachedCategory struct {
	head, tail uint64 // the first and the last eight bytes, which overlap
	value      string
	length     uint32 // of the value, plus one
	code       uint32
}

// at returns where a category is kept that begins with these bytes.
func (t *categoryCache) at(head uint64, span record.Span) *cachedCategory {
	return &t[(head+uint64(span.Length))*0x9e3779b97f4a7c15>>(64-cacheBits)]
}

func (t *categoryCache) code(c *profile.Column, b *record.Batch, span record.Span) uint32 {
	if int(span.Offset)+8 > len(b.Bytes) {
		return c.Category(b.Text(span))
	}
	head, tail := endsOf(b.Bytes, span)
	e := t.at(head, span)
	if e.head == head && e.tail == tail && e.length == span.Length+1 &&
		(span.Length <= 16 || e.value == string(b.Text(span))) {
		return e.code
	}
	value := b.Text(span)
	code := c.Category(value)
	if code < uint32(len(c.Categories)) && c.Categories[code] == string(value) {
		e.head, e.tail, e.value, e.length, e.code = head, tail, c.Categories[code], span.Length+1, code
	}
	return code
}

// endsOf returns the first and the last eight bytes of a span as numbers, of a shorter one all of it twice, with zeros
// for what is missing. At least eight bytes must follow its beginning. How long it is takes no branch, which the
// processor could not predict.
func endsOf(bytes []byte, span record.Span) (head, tail uint64) {
	from := int(span.Offset)
	last := from + max(int(span.Length)-8, 0)
	all := uint64(1)<<(8*uint64(span.Length)) - 1 // of eight bytes or more, a shift by all bits leaves 0
	return binary.LittleEndian.Uint64(bytes[from:from+8]) & all, binary.LittleEndian.Uint64(bytes[last:last+8]) & all
}
