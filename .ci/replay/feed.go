package replay

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// line is a record of a log as it stands there, newline included.
type line struct {
	// written is when the log got the line: a line that stands behind a later one was written after that.
	written time.Time
	text    []byte
}

// readLog reads the records of JSON Lines and CSV files, packed by gzip or not, in the order of the files. Of CSV files
// the header is apart; it has to be the same in all of them. Each record needs an RFC 3339 time in its field timestamp.
func readLog(paths ...string) (header []byte, lines []line, err error) {
	for _, path := range paths {
		own, more, err := readFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		if header != nil && !bytes.Equal(own, header) {
			return nil, nil, fmt.Errorf("%s: the header differs from that of the files before", path)
		}
		header, lines = own, append(lines, more...)
	}
	latest := time.Time{}
	for i := range lines {
		latest = latestOf(latest, lines[i].written)
		lines[i].written = latest
	}
	return header, lines, nil
}

func latestOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func readFile(path string) (header []byte, lines []line, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	var in io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(file); err != nil {
			return nil, nil, fmt.Errorf("unpacking: %w", err)
		}
	}
	timeOf := jsonTime
	reader := bufio.NewReader(in)
	if strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".csv") {
		if header, err = reader.ReadBytes('\n'); err != nil {
			return nil, nil, fmt.Errorf("reading the header: %w", err)
		}
		if timeOf, err = csvTime(header); err != nil {
			return nil, nil, err
		}
	}
	for number := 1; ; number++ {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return header, lines, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("record %d: %w", number, err)
		}
		at, err := timeOf(text)
		if err != nil {
			return nil, nil, fmt.Errorf("record %d: %w", number, err)
		}
		lines = append(lines, line{at, text})
	}
}

func jsonTime(text []byte) (time.Time, error) {
	var record struct{ Timestamp time.Time }
	err := json.Unmarshal(text, &record)
	return record.Timestamp, err
}

func csvTime(header []byte) (func([]byte) (time.Time, error), error) {
	fields, err := csv.NewReader(bytes.NewReader(header)).Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	at := slices.Index(fields, "timestamp")
	if at < 0 {
		return nil, fmt.Errorf("no column timestamp among %q", fields)
	}
	return func(text []byte) (time.Time, error) {
		values, err := csv.NewReader(bytes.NewReader(text)).Read()
		if err != nil {
			return time.Time{}, err
		}
		if at >= len(values) {
			return time.Time{}, fmt.Errorf("%d fields, no timestamp", len(values))
		}
		return time.Parse(time.RFC3339, values[at])
	}, nil
}

// feed writes a log as time goes by.
type feed struct {
	out   *os.File
	lines []line // not written yet
}

// newFeed makes a log at the path that has no records yet.
func newFeed(path string, header []byte, lines []line) (*feed, error) {
	out, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if _, err := out.Write(header); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return &feed{out, lines}, nil
}

// until writes what was written up to the time.
func (f *feed) until(now time.Time) error {
	n, found := slices.BinarySearchFunc(f.lines, now, func(l line, at time.Time) int {
		return cmp.Or(l.written.Compare(at), -1) // those of that very time too
	})
	if found {
		return errors.New("bug: no line compares equal")
	}
	var text []byte
	for _, l := range f.lines[:n] {
		text = append(text, l.text...)
	}
	f.lines = f.lines[n:]
	_, err := f.out.Write(text)
	return err
}
