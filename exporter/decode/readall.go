package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// maxWhole is the longest record that ReadAll takes.
const maxWhole = 16 << 20

// ReadAll reads a whole file of training data and calls use for each batch of its records. A line that is no record
// ends it with an error that names the line, counted from 1; name is how messages call the file.
func ReadAll(r io.Reader, f Format, s *record.Schema, name string, use func(*record.Batch)) error {
	decoder := f.New(s, 0)
	var batch record.Batch
	buf := make([]byte, 0, 256<<10)
	var header []byte
	line := 1
	for ended := false; !ended; {
		if cap(buf)-len(buf) < 64<<10 {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := r.Read(buf[len(buf) : cap(buf)-Padding])
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
		data := buf[:whole]
		if f.Header && header == nil && whole > 0 {
			end := bytes.IndexByte(data, '\n') + 1
			header, data = bytes.Clone(data[:end]), data[end:]
			line++
		}
		decoder.Decode(header, data, &batch)
		if len(batch.Rejects) > 0 {
			bad := &batch.Rejects[0]
			return fmt.Errorf("%s:%d: %s", name, line+bad.Line, bad.Detail)
		}
		line += batch.Lines
		use(&batch)
		buf = buf[:copy(buf, buf[whole:])]
		if len(buf) > maxWhole {
			return fmt.Errorf("%s:%d: record longer than %d bytes", name, line, maxWhole)
		}
	}
	return nil
}
