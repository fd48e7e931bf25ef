package window

import (
	"encoding/binary"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
	"github.com/drift-exporter/drift_exporter/exporter/record"
)

const cacheBits = 7

// categoryCache remembers the cells of the categories that were looked up last. Most columns have few categories, most
// of them short.
type categoryCache [1 << cacheBits]cachedCategory

type cachedCategory struct {
	name record.Short // or the ends of a longer one
	code uint32
}

// at returns where a category is kept.
func (t *categoryCache) at(name record.Short) *cachedCategory {
	return &t[(name.Head^name.Tail)*0x9e3779b97f4a7c15>>(64-cacheBits)]
}

// count counts the categories of spans up to the first one that it does not keep, or that is long or none, and returns
// how many these are.
func (t *categoryCache) count(b *record.Batch, spans []record.Span, counts []uint32) int {
	for i, span := range spans {
		name := b.Short(span)
		e := t.at(name)
		if e.name != name {
			return i
		}
		counts[e.code]++
	}
	return len(spans)
}

// code returns the cell of a category, and keeps it if it is one of the reference.
func (t *categoryCache) code(c *profile.Column, value []byte) uint32 {
	name := record.ShortOf(value)
	long := name == record.NoShort
	if long {
		// Its ends tell where it is kept; with these bits they are no Short.
		last := len(value) - 8
		name = record.Short{
			Head: binary.LittleEndian.Uint64(value), Tail: binary.LittleEndian.Uint64(value[last:])&^1 | 0xff<<56,
		}
	}
	e := t.at(name)
	if e.name == name && (!long || c.Categories[e.code] == string(value)) {
		return e.code
	}
	code := c.Category(value)
	if code < uint32(len(c.Categories)) && c.Categories[code] == string(value) {
		*e = cachedCategory{name, code}
	}
	return code
}
