package source

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

var startOptions = map[string]Options{
	"lines":                   {Follow: true, AtEnd: true, EachLine: true, MaxRecord: 64, BlockSize: 16},
	"records read from there": {Follow: true, AtEnd: true, MaxRecord: 64, BlockSize: 16},
}

func TestWhatWasThereAtTheFirstStartIsPassedOver(t *testing.T) {
	for name, options := range startOptions {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, options)
			r.write("a.log", strings.Repeat("an old record\n", 100)+"half of")
			r.write("b.log", "")
			r.write("c.log.gz", string(gzipped(t, strings.Repeat("packed\n", 50))))
			r.write("d.log", strings.Repeat("a record without end", 10))
			r.poll()
			r.want()
			if stats := r.source.Stats(); !stats.Up || stats.LagBytes != 0 || stats.Files != 4 {
				t.Errorf("statistics are %+v", stats)
			}
			for _, b := range r.blocks {
				if len(b.Data) > 0 || b.TooLong > 0 {
					t.Errorf("emitted the block %+v", b)
				}
			}
			r.write("a.log", " a record\nnew\n")
			r.write("b.log", "1\n")
			r.write("d.log", " and its end\nnew\n")
			r.write("e.log", "all\nof it\n")
			r.poll()
			r.want("a.log: half of a record", "a.log: new", "b.log: 1", "d.log: new", "e.log: all", "e.log: of it")

			// Packed or renamed, it is known.
			r.rename("a.log", "a.log.1")
			r.write("a.log.1.zst", string(zstandard(t, r.text("a.log.1"))))
			r.remove("a.log.1")
			r.rename("c.log.gz", "c.log.1.gz")
			r.linger()
			r.want()
		})
	}
}

func (r *rig) text(name string) string {
	r.t.Helper()
	data, err := os.ReadFile(r.path(name))
	r.must(err)
	return string(data)
}

// Whoever has counted the block that tells where files begin goes on from there; before that, every start is the first.
func TestTheFirstStartIsOverWhenThatWasCounted(t *testing.T) {
	for name, options := range startOptions {
		t.Run(name, func(t *testing.T) {
			old := strings.Repeat("an old record\n", 100)
			r := newRig(t, options)
			r.write("a.log", old)
			r.poll()
			r.want()
			r.kill(0)
			r.write("a.log", "missed\n")
			r.write("b.log", "missed\n")
			r.poll()
			r.want()
			r.kill(1)
			r.write("a.log", "1\n")
			r.write("c.log", "2\n")
			r.poll()
			r.kill(3)
			r.rename("a.log", "a.log.1")
			r.write("a.log.1", "3\n")
			r.poll()
			r.linger()
			r.want("a.log: 1", "c.log: 2", "a.log.1: 3")
		})
	}
}

// The first start of a source that another one goes on in, such as that of a moved log, is no first one.
func TestALogThatIsKnownIsReadOn(t *testing.T) {
	r := newRig(t, Options{Follow: true})
	r.write("a.log", strings.Repeat("an old record\n", 100))
	r.poll()
	r.kill(len(r.taken))
	r.want(strings.Split(strings.TrimSuffix(strings.Repeat("a.log: an old record\n", 100), "\n"), "\n")...)
	r.options.AtEnd = true
	r.begin()
	r.write("a.log", "1\n")
	r.write("b.log", "2\n")
	r.poll()
	r.want("a.log: 1", "b.log: 2")
	if last := r.taken[len(r.taken)-1]; !last.began || len(last.passed) > 0 {
		t.Errorf("the last block tells %+v, want that nothing was passed over", last)
	}
}

func TestTheHeaderOfALogThatIsBegunAtItsEnd(t *testing.T) {
	for _, killed := range []bool{false, true} {
		r := newRig(t, Options{Follow: true, AtEnd: true, Header: true})
		r.write("a.log", "id,age\n1,2\n")
		r.write("b.log", "id,")
		r.poll()
		r.want()
		if killed {
			r.kill(len(r.taken))
		}
		r.write("a.log", "3,4\n")
		r.write("b.log", "size\n5,6\n")
		r.poll()
		r.want("a.log: 3,4", "b.log: 5,6")
		last := r.blocks[len(r.blocks)-2:]
		if !bytes.Equal(last[0].Header, []byte("id,age\n")) || last[0].First || last[0].Offset != 11 {
			t.Errorf("the block of the first log is %+v", last[0])
		}
		if !bytes.Equal(last[1].Header, []byte("id,size\n")) || !last[1].First {
			t.Errorf("the block of the second log is %+v", last[1])
		}
	}
}

func TestFilesThatAreTooOldAreLeftAlone(t *testing.T) {
	since := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r := newRig(t, Options{Follow: true, Since: since})
	r.write("a.log", "1\n")
	r.write("b.log", "2\n")
	r.write("c.log.gz", string(gzipped(t, "3\n")))
	r.must(os.Chtimes(r.path("a.log"), since, since.Add(-time.Second)))
	r.must(os.Chtimes(r.path("b.log"), since, since))
	r.must(os.Chtimes(r.path("c.log.gz"), since, since.Add(-time.Hour)))
	r.must(os.Chmod(r.path("c.log.gz"), 0)) // whoever opens it gets an error, except root
	r.poll()
	r.want("b.log: 2")
	r.wantStats(Stats{Up: true, Bytes: 2, Files: 3})
	r.rename("a.log", "a.log.1")
	r.poll()
	r.want()
	r.write("a.log.1", "4\n")
	r.poll()
	r.want("a.log.1: 1", "a.log.1: 4")
}
