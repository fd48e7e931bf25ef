package source

import (
	"bytes"
	"fmt"
	"sort"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// Padding is the number of zero bytes behind the data of every block, so that a reader may load eight bytes at a time
// without looking at where the data ends.
const Padding = 64

// Block is a run of whole records of one file. The zero value is a free block, which gets its memory when it is first
// filled and keeps it.
type Block struct {
	// Data is whole records, each with its newline. At least Padding zero bytes follow it in its backing array. It is
	// empty in a block that only reports TooLong.
	Data []byte
	// File is the path under which the file was found.
	File string
	// First marks the first block since the file's beginning, where a byte order mark would be.
	First bool
	// Header is the file's first record with its newline, if Options.Header asks for it, else nil. It is empty where
	// the header is longer than Options.MaxRecord. It is shared between blocks and never written to again.
	Header []byte
	// Offset is where Data begins in the file, in bytes.
	Offset int64
	// TooLong is the number of records that stood before Data and were passed over because of their length.
	TooLong int
	// Position is where the content goes on behind this block. Who notes it once the block is counted, and gives it to
	// Options.Resume of another run, gets every record once.
	Position Position
	// Behind says that the source is still behind what there was when it began to read some part of a topic: then records
	// come out of order, and none of them is late.
	Behind bool
	// Messages are where the messages in Data begin, in the order of their offsets; nil in a block of a file. Missed are
	// those that it lacks.
	Messages []Message
	Missed   []Missed
	// Forgotten are the numbers of contents whose positions need not be kept any longer: their files are long gone.
	Forgotten []uint64
	// Began marks the block that ends the first poll under Options.AtEnd. It has no data, and Passed are the positions
	// at the ends of the contents that were passed over, which are kept like Position.
	Began  bool
	Passed []Position

	buffer []byte
}

// Message is a message of a topic.
type Message struct {
	// Line is the line of the block's data on which the message begins, counted from 0.
	Line int
	// Offset is that of the message in its partition.
	Offset int64
}

// Missed are messages of a topic that are not in the data of their block.
type Missed struct {
	Reason record.Reason
	// Offset is that of the first one.
	Offset int64
	Count  uint64
	// Detail says what is wrong with them, for a log message.
	Detail string
}

// Place is what log messages call a line of the block, counted from 0, before which the file has so many lines.
func (b *Block) Place(before, line int) string {
	if len(b.Messages) == 0 {
		return fmt.Sprintf("%s:%d", b.File, before+line+1)
	}
	after := sort.Search(len(b.Messages), func(i int) bool { return b.Messages[i].Line > line })
	return b.PlaceOf(b.Messages[max(0, after-1)].Offset)
}

// PlaceOf is what log messages call a message of the block.
func (b *Block) PlaceOf(offset int64) string { return fmt.Sprintf("%s@%d", b.File, offset) }

// reserve makes room for size bytes and the padding. It does not keep what the block holds.
func (b *Block) reserve(size int) {
	if len(b.buffer) < size+Padding {
		b.buffer = make([]byte, size+Padding)
	}
}

// set makes buffer[from:to] the block's data and writes the padding behind it.
func (b *Block) set(from, to int) {
	clear(b.buffer[to : to+Padding])
	b.Data = b.buffer[from:to]
}

// SplitLines is the Options.Split of formats in which every newline ends a record: it returns the length of data up to
// and with its last newline, 0 if it has none.
func SplitLines(data []byte) int {
	return bytes.LastIndexByte(data, '\n') + 1
}
