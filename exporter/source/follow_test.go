package source

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestFollow(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		steps   func(*rig)
	}{
		{"records cut anywhere are put together, also within a character", Options{}, func(r *rig) {
			for _, piece := range strings.SplitAfter("a=\xc3|\xa9\n|b|=2\nc=3|\n", "|") {
				r.write("x.log", strings.TrimSuffix(piece, "|"))
				r.poll()
			}
			r.want("x.log: a=é", "x.log: b=2", "x.log: c=3")
		}},
		{"an unterminated last line waits for its end", Options{}, func(r *rig) {
			r.write("x.log", "one\ntw")
			r.poll()
			r.poll()
			r.want("x.log: one")
			r.wantStats(Stats{Up: true, Bytes: 6, Files: 1})
			r.write("x.log", "o\n")
			r.poll()
			r.want("x.log: two")
		}},
		{"the first pass is in the order of paths and later files come behind", Options{Pattern: "**/*.log"}, func(r *rig) {
			r.write("b.log", "b1\n")
			r.write("a/z/deep.log", "d1\n")
			r.write("a/skip.txt", "no\n")
			r.write("c.log", "c1\n")
			r.poll()
			r.want("a/z/deep.log: d1", "b.log: b1", "c.log: c1")
			r.write("a/a.log", "n1\n")
			r.write("c.log", "c2\n")
			r.poll()
			r.want("c.log: c2", "a/a.log: n1")
		}},
		{"a renamed file that still matches is drained before its successor and not read twice", Options{}, func(r *rig) {
			r.write("x.log", "1\n2")
			r.poll()
			r.want("x.log: 1")
			r.write("x.log", "2\n3\n")
			r.rename("x.log", "x.log.1")
			r.write("x.log", "4\n")
			r.poll()
			r.want("x.log.1: 22", "x.log.1: 3", "x.log: 4")
			r.linger()
			r.want()
			r.wantStats(Stats{Up: true, Bytes: 9, Files: 2, Rotations: 1})
		}},
		{"a chain of renames moves no record", Options{}, func(r *rig) {
			r.write("x.log", "1\n")
			r.poll()
			for i := range 4 {
				for j := i; j > 0; j-- {
					r.rename(fmt.Sprint("x.log.", j), fmt.Sprint("x.log.", j+1))
				}
				r.rename("x.log", "x.log.1")
				r.write("x.log", fmt.Sprintln(i+2))
				r.poll()
			}
			r.want("x.log: 1", "x.log: 2", "x.log: 3", "x.log: 4", "x.log: 5")
		}},
		{"a file renamed out of the pattern is drained and its last line ended", Options{Pattern: "*.log"}, func(r *rig) {
			r.write("x.log", "1\n")
			r.poll()
			r.write("x.log", "2\n3")
			r.rename("x.log", "x.old")
			r.write("x.log", "4\n")
			r.poll()
			r.want("x.log: 1", "x.log: 2", "x.log: 4")
			r.linger()
			r.want("x.log: 3")
			r.wantStats(Stats{Up: true, Bytes: 7, Files: 1, Rotations: 1})
		}},
		{"what is still written to a rotated file is read", Options{Pattern: "*.log"}, func(r *rig) {
			r.write("x.log", "1\n2")
			r.poll()
			r.rename("x.log", "x.old")
			for i := range 5 {
				r.poll()
				r.poll()
				r.write("x.old", fmt.Sprintf("%d\n", i))
			}
			r.linger()
			r.want("x.log: 1", "x.log: 20", "x.log: 1", "x.log: 2", "x.log: 3", "x.log: 4")
			r.wantStats(Stats{Bytes: 13, Rotations: 1})
		}},
		{"a file missed by one listing and back under another name goes on", Options{}, func(r *rig) {
			r.write("x.log", "1\n2")
			r.poll()
			r.rename("x.log", "away")
			r.poll()
			r.rename("away", "x.log.1")
			r.write("x.log.1", "2\n")
			r.poll()
			r.want("x.log: 1", "x.log.1: 22")
			r.wantStats(Stats{Up: true, Bytes: 5, Files: 1, Rotations: 1})
		}},
		{"a removed file is drained and its successor read", Options{}, func(r *rig) {
			r.write("x.log", "1\n")
			r.poll()
			r.write("x.log", "2\n3")
			r.remove("x.log")
			r.poll()
			r.want("x.log: 1", "x.log: 2")
			r.wantStats(Stats{Bytes: 5, Rotations: 1})
			r.linger()
			r.want("x.log: 3")
			r.write("x.log", "1\n")
			r.poll()
			r.want("x.log: 1")
			r.wantStats(Stats{Up: true, Bytes: 7, Files: 1, Rotations: 1})
		}},
		{"a truncated file is read from its beginning", Options{}, func(r *rig) {
			r.write("x.log", "1\n2\n3")
			r.poll()
			r.truncate("x.log")
			r.poll()
			r.want("x.log: 1", "x.log: 2") // a copy may have the rest of what is begun
			r.write("x.log", "4\n")
			r.poll()
			r.want("x.log: 3", "x.log: 4")
			r.wantStats(Stats{Up: true, Bytes: 7, Files: 1, Truncations: 1})
		}},
		{"a truncated file that has outgrown what was read is read from its beginning", Options{}, func(r *rig) {
			r.write("x.log", "1\n2\n")
			r.poll()
			r.truncate("x.log")
			r.write("x.log", "3\n4\n5\n")
			r.poll()
			r.want("x.log: 1", "x.log: 2", "x.log: 3", "x.log: 4", "x.log: 5")
			r.wantStats(Stats{Up: true, Bytes: 10, Files: 1, Truncations: 1})
			if !r.blocks[1].First || r.blocks[1].Offset != 0 {
				t.Errorf("first block after truncation: %+v", r.blocks[1])
			}
		}},
		{"a file cut back behind its first bytes is read from its beginning", Options{}, func(r *rig) {
			line := strings.Repeat("x", 1500)
			r.write("x.log", line+"\n2\n")
			r.poll()
			r.must(os.Truncate(r.path("x.log"), 1501))
			r.poll()
			r.want("x.log: "+line, "x.log: 2", "x.log: "+line)
		}},
		{"an empty file is a file", Options{}, func(r *rig) {
			r.write("x.log", "")
			r.poll()
			r.want()
			r.wantStats(Stats{Up: true, Files: 1})
			r.write("x.log", "1\n")
			r.poll()
			r.want("x.log: 1")
		}},
		{"no file is not an error but not up", Options{}, func(r *rig) {
			r.poll()
			r.want()
			r.wantStats(Stats{})
			if text := r.source.Stats().LastError; text != "" {
				t.Errorf("last error %q, want none", text)
			}
		}},
		{"links to a file do not read it again", Options{}, func(r *rig) {
			r.write("x.log", "1\n")
			r.must(os.Symlink(r.path("x.log"), r.path("a.log")))
			r.poll()
			r.must(os.Link(r.path("x.log"), r.path("0.log")))
			r.write("x.log", "2\n")
			r.poll()
			r.want("a.log: 1", "a.log: 2")
			r.wantStats(Stats{Up: true, Bytes: 4, Files: 1})
		}},
		{"directories and dangling links are no files", Options{}, func(r *rig) {
			r.write("d.log/readme", "no\n")
			r.must(os.Symlink(r.path("nowhere"), r.path("l.log")))
			r.poll()
			r.want()
			r.wantStats(Stats{})
		}},
		{
			"a record longer than the limit is passed over across many blocks",
			Options{MaxRecord: 20, BlockSize: 4},
			func(r *rig) {
				r.write("x.log", "1\n"+strings.Repeat("long", 30))
				r.poll()
				r.want("x.log: 1", "x.log: too long")
				r.write("x.log", strings.Repeat("long", 30)+"\n2\n"+strings.Repeat("y", 19)+"\n"+strings.Repeat("z", 20)+"\n3\n")
				r.poll()
				r.want("x.log: 2", "x.log: "+strings.Repeat("y", 19), "x.log: too long", "x.log: 3")
			},
		},
		{
			"a record too long that a rotation cuts does not swallow the next file",
			Options{Pattern: "*.log", MaxRecord: 8},
			func(r *rig) {
				r.write("x.log", "123456789")
				r.poll()
				r.truncate("x.log")
				r.write("x.log", "1\n")
				r.poll()
				r.want("x.log: too long", "x.log: 1")
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.options.Follow = true
			r := newRig(t, test.options)
			r.t = t
			test.steps(r)
		})
	}
}

