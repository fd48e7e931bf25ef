package source

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// streamed runs a source over a stream that is written by write, and returns what it emitted.
func streamed(t *testing.T, o Options, write func(w io.Writer) error) (records []string, blocks []Block, s *Files) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	written := make(chan error, 1)
	go func() { written <- errors.Join(write(out), out.Close()) }()
	o.Pattern, o.Stream = "-", in
	s = New(o)
	free := make(chan *Block, 1)
	free <- new(Block)
	s.Run(t.Context(), free, func(b *Block) {
		records = append(records, strings.SplitAfter(string(b.Data), "\n")...)
		blocks = append(blocks, *b)
		free <- b
	})
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	records = slices.DeleteFunc(records, func(r string) bool { return r == "" })
	return records, blocks, s
}

func numbered(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "record %d\n", i)
	}
	return out.String()
}

func TestStreamIsReadToItsEnd(t *testing.T) {
	text := numbered(100_000)
	packed := func(w io.Writer) error {
		z := gzip.NewWriter(w)
		_, err := io.WriteString(z, text)
		return errors.Join(err, z.Close())
	}
	for name, write := range map[string]func(io.Writer) error{
		"plain": func(w io.Writer) error { _, err := io.WriteString(w, text); return err },
		"without a last newline": func(w io.Writer) error {
			_, err := io.WriteString(w, strings.TrimSuffix(text, "\n"))
			return err
		},
		"by gzip": packed,
	} {
		records, blocks, s := streamed(t, Options{}, write)
		if got := strings.Join(records, ""); got != text {
			t.Errorf("%s: %d bytes were read, want %d", name, len(got), len(text))
		}
		for i, b := range blocks {
			if b.First != (i == 0) || b.File != "-" || len(b.Header) != 0 {
				t.Errorf("%s: block %d is the first: %t, of the file %q", name, i, b.First, b.File)
			}
		}
		if stats := s.Stats(); !stats.Up || stats.LagBytes != 0 || stats.LastError != "" ||
			stats.Bytes < uint64(len(text)-1) {
			t.Errorf("%s: the source says %+v", name, stats)
		}
		select {
		case <-s.CaughtUp():
		default:
			t.Errorf("%s: the source has not caught up", name)
		}
	}
}

func TestStreamWithAHeader(t *testing.T) {
	records, blocks, _ := streamed(t, Options{Header: true}, func(w io.Writer) error {
		_, err := io.WriteString(w, "a,b\n1,2\n3,4\n")
		return err
	})
	if !slices.Equal(records, []string{"1,2\n", "3,4\n"}) || string(blocks[0].Header) != "a,b\n" {
		t.Errorf("got %q", records)
	}
}

func TestStreamThatIsBroken(t *testing.T) {
	_, _, s := streamed(t, Options{}, func(w io.Writer) error {
		_, err := io.WriteString(w, "\x1f\x8bxxxxxxxxxxxxxxxxx")
		return err
	})
	if stats := s.Stats(); stats.Up || !strings.Contains(stats.LastError, "gzip") {
		t.Errorf("the source says %+v", stats)
	}
}

// A stream that never ends is read as it comes, and does not hold up who stops.
func TestStreamThatIsFollowed(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := New(Options{Pattern: "-", Stream: in, Follow: true})
	ctx, cancel := context.WithCancel(t.Context())
	free, emitted, ended := make(chan *Block, 1), make(chan string), make(chan struct{})
	free <- new(Block)
	go func() {
		defer close(ended)
		s.Run(ctx, free, func(b *Block) {
			emitted <- string(b.Data)
			free <- b
		})
	}()
	<-s.CaughtUp()
	for _, text := range []string{"first\n", "second\nthird\n"} {
		if _, err := io.WriteString(out, text); err != nil {
			t.Fatal(err)
		}
		if got := <-emitted; got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	cancel()
	<-ended
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
