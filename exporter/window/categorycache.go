package window

import (
	"encoding/binary"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const cacheBits = 6

// categoryCache remembers the cells of the categories that were looked up last. Most columns have few categories, most
// of them of at most eight bytes, and comparing one number is cheaper than hashing a string.
type categoryCache [1 << cacheBits]struct {
	head  uint64 // the first eight bytes
	value string
	code  uint32
}

func (t *categoryCache) code(c *profile.Column, b *record.Batch, span record.Span) uint32 {
	head := headOf(b.Bytes, span)
	e := &t[(head+uint64(span.Length))*0x9e3779b97f4a7c15>>(64-cacheBits)]
	if e.head == head && uint32(len(e.value)) == span.Length && span.Length > 0 &&
		(span.Length <= 8 || e.value == string(b.Text(span))) {
		return e.code
	}
	value := b.Text(span)
	code := c.Category(value)
	if code < uint32(len(c.Categories)) && c.Categories[code] == string(value) {
		e.head, e.value, e.code = head, c.Categories[code], code
	}
	return code
}

// headOf returns the first eight bytes of a span as a number, with zeros for what is missing.
func headOf(bytes []byte, span record.Span) uint64 {
	if end := int(span.Offset) + 8; end <= len(bytes) {
		head := binary.LittleEndian.Uint64(bytes[span.Offset:end])
		if span.Length < 8 {
			head &= 1<<(8*span.Length) - 1
		}
		return head
	}
	var few [8]byte
	copy(few[:], bytes[span.Offset:span.Offset+span.Length])
	return binary.LittleEndian.Uint64(few[:])
}