// A closed file is known by its inode number and its first bytes: another content under the same number is another
// file, as after a removal that let a new file have the number.
func TestFollowReusedInodeIsReadFromItsBeginning(t *testing.T) {
	r := newRig(t, Options{Follow: true})
	r.source.maxOpen = 1
	r.write("a.log", "a1\n")
	r.write("b.log", "b1\n")
	r.poll()
	r.want("a.log: a1", "b.log: b1")
	if len(r.source.open) != 1 || r.source.open[0].path != r.path("b.log") {
		t.Fatalf("open files are %v, want only b.log", r.source.open)
	}
	r.truncate("a.log")
	r.write("a.log", "c1\nc2\n")
	r.rename("a.log", "c.log")
	r.poll()
	r.want("c.log: c1", "c.log: c2")
}

func TestFollowManyFilesWithFewHandles(t *testing.T) {
	const files, limit = 200, 8
	r := newRig(t, Options{Follow: true})
	r.source.maxOpen = limit
	for round := range 4 {
		var want []string
		for i := range files {
			if round > 0 && i%(round*7) != 0 {
				continue // idle files are closed and come back
			}
			name := fmt.Sprintf("%03d.log", i)
			r.write(name, fmt.Sprintf("%d of round %d\n", i, round))
			want = append(want, fmt.Sprintf("%s: %d of round %d", name, i, round))
		}
		r.poll()
		r.want(want...)
		if n := len(r.source.open); n > limit {
			t.Errorf("%d files are open, want at most %d", n, limit)
		}
	}
	for i := range files {
		r.rename(fmt.Sprintf("%03d.log", i), fmt.Sprintf("%03d.log.1", i))
	}
	r.poll()
	r.want()
	if stats := r.source.Stats(); stats.Files != files || stats.Rotations != files || stats.LagBytes != 0 {
		t.Errorf("after renaming all files: %+v", stats)
	}
	for i := range files {
		r.remove(fmt.Sprintf("%03d.log.1", i))
	}
	r.linger()
	if n := len(r.source.files) + len(r.source.byPath) + len(r.source.byInode) + len(r.source.open); n != 0 {
		t.Errorf("%d traces of removed files are left", n)
	}
}

