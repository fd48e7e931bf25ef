package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// objectRig polls a source of objects by hand. An object is lines and complete if it ends in "end".
type objectRig struct {
	t       *testing.T
	dir     string
	options Options
	source  *Objects
	read    []string // "path: line" for each line that was counted
	gone    []string // the files that were given up
	known   map[uint64]Position
}

var errNoEnd = errors.New("no end")

func newObjectRig(t *testing.T) *objectRig {
	r := &objectRig{t: t, dir: t.TempDir(), known: make(map[uint64]Position)}
	r.begin(true)
	return r
}

// begin begins another run, which goes on from what is known.
func (r *objectRig) begin(follow bool) {
	var resume []Position
	for _, p := range r.known {
		resume = append(resume, p)
	}
	r.options.Pattern, r.options.Resume, r.options.Follow = filepath.Join(r.dir, "*.obj"), resume, follow
	r.source = NewObjects(r.options)
	r.source.began = func(_ context.Context, passed []Position) {
		for _, p := range passed {
			r.known[p.Content] = p
		}
		r.options.AtEnd = false
	}
	r.source.read = func(_ context.Context, o *Object) error {
		text, err := os.ReadFile(o.Path)
		if err != nil {
			return err
		}
		lines := strings.Split(string(text), "\n")
		if lines[len(lines)-1] != "end" {
			return errNoEnd
		}
		for _, line := range lines[o.Position.Offset : len(lines)-1] {
			r.read = append(r.read, filepath.Base(o.Path)+": "+line)
			o.Position.Offset++
		}
		r.note(o)
		return nil
	}
	r.source.giveUp = func(_ context.Context, o *Object, err error) {
		r.gone = append(r.gone, filepath.Base(o.Path)+": "+err.Error())
		r.note(o)
	}
}

func (r *objectRig) note(o *Object) {
	r.known[o.Position.Content] = o.Position
	for _, content := range o.Forgotten {
		delete(r.known, content)
	}
}

