package window

import (
	"encoding/binary"

	"github.com/drift-exporter/drift_exporter/exporter/profile"
)

const cacheBits = 6

// categoryCache remembers the cells of the categories that were looked up last: most columns have few categories, and
// comparing one string is cheaper than hashing it.
type categoryCache [1 << cacheBits]struct {
	value string
	code  uint32
}

func (t *categoryCache) code(c *profile.Column, value []byte) uint32 {
	e := &t[slotOf(value)]
	if e.value == string(value) && len(value) > 0 {
		return e.code
	}
	code := c.Category(value)
	if code < uint32(len(c.Categories)) && c.Categories[code] == string(value) {
		e.value, e.code = c.Categories[code], code
	}
	return code
}

// slotOf mixes the length and the first bytes of a value.
func slotOf(value []byte) uint64 {
	var head [8]byte
	n := copy(head[:], value)
	h := binary.LittleEndian.Uint64(head[:]) + uint64(len(value))<<3 + uint64(n)
	return h * 0x9e3779b97f4a7c15 >> (64 - cacheBits)
}
