package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxWhole is the longest record that ReadChunks takes.
const maxWhole = 16 << 20

// Chunk is a run of whole records of a file. Its bytes are valid until the next one is read.
type Chunk struct {
	// First says that nothing stands in the file before it.
	First bool
	// Line is the number of its first line, counted from 1.
	Line int
	// Whole is all of it. It ends with a line end, even where the file lacks the last one.
	Whole []byte
	// Header is the file's first line if the format has headers. It stays valid.
	Header []byte
	// Data is what is to be decoded: Whole without the header. A decoder may read Padding bytes behind its end.
	Data []byte
}

// DataLine is the number of the first line of Data.
func (c *Chunk) DataLine() int {
	return c.Line + bytes.Count(c.Whole[:len(c.Whole)-len(c.Data)], []byte{'\n'})
}

// ReadChunks reads a whole file of training data in chunks of some hundred kilobytes, and calls use for each. An empty
// file is one empty chunk. An error of use ends it. name is how messages call the file.
func ReadChunks(r io.Reader, f Format, name string, use func(*Chunk) error) error {
	buf := make([]byte, 0, 256<<10)
	c := Chunk{First: true, Line: 1}
	for ended := false; !ended; {
		if cap(buf)-len(buf) < 64<<10 {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := r.Read(buf[len(buf) : cap(buf)-Padding-1]) // a line end may have to be added
		buf = buf[:len(buf)+n]
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: %w", name, err)
		}
		if ended = err != nil; ended && len(buf) > 0 && buf[len(buf)-1] != '\n' {
			buf = append(buf, '\n')
		}
		whole := f.Split(buf)
		if ended {
			whole = len(buf)
		}
		if whole > 0 || ended && c.First {
			c.Whole, c.Data = buf[:whole], buf[:whole]
			if f.Header && c.First {
				end := bytes.IndexByte(c.Data, '\n') + 1
				c.Header, c.Data = bytes.Clone(c.Data[:end]), c.Data[end:]
			}
			// Decoders are fastest where zeros stand behind the data.
			padding := buf[whole : whole+Padding]
			behind := [Padding]byte(padding)
			clear(padding)
			if err := use(&c); err != nil {
				return err
			}
			copy(padding, behind[:])
			if f.Lines != nil {
				c.Line += f.Lines(c.Whole)
			} else {
				c.Line += bytes.Count(c.Whole, []byte{'\n'})
			}
			c.First = false
		}
		buf = buf[:copy(buf, buf[whole:])]
		if len(buf) > maxWhole {
			return fmt.Errorf("%s:%d: record longer than %d bytes", name, c.Line, maxWhole)
		}
	}
	return nil
}