func (r *objectRig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// want polls and says what has been read and given up since the last time.
func (r *objectRig) want(polls int, read, gone []string) {
	r.t.Helper()
	for range polls {
		r.source.poll(r.t.Context())
	}
	if !slices.Equal(r.read, read) || !slices.Equal(r.gone, gone) {
		r.t.Errorf("read %q and given up %q, want %q and %q", r.read, r.gone, read, gone)
	}
	r.read, r.gone = nil, nil
}

func TestObjectsAreReadOnce(t *testing.T) {
	r := newObjectRig(t)
	r.want(1, nil, nil)
	if r.source.Stats().Up {
		t.Error("the source is up without files")
	}
	r.write("b.obj", "1\n2\nend")
	r.write("a.obj", "3\nend")
	r.want(2, []string{"a.obj: 3", "b.obj: 1", "b.obj: 2"}, nil)
	if s := r.source.Stats(); !s.Up || s.Files != 2 || s.Bytes != 12 || s.LagBytes != 0 || s.LastError != "" {
		t.Errorf("stats are %+v", s)
	}
	for _, move := range [][2]string{{"a.obj", "c.obj"}, {"b.obj", "b.out"}} {
		if err := os.Rename(filepath.Join(r.dir, move[0]), filepath.Join(r.dir, move[1])); err != nil {
			t.Fatal(err)
		}
	}
	r.want(2, nil, nil)
	if err := os.Rename(filepath.Join(r.dir, "b.out"), filepath.Join(r.dir, "b.obj")); err != nil {
		t.Fatal(err)
	}
	r.want(2, nil, nil)
	r.write("c.obj", "4\nend")
	r.want(2, []string{"c.obj: 4"}, nil)
}

func TestObjectsAreReadOnWhereAnEarlierRunHasGot(t *testing.T) {
	r := newObjectRig(t)
	r.write("a.obj", "1\n2\n3\nend")
	r.write("b.obj", "4\nend")
	r.want(1, []string{"a.obj: 1", "a.obj: 2", "a.obj: 3", "b.obj: 4"}, nil)
	for content, p := range r.known {
		if filepath.Base(p.Path) == "a.obj" {
			p.Offset = 1
			r.known[content] = p
		}
	}
	r.write("c.obj", "5\nend")
	r.begin(true)
	r.want(2, []string{"a.obj: 2", "a.obj: 3", "c.obj: 5"}, nil)
	if len(r.known) != 3 {
		t.Errorf("known are %v, want three contents", r.known)
	}
}

func TestObjectsThatWereThereAtTheFirstStartArePassedOver(t *testing.T) {
	r := newObjectRig(t)
	r.options.AtEnd = true
	r.begin(true)
	r.write("a.obj", "1\nend")
	r.write("b.obj", "2\n")
	r.want(2, nil, nil)
	if s := r.source.Stats(); !s.Up || s.LagBytes != 0 || s.Files != 2 {
		t.Errorf("stats are %+v", s)
	}
	r.write("c.obj", "3\nend")
	r.write("b.obj", "2\nend") // it is whole only now
	r.want(1, []string{"b.obj: 2", "c.obj: 3"}, nil)
	r.write("d.obj", "4\nend")
	r.begin(true)
	r.want(2, []string{"d.obj: 4"}, nil)

	// A log that is known in part is no new one.
	r.options.AtEnd = true
	r.write("e.obj", "5\nend")
	r.begin(true)
	r.want(2, []string{"e.obj: 5"}, nil)
}

func TestObjectsThatAreTooOldAreLeftAlone(t *testing.T) {
	r := newObjectRig(t)
	r.options.Since = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r.begin(true)
	for name, at := range map[string]time.Time{"a.obj": r.options.Since.Add(-1), "b.obj": r.options.Since} {
		r.write(name, "1\nend")
		if err := os.Chtimes(filepath.Join(r.dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	r.want(2, []string{"b.obj: 1"}, nil)
	if s := r.source.Stats(); !s.Up || s.LagBytes != 0 || s.Files != 2 {
		t.Errorf("stats are %+v", s)
	}
	r.write("a.obj", "2\nend")
	r.want(1, []string{"a.obj: 2"}, nil)
}

func TestObjectsThatAreNotCompleteAreWaitedFor(t *testing.T) {
	r := newObjectRig(t)
	r.write("a.obj", "1\n")
	r.want(3, nil, nil)
	if s := r.source.Stats(); s.LagBytes != 2 || !s.Up {
		t.Errorf("stats are %+v", s)
	}
	r.write("a.obj", "1\n2\n")
	r.want(3, nil, nil)
	r.write("a.obj", "1\n2\nend")
	r.want(1, []string{"a.obj: 1", "a.obj: 2"}, nil)

	r.write("b.obj", "3\n")
	r.want(lingerPolls+1, nil, []string{"b.obj: no end"})
	r.want(10, nil, nil)
	r.begin(true)
	r.want(10, nil, nil)
	r.write("b.obj", "3\nend")
	r.want(1, []string{"b.obj: 3"}, nil)

	r.write("c.obj", "4\n")
	r.begin(false)
	r.want(1, nil, []string{"c.obj: no end"})
}

func TestPositionsOfManyObjectsThatAreGoneAreForgotten(t *testing.T) {
	r := newObjectRig(t)
	for i := range maxGone + 10 {
		r.source.known = append(r.source.known, Position{Content: uint64(i + 1), Path: strconv.Itoa(i)})
		r.known[uint64(i+1)] = r.source.known[i]
	}
	r.source.contents = maxGone + 10
	r.write("a.obj", "1\nend")
	r.want(1, []string{"a.obj: 1"}, nil)
	if _, first := r.known[1]; first || len(r.known) > maxGone+2 {
		t.Errorf("%d positions are kept", len(r.known))
	}
}

func TestObjectsEndWithTheContext(t *testing.T) {
	r := newObjectRig(t)
	r.write("a.obj", "1\nend")
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	NewObjects(Options{Pattern: filepath.Join(r.dir, "*.obj"), Follow: true}).Run(ctx, func(context.Context, *Object) error {
		read++
		cancel()
		return ctx.Err()
	}, func(context.Context, *Object, error) { t.Error("a file was given up because the context ended") }, nil)
	if read != 1 {
		t.Errorf("read %d files, want one", read)
	}
}