func TestHeader(t *testing.T) {
	tests := []struct {
		name  string
		steps func(*rig)
		want  []string // "header|data" for each block
	}{
		{"the header is in every block and never data", func(r *rig) {
			r.write("x.log", "a,")
			r.poll()
			r.write("x.log", "b\n1,")
			r.poll()
			r.write("x.log", "2\n3,4\n")
			r.poll()
			r.write("x.log", "5,6\n")
			r.poll()
		}, []string{"a,b\n|1,2\n3,4\n", "a,b\n|5,6\n"}},
		{"each file and each new content has a header of its own", func(r *rig) {
			r.write("x.log", "a,b\n1,2\n")
			r.write("y.log", "c\n3\n")
			r.poll()
			r.truncate("x.log")
			r.write("x.log", "d\n4\n")
			r.poll()
		}, []string{"a,b\n|1,2\n", "c\n|3\n", "d\n|4\n"}},
		{"a header may contain newlines and be longer than a block", func(r *rig) {
			r.write("x.log", "\"a\nand\nmore than a block\",b\n1,\"2\n3\"\n4,5\n")
			r.poll()
		}, []string{"\"a\nand\nmore than a block\",b\n|1,\"2\n3\"\n4,5\n"}},
		{"a file of nothing but a cut header has no data", func(r *rig) {
			r.write("x.log", "a,b")
			r.poll()
			r.remove("x.log")
			r.linger()
		}, nil},
		{"a header that is too long is empty and the rest is read", func(r *rig) {
			r.write("x.log", strings.Repeat("h", 70)+"\n1,2\n")
			r.poll()
		}, []string{"|", "|1,2\n"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, Options{Header: true, Follow: true, Split: splitQuoted, BlockSize: 16, MaxRecord: 64})
			test.steps(r)
			var got []string
			for _, b := range r.blocks {
				if b.Header == nil {
					t.Errorf("block without header: %+v", b)
				}
				got = append(got, fmt.Sprintf("%s|%s", b.Header, b.Data))
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
				t.Errorf("got blocks %q, want %q", got, test.want)
			}
		})
	}
}

// splitQuoted is an Options.Split for CSV: newlines between double quotes do not end a record.
func splitQuoted(data []byte) int {
	end, quoted := 0, false
	for i, c := range data {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			end = i + 1
		}
	}
	return end
}

