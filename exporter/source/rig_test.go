package source

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/state"
)

// rig polls a source by hand and collects what it emits.
type rig struct {
	t       *testing.T
	dir     string
	source  *Files
	options Options
	records []string // "path: record" for each, "path: too long" for those passed over
	blocks  []Block  // copies
	taken   []taken  // what each block said
}

// taken is what a consumer keeps of a block: how many records there were up to its end, and where to go on.
type taken struct {
	records   int
	position  Position
	forgotten []uint64
	began     bool
	passed    []Position
}

// newRig returns a rig in an empty directory. The pattern of o is taken relative to it.
func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	if o.Pattern == "" {
		o.Pattern = "*.log*"
	}
	o.Pattern = filepath.Join(r.dir, o.Pattern)
	r.options = o
	r.begin()
	return r
}

// begin makes the source.
func (r *rig) begin() {
	r.source = New(r.options)
	free := make(chan *Block, 1)
	free <- new(Block)
	r.source.free = free
	r.source.emit = func(b *Block) {
		r.take(b)
		free <- b
	}
	r.t.Cleanup(r.source.closeAll)
}

// kill ends the source when only the first n blocks have been counted, and begins another one that goes on from there.
func (r *rig) kill(n int) {
	r.t.Helper()
	r.source.closeAll()
	r.options.Resume = r.positions(n)
	r.options.AtEnd = r.options.AtEnd && !slices.ContainsFunc(r.taken[:n], func(k taken) bool { return k.began })
	counted := 0
	if n > 0 {
		counted = r.taken[n-1].records
	}
	r.records = r.records[:counted]
	r.taken = r.taken[:n]
	r.begin()
}

// positions returns what a consumer knows after n blocks, through a file.
func (r *rig) positions(n int) []Position {
	r.t.Helper()
	known := make(map[uint64]Position)
	for _, k := range r.taken[:n] {
		if !k.began {
			known[k.position.Content] = k.position
		}
		for _, p := range k.passed {
			known[p.Content] = p
		}
		for _, content := range k.forgotten {
			delete(known, content)
		}
	}
	var all []Position
	for _, content := range slices.Sorted(maps.Keys(known)) {
		p := known[content]
		var e state.Encoder
		p.Save(&e)
		var again Position
		d := state.NewDecoder(bytes.Join(e.Parts(), nil))
		again.Load(d)
		if err := d.End(); err != nil || again != p {
			r.t.Fatalf("saved and loaded, %+v is %+v: %v", p, again, err)
		}
		all = append(all, again)
	}
	return all
}

// take checks what holds for every block and copies it.
func (r *rig) take(b *Block) {
	r.t.Helper()
	if cap(b.Data) < len(b.Data)+Padding {
		r.t.Errorf("block of %d bytes has a capacity of %d, want %d more", len(b.Data), cap(b.Data), Padding)
	} else if padding := b.Data[len(b.Data) : len(b.Data)+Padding]; !bytes.Equal(padding, make([]byte, Padding)) {
		r.t.Errorf("padding is %q, want zeros", padding)
	}
	name, err := filepath.Rel(r.dir, b.File)
	if err != nil && !b.Began {
		r.t.Error(err)
	}
	for range b.TooLong {
		r.records = append(r.records, name+": too long")
	}
	if len(b.Data) > 0 && b.Data[len(b.Data)-1] != '\n' {
		r.t.Errorf("block ends within a record: %q", b.Data)
	}
	for record := range bytes.Lines(b.Data) {
		r.records = append(r.records, name+": "+strings.TrimSuffix(string(record), "\n"))
	}
	r.taken = append(r.taken, taken{
		len(r.records), b.Position, slices.Clone(b.Forgotten), b.Began, slices.Clone(b.Passed),
	})
	r.blocks = append(r.blocks, Block{
		Data: bytes.Clone(b.Data), File: name, First: b.First, Header: b.Header, Offset: b.Offset, TooLong: b.TooLong,
	})
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// write appends to a file, making it and its directory if need be.
func (r *rig) write(name, text string) {
	r.t.Helper()
	r.must(os.MkdirAll(filepath.Dir(r.path(name)), 0o755))
	f, err := os.OpenFile(r.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	r.must(err)
	_, err = f.WriteString(text)
	r.must(err)
	r.must(f.Close())
}

func (r *rig) rename(from, to string) {
	r.t.Helper()
	r.must(os.MkdirAll(filepath.Dir(r.path(to)), 0o755))
	r.must(os.Rename(r.path(from), r.path(to)))
}

func (r *rig) truncate(name string) { r.t.Helper(); r.must(os.Truncate(r.path(name), 0)) }
func (r *rig) remove(name string)   { r.t.Helper(); r.must(os.Remove(r.path(name))) }
func (r *rig) poll()                { r.source.poll(r.t.Context()) }

// linger polls until a file that left the pattern is given up.
func (r *rig) linger() {
	for range lingerPolls + 1 {
		r.poll()
	}
}

// want compares the records emitted since the last call.
func (r *rig) want(records ...string) {
	r.t.Helper()
	if !slices.Equal(r.records, records) {
		r.t.Errorf("got records\n\t%q\nwant\n\t%q", r.records, records)
	}
	r.records = nil
}

// wantStats compares the statistics without LastError.
func (r *rig) wantStats(want Stats) {
	r.t.Helper()
	got := r.source.Stats()
	got.LastError = ""
	if got != want {
		r.t.Errorf("got statistics %+v, want %+v", got, want)
	}
}
