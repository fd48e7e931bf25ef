package record

import "encoding/binary"

// MaxShort is how many bytes a text has at most of which there is a Short.
const MaxShort = 15

// Short is a text of up to MaxShort bytes: two of them are equal where the texts are. Comparing two numbers is several
// times cheaper than comparing or hashing strings, and most categories, classes and versions are no longer. The zero
// value is that of no text, not of the empty one.
type Short struct {
	// Head are the first eight bytes. Tail are the next seven, and above them the length plus one.
	Head, Tail uint64
}

// NoShort stands for what has no Short. It equals none of a text.
var NoShort = Short{Tail: 1<<64 - 1}

// shortMasks say for each length which bits of two words are a text's own, and what its length adds to the second one.
var shortMasks = func() (all [MaxShort + 1]struct{ head, tail, length uint64 }) {
	for n := range all {
		all[n].head = 1<<(8*min(n, 8)) - 1
		all[n].tail = 1<<(8*max(n-8, 0)) - 1
		all[n].length = uint64(n+1) << 56
	}
	return all
}()

// ShortOf returns the Short of a text, NoShort if it has too many bytes.
func ShortOf(text []byte) Short {
	if len(text) > MaxShort {
		return NoShort
	}
	var padded [MaxShort + 1]byte
	copy(padded[:], text)
	return shortOf(&padded, uint32(len(text)))
}

// Short returns the Short of a span, NoShort if it is no string or has too many bytes, and also where it is so close to
// the end of Bytes that only ShortOf can tell.
func (b *Batch) Short(s Span) Short {
	from := int(s.Offset)
	if s.Length > MaxShort || from+MaxShort+1 > len(b.Bytes) {
		return NoShort
	}
	return shortOf((*[MaxShort + 1]byte)(b.Bytes[from:from+MaxShort+1]), s.Length)
}

// shortOf is ShortOf of the first bytes of some. How many they are takes no branch, which the processor could not
// predict.
func shortOf(bytes *[MaxShort + 1]byte, length uint32) Short {
	m := &shortMasks[length%(MaxShort+1)]
	return Short{
		binary.LittleEndian.Uint64(bytes[:8]) & m.head, binary.LittleEndian.Uint64(bytes[8:])&m.tail | m.length,
	}
}

// Append appends the text to a buffer. There must be one.
func (s Short) Append(to []byte) []byte {
	var all [MaxShort + 1]byte
	binary.LittleEndian.PutUint64(all[:8], s.Head)
	binary.LittleEndian.PutUint64(all[8:], s.Tail)
	return append(to, all[:s.Tail>>56-1]...)
}