func TestBlocksSayWhereTheyAre(t *testing.T) {
	const text = "12\n4567\n8\nabcdefghijkl\nthis one is too long\n9\nlast"
	for _, header := range []bool{false, true} {
		t.Run(fmt.Sprintf("header %v", header), func(t *testing.T) {
			r := newRig(t, Options{Follow: true, Header: header, BlockSize: 8, MaxRecord: 16})
			r.write("x.log", text)
			r.poll()
			r.remove("x.log")
			r.linger()
			for i, b := range r.blocks {
				if first := i == 0; b.First != first {
					t.Errorf("block %d: First is %v", i, b.First)
				}
				if !strings.HasPrefix(text[b.Offset:]+"\n", string(b.Data)) {
					t.Errorf("block %d: data %q at offset %d, where the file has %q", i, b.Data, b.Offset, text[b.Offset:])
				}
			}
			want := []string{
				"x.log: 12", "x.log: 4567", "x.log: 8", "x.log: abcdefghijkl", "x.log: too long", "x.log: 9",
				"x.log: last",
			}
			if header {
				want = want[1:]
			}
			r.want(want...)
		})
	}
}

// A file may leave between being found and being opened. That is rotation and not an error.
func TestFilesThatLeaveBeforeTheyAreOpened(t *testing.T) {
	tests := []struct {
		name  string
		leave func(*rig)
		want  []string // after the next poll
	}{
		{"removed", func(r *rig) { r.remove("x.log") }, nil},
		{"renamed", func(r *rig) { r.rename("x.log", "x.log.1") }, []string{"x.log.1: 1"}},
		{"replaced", func(r *rig) {
			r.rename("x.log", "x.log.1")
			r.write("x.log", "2\n")
		}, []string{"x.log.1: 1", "x.log: 2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, Options{Follow: true})
			r.write("x.log", "1\n")
			r.source.discover()
			test.leave(r)
			r.source.visit(t.Context(), r.source.files[0])
			r.want()
			if r.source.failure != nil {
				t.Errorf("leaving is an error: %v", r.source.failure)
			}
			r.poll()
			r.want(test.want...)
		})
	}
}

// The handle of a file that left the pattern is the only way to what it gained last.
func TestFollowKeepsRotatedFilesOpenBeyondTheLimit(t *testing.T) {
	r := newRig(t, Options{Pattern: "*.log", Follow: true})
	r.source.maxOpen = 1
	r.write("a.log", "a1\n")
	r.write("b.log", "b1\n")
	r.poll()
	r.write("a.log", "a2\n")
	r.write("b.log", "b2\n")
	r.rename("b.log", "b.old")
	r.poll()
	r.want("a.log: a1", "b.log: b1", "a.log: a2", "b.log: b2")
}

func TestFollowFileTruncatedWhileBeingRead(t *testing.T) {
	r := newRig(t, Options{Follow: true, BlockSize: 4})
	r.write("x.log", "1\n2\n3\n4\n5\n")
	emit := r.source.emit
	r.source.emit = func(b *Block) {
		if emit(b); len(r.blocks) == 1 {
			r.truncate("x.log")
		}
	}
	r.poll()
	r.want("x.log: 1", "x.log: 2")
	r.write("x.log", "6\n")
	r.poll()
	r.want("x.log: 6")
	r.wantStats(Stats{Up: true, Bytes: 6, Files: 1, Truncations: 1})
}

// A header is found again by who goes on behind it, however long it is.
func TestHeaderIsFoundAgain(t *testing.T) {
	for _, length := range []int{10, 4<<10 - 1, 4 << 10, 4<<10 + 1, 9 << 10, 20 << 10, 21 << 10} {
		r := newRig(t, Options{Header: true, Follow: true, MaxRecord: 20 << 10})
		header := strings.Repeat("h", length-1) + "\n"
		r.write("a.log", header+"one\n")
		r.poll()
		r.kill(len(r.taken))
		r.write("a.log", "two\n")
		r.poll()
		want := header
		if length > 20<<10 {
			want = "" // longer than a record may be
		}
		if last := r.blocks[len(r.blocks)-1]; string(last.Header) != want || string(last.Data) != "two\n" {
			t.Errorf("of a header of %d bytes %d are found before %.20q", length, len(last.Header), last.Data)
		}
	}
}
