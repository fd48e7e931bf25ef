package source

import "bytes"

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
	// Forgotten are the numbers of contents whose positions need not be kept any longer: their files are long gone.
	Forgotten []uint64
	// Began marks the block that ends the first poll under Options.AtEnd. It has no data, and Passed are the positions
	// at the ends of the contents that were passed over, which are kept like Position.
	Began  bool
	Passed []Position

	buffer []byte
}

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
