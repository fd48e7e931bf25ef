package source

import (
	"hash/crc64"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

const (
	// headSize is how many bytes at the beginning of a content tell it from another one.
	headSize = 1 << 10
	// tailSize is how many bytes before a position are remembered by their sum.
	tailSize = 1 << 10
)

// Position is how far the content of one file was read. The content is known by its first bytes and by those just
// before the position, so it is found again in a file that was renamed, copied or compressed.
type Position struct {
	// Content is the number of the content: every position of the same content has the same, in one run of a source, and
	// no other content has it.
	Content uint64
	// Path is where the file was last seen. Device and Inode are its numbers in the system, 0 where that has none.
	Path          string
	Device, Inode uint64
	// Offset is the length in bytes of what was read, up to the end of a record. Of a compressed file it is the length of
	// what was compressed.
	Offset int64
	// Skipping says that Offset lies in the midst of a record that is too long.
	Skipping bool
	// Head is a checksum of the first HeadLength bytes, Tail of the TailLength bytes before Offset.
	HeadLength, TailLength int
	Head, Tail             uint64
}

func checksum(b []byte) uint64 { return crc64.Checksum(b, crc64.MakeTable(crc64.ECMA)) }

// Save writes the position.
func (p *Position) Save(e *state.Encoder) {
	e.Uint(p.Content)
	e.String(p.Path)
	e.Uint(p.Device)
	e.Uint(p.Inode)
	e.Uint(uint64(p.Offset))
	e.Bool(p.Skipping)
	e.Uint(uint64(p.HeadLength))
	e.Uint(uint64(p.TailLength))
	e.Fixed(p.Head)
	e.Fixed(p.Tail)
}

// Load reads what Save wrote.
func (p *Position) Load(d *state.Decoder) {
	p.Content, p.Path, p.Device, p.Inode = d.Uint(), d.String(), d.Uint(), d.Uint()
	offset := d.Uint()
	p.Skipping = d.Bool()
	head, tail := d.Uint(), d.Uint()
	p.Head, p.Tail = d.Fixed(), d.Fixed()
	if offset > 1<<62 || head > headSize || tail > tailSize || tail > offset {
		d.Fail("the position in %q is impossible", p.Path)
		return
	}
	p.Offset, p.HeadLength, p.TailLength = int64(offset), int(head), int(tail)
}
