package source

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// replaceBy gives a file another content and another name, as it looks when a file was removed and the file system gave
// its number to a new one.
func (r *rig) replaceBy(from, to, text string) {
	r.t.Helper()
	r.truncate(from)
	r.write(from, text)
	r.rename(from, to)
}

func TestANewFileMayHaveTheNumberOfARemovedOne(t *testing.T) {
	long := strings.Repeat("a record of some length\n", 20)
	packed := string(gzipped(t, long))
	for _, test := range []struct {
		name        string
		from, first string
		to, second  string
		records     int // of the second file
	}{
		{"a log that of an archive", "x.log.1.gz", packed, "x.log", "another\n" + long, 21},
		{"a short log that of an archive", "x.log.1.gz", packed, "x.log", "1\n", 1},
		{"an archive that of a log", "x.log.1", long + "one more\n", "x.log.2.gz", packed, 20},
		{"an archive that of an archive", "x.log.1.gz", packed, "x.log.2.zst", string(zstandard(t, "another\n"+long)), 21},
		{"a log that of a log", "x.log.1", long, "x.log", "another\n" + long + long, 41},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, Options{Follow: true, BlockSize: 64})
			r.write(test.from, test.first)
			r.poll()
			before := len(r.records)
			r.replaceBy(test.from, test.to, test.second)
			r.poll()
			r.linger()
			if n := len(r.records) - before; n != test.records {
				t.Errorf("read %d records of the new file, want %d: %q", n, test.records, r.records[before:])
			}
			for _, record := range r.records[before:] {
				if !strings.HasPrefix(record, test.to+": ") || strings.ContainsRune(record, 0x1f) {
					t.Errorf("read %q", record)
				}
			}
		})
	}
}

// What has another content when it comes to be read than when the poll has looked at it waits for the next poll.
func TestAFileThatChangesWithinAPoll(t *testing.T) {
	old := "an old record\n"
	begin := func(t *testing.T) *rig {
		r := newRig(t, Options{Follow: true})
		r.write("x.log", old)
		r.poll()
		r.write("x.log", old)
		return r
	}
	rewrite := func(r *rig) {
		r.truncate("x.log")
		r.write("x.log", strings.Repeat("a new record\n", 3))
	}
	want := []string{"x.log: an old record", "x.log: a new record", "x.log: a new record", "x.log: a new record"}
	t.Run("after it was identified", func(t *testing.T) {
		r := begin(t)
		r.source.discover()
		r.source.identify()
		rewrite(r)
		r.source.visit(t.Context(), r.source.files[0])
		r.poll()
		r.want(want...)
	})
	t.Run("between the look at its first bytes and the read", func(t *testing.T) {
		r := begin(t)
		f := r.source.files[0]
		r.must(r.source.openHandle(f))
		f.size = int64(2 * len(old))
		rewrite(r)
		var b Block
		if same, err := r.source.fill(f, &b); same || err != nil || len(b.Data) > 0 {
			t.Errorf("read %q of another content (same: %t), error %v", b.Data, same, err)
		}
		r.poll()
		r.want(want...)
	})
	t.Run("emptied, and then compressed data", func(t *testing.T) {
		r := newRig(t, Options{Follow: true})
		r.write("x.log", old)
		r.source.discover()
		r.truncate("x.log")
		r.source.identify()
		r.write("x.log", string(gzipped(t, "packed\n")))
		r.source.visit(t.Context(), r.source.files[0])
		r.poll()
		r.want("x.log: packed")
	})
}

// A tree of dates may have more files than positions are kept of files that are gone.
func TestManyFilesAreKnownAgain(t *testing.T) {
	const many = maxGone + 200
	r := newRig(t, Options{Follow: true})
	r.write("a.log", "1\n")
	for i := range many {
		r.write(fmt.Sprintf("b-%d.log", i), fmt.Sprintf("record %d, of some length\n", i))
	}
	r.poll()
	if n := len(r.records); n != many+1 {
		t.Fatalf("read %d records, want %d", n, many+1)
	}
	r.kill(len(r.taken))
	r.must(os.Rename(r.dir, r.dir+".away")) // as if a disk were missing at the start
	r.linger()
	r.must(os.Rename(r.dir+".away", r.dir))
	r.write("a.log", "2\n")
	r.linger()
	if n := len(r.records); n != many+2 {
		t.Errorf("read %d records in two runs, want %d", n, many+2)
	}
	if n := len(r.positions(len(r.taken))); n != many+1 {
		t.Errorf("%d positions are known, want %d", n, many+1)
	}

	for i := range many {
		r.remove(fmt.Sprintf("b-%d.log", i))
	}
	r.linger()
	r.poll()
	r.write("a.log", "3\n")
	r.poll()
	if n := len(r.positions(len(r.taken))); n != maxGone+1 {
		t.Errorf("%d positions are known of one file and of some that are gone, want %d", n, maxGone+1)
	}
}
