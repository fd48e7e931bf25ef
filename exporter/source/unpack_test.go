package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t testing.TB, text string, options ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// joined is what two files are that were compressed apart and then joined.
func joined(a, b []byte) []byte { return append(append([]byte(nil), a...), b...) }

func TestUnpackTellsByTheFirstBytes(t *testing.T) {
	long := strings.Repeat("a line of a log\n", 100_000)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":                {nil, ""},
		"a short text":           {[]byte("a"), "a"},
		"a text":                 {[]byte(long), long},
		"gzip":                   {gzipped(t, long), long},
		"zstd":                   {zstandard(t, long), long},
		"zstd at a high level":   {zstandard(t, long, zstd.WithEncoderLevel(zstd.SpeedBestCompression)), long},
		"gzip of nothing":        {gzipped(t, ""), ""},
		"zstd of nothing":        {zstandard(t, "", zstd.WithZeroFrames(true)), ""},
		"two files of gzip":      {joined(gzipped(t, "a"), gzipped(t, "b")), "ab"},
		"two files of zstd":      {joined(zstandard(t, "a"), zstandard(t, "b")), "ab"},
		"zstd with a full frame": {zstandard(t, long, zstd.WithWindowSize(32<<20)), long},
	} {
		r, err := Unpack(bytes.NewReader(c.data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
			t.Errorf("%s: read %d bytes, error %v; want %d", name, len(got), err, len(c.want))
		}
	}
}

func TestUnpackSaysWhatIsWrong(t *testing.T) {
	long := strings.Repeat("a line of a log\n", 4_000_000)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"a cut header": {gzipped(t, "a")[:5], "is compressed by gzip and cut"},
		"cut gzip":     {gzipped(t, long)[:1000], "is compressed by gzip and cut: it ends behind"},
		"cut zstd":     {zstandard(t, long)[:1000], "is compressed by zstd and cut: it ends behind"},
		"damaged gzip": {append(gzipped(t, "a")[:12], make([]byte, 8)...), "is compressed by gzip and damaged"},
		"damaged zstd": {append(zstandard(t, long)[:500], make([]byte, 5000)...), "is compressed by zstd and damaged"},
		"a window that would take too much memory": {
			zstandard(t, long, zstd.WithWindowSize(64<<20)), "with a window of more than 32 MiB",
		},
	} {
		r, err := Unpack(bytes.NewReader(c.data))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
}

type brokenReader struct{}

var errBroken = errors.New("broken")

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

func TestUnpackPassesErrorsOn(t *testing.T) {
	if _, err := Unpack(brokenReader{}); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v", err)
	}
}
