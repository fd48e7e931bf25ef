package receive

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

const mebi = 1 << 20

func openSpool(t *testing.T, folder string, limit int64) *Spool {
	t.Helper()
	s, err := OpenSpool(folder, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// segmentsOf returns the files of a spool, the oldest first, and what they hold behind their headers.
func segmentsOf(t *testing.T, folder string) (names, texts []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, Pattern))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, ok := bytes.Cut(data, []byte{'\n'})
		if !ok || !bytes.Contains(head, []byte(filepath.Base(path))) {
			t.Errorf("%s begins with %q", path, head)
		}
		names, texts = append(names, filepath.Base(path)), append(texts, string(rest))
	}
	return names, texts
}

func appendTo(t *testing.T, s *Spool, text string) {
	t.Helper()
	if err := s.Append([]byte(text), false); err != nil {
		t.Fatal(err)
	}
}

// Records are in the order of their writing, in segments of limited size, over several lives of the spool.
func TestSpoolKeepsAllInOrder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	line := strings.Repeat("x", 100<<10) + "\n"
	var written strings.Builder
	for life := range 3 {
		s := openSpool(t, folder, 4*mebi)
		for i := range 5 {
			text := fmt.Sprintf("%d.%d %s", life, i, line)
			written.WriteString(text)
			appendTo(t, s, text)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Append([]byte("late\n"), true); !errors.Is(err, ErrClosed) {
			t.Errorf("a closed spool gives %v", err)
		}
	}
	_, texts := segmentsOf(t, folder)
	if got := strings.Join(texts, ""); got != written.String() {
		t.Errorf("%d bytes are kept, %d were written", len(got), written.Len())
	}
	if len(texts) < 6 {
		t.Errorf("all is in %d segments", len(texts))
	}
	for _, text := range texts {
		if len(text) > shortestSegment {
			t.Errorf("a segment has %d bytes", len(text))
		}
	}
}

func TestSpoolIsBoundedAndReleases(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 2*mebi)
	line := []byte(strings.Repeat("x", 100<<10) + "\n")
	written := 0
	var err error
	for ; err == nil && written < 100; written++ {
		err = s.Append(line, false)
	}
	if !errors.Is(err, ErrFull) || s.Bytes() > 2*mebi || s.Fits(int64(len(line))) || written < 15 {
		t.Fatalf("after %d lines: %v, with %d bytes", written, err, s.Bytes())
	}
	names, _ := segmentsOf(t, folder)
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	// The second is counted to its end, the third not quite, and the last is still written to.
	last := names[len(names)-1]
	counted := map[string]int64{names[1]: size(names[1]), names[2]: size(names[2]) - 1, last: size(last), "other": 1 << 40}
	if err := s.Release(counted); err != nil {
		t.Fatal(err)
	}
	left, _ := segmentsOf(t, folder)
	if want := slices.Delete(slices.Clone(names), 1, 2); !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
	if err := s.Append(line, false); err != nil {
		t.Errorf("after some was released: %v", err)
	}
	total := int64(0)
	left, _ = segmentsOf(t, folder)
	for _, name := range left {
		total += size(name)
	}
	if s.Bytes() != total {
		t.Errorf("%d bytes are said to be kept, and %d are", s.Bytes(), total)
	}
	s.SetLimit(mebi)
	if err := s.Append([]byte("x\n"), false); !errors.Is(err, ErrFull) {
		t.Errorf("beyond a lower limit: %v", err)
	}
}

// What a process has left that was killed is whole lines, whatever it was doing.
func TestSpoolRepairsWhatWasCut(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 4*mebi)
	appendTo(t, s, "one\ntwo\n")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := segmentsOf(t, folder)
	whole, err := os.ReadFile(filepath.Join(folder, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	start := len(whole) - len("one\ntwo\n")
	long := append(slices.Clone(whole), bytes.Repeat([]byte{0}, 200<<10)...)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"a line without its end", whole[:len(whole)-1], "one\n"},
		{"nothing but whole lines", whole, "one\ntwo\n"},
		{"zeros that a crash of the system left", long, "one\ntwo\n"},
		{"nothing but a header", whole[:start], ""},
		{"a part of a header", whole[:start-5], ""},
		{"nothing", nil, ""},
		{"a part of the first line", whole[:start+2], ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, names[0]), test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			s := openSpool(t, folder, 4*mebi)
			now, texts := segmentsOf(t, folder)
			if strings.Join(texts, "") != test.want {
				t.Errorf("left is %q, want %q", texts, test.want)
			}
			if now[len(now)-1] <= names[0] {
				t.Errorf("the segment %s is written after %s", now[len(now)-1], names[0])
			}
			if len(now) != 1+min(len(test.want), 1) {
				t.Errorf("there are %d segments", len(now))
			}
			appendTo(t, s, "three\n")
		})
	}
}

// A write that failed in the middle must not become one with the next.
func TestSpoolAfterAFailedWrite(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 4*mebi)
	appendTo(t, s, "one\n")
	name := filepath.Join(folder, s.active.name)
	good := s.file
	readOnly, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	s.file = readOnly
	if err := s.Append([]byte("two\n"), false); err == nil {
		t.Fatal("writing to a file that cannot be written to gives no error")
	}
	s.file = good
	if err := readOnly.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.put([]byte("thr")); err != nil { // as a full disk does it
		t.Fatal(err)
	}
	appendTo(t, s, "four\n")
	appendTo(t, s, "five\n")
	if _, texts := segmentsOf(t, folder); texts[0] != "one\nthr\nfour\nfive\n" {
		t.Errorf("the spool holds %q", texts)
	}
}

func TestSpoolBelongsToOneProcess(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 4*mebi)
	if _, err := OpenSpool(folder, 4*mebi); !errors.Is(err, state.ErrInUse) || !strings.Contains(err.Error(), folder) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openSpool(t, folder, 4*mebi)
	if _, err := OpenSpool(filepath.Join(folder, "lock", "below a file"), mebi); err == nil {
		t.Error("a spool below a file can be opened")
	}
}

// Many write at once, some of them to the disk, while segments are sealed, synced and released.
func TestSpoolTakesManyWritersAtOnce(t *testing.T) {
	folder := t.TempDir()
	s := openSpool(t, folder, 16*mebi)
	var group sync.WaitGroup
	pad := strings.Repeat("x", 20<<10)
	for writer := range 8 {
		group.Go(func() {
			for i := range 50 {
				if err := s.Append(fmt.Appendf(nil, "%d %d %s\n", writer, i, pad), i%10 == 0); err != nil {
					t.Error(err)
				}
				if i%10 == 5 {
					if err := errors.Join(s.Sync(), s.Release(nil)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	_, texts := segmentsOf(t, folder)
	next := make(map[string]int)
	for line := range strings.Lines(strings.Join(texts, "")) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != pad || fields[1] != strconv.Itoa(next[fields[0]]) {
			t.Fatalf("the line %.20q is out of place", line)
		}
		next[fields[0]]++
	}
	for writer, n := range next {
		if n != 50 {
			t.Errorf("writer %s has %d lines", writer, n)
		}
	}
	if len(next) != 8 || len(texts) < 3 {
		t.Errorf("%d writers in %d segments", len(next), len(texts))
	}
	if err := s.Sync(); err != nil || len(s.unsynced) != 0 {
		t.Errorf("%d sealed files are open: %v", len(s.unsynced), err)
	}
}
