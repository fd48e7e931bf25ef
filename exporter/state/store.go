package state

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The files of a store.
const (
	currentName  = "checkpoint"
	previousName = "checkpoint.previous"
	newName      = "checkpoint.new"    // while it is written
	brokenName   = "checkpoint.broken" // set aside
)

// Store is a folder with the last two checkpoints. It belongs to one process at a time, and to one goroutine.
type Store struct {
	dir  string
	lock io.Closer // nil where nothing can be locked
}

// Open makes the folder if it has to, and takes it for this process. If that is not possible because nothing can be
// written there, checkpoints can still be loaded, and Begin says why none can be written. The error is ErrInUse if
// another process has the store.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	_ = os.MkdirAll(dir, 0o755) // where this fails, Begin fails too and says it
	lock, err := Lock(dir)
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("state folder %s: %w", dir, err)
	}
	if err != nil {
		return s, nil
	}
	s.lock = lock
	_ = os.Remove(filepath.Join(dir, newName)) // what a process that ended too early left behind
	return s, nil
}

// Close gives the folder back.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	err := s.lock.Close()
	s.lock = nil
	return err
}

// Loaded is what Load found.
type Loaded struct {
	// Name is the file name of the checkpoint that was loaded, empty if there was none.
	Name string
	// Time is when it was written, Bytes how long it is.
	Time  time.Time
	Bytes int64
	// Rejected are the checkpoints that were not believed.
	Rejected []Rejection
}

// Rejection is a checkpoint that was not believed.
type Rejection struct {
	Name, Reason, Detail string
	// SetAside is the name that the file has now.
	SetAside string
}

// Load visits the parts of the newest checkpoint that is whole, in the order in which they were written. Those that are
// not whole are set aside, before anything of them is visited. payload is valid until visit returns.
func (s *Store) Load(visit func(key string, payload []byte)) Loaded {
	var loaded Loaded
	for _, name := range []string{currentName, previousName} {
		found, err := s.loadOne(name, visit)
		var bad *flaw
		switch {
		case err == nil:
			found.Rejected = loaded.Rejected
			return found
		case errors.Is(err, fs.ErrNotExist):
			continue
		case !errors.As(err, &bad):
			bad = &flaw{Unreadable, err.Error()}
		}
		r := Rejection{Name: name, Reason: bad.reason, Detail: bad.detail, SetAside: brokenName}
		if err := os.Rename(filepath.Join(s.dir, name), filepath.Join(s.dir, brokenName)); err != nil {
			r.SetAside = name
		}
		loaded.Rejected = append(loaded.Rejected, r)
	}
	return loaded
}

// loadOne goes over a checkpoint twice, so that nothing of a broken one is visited.
func (s *Store) loadOne(name string, visit func(key string, payload []byte)) (Loaded, error) {
	file, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return Loaded{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Loaded{}, err
	}
	for _, f := range []func(string, []byte){func(string, []byte) {}, visit} {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return Loaded{}, err
		}
		if err := readFrames(file, info.Size(), f); err != nil {
			return Loaded{}, err
		}
	}
	return Loaded{Name: name, Time: info.ModTime(), Bytes: info.Size()}, nil
}

func readFrames(r io.Reader, size int64, visit func(key string, payload []byte)) error {
	in, err := newFrames(r, size)
	if err != nil {
		return err
	}
	for {
		key, payload, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		visit(key, payload)
	}
}

// Writer writes one checkpoint. The first error stays.
type Writer struct {
	store *Store
	file  *os.File
	out   *bufio.Writer
	count uint64
	bytes int64
	err   error
}

// Begin begins a checkpoint. Either Commit or Abort ends it, before the next one begins.
func (s *Store) Begin() (*Writer, error) {
	if s.lock == nil {
		// What hinders it may have gone since.
		again, err := Open(s.dir)
		if err != nil {
			return nil, err
		}
		s.lock = again.lock
	}
	file, err := os.OpenFile(filepath.Join(s.dir, newName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("beginning a checkpoint: %w", err)
	}
	w := &Writer{store: s, file: file, out: bufio.NewWriterSize(file, 1<<20)}
	w.keep(w.write([]byte(magic)))
	return w, nil
}

func (w *Writer) write(b []byte) error {
	w.bytes += int64(len(b))
	_, err := w.out.Write(b)
	return err
}

func (w *Writer) keep(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("writing a checkpoint: %w", err)
	}
}

// Put writes one part. The key must not be empty; several parts may have the same.
func (w *Writer) Put(key string, payload ...[]byte) error {
	if key == "" {
		panic("bug: a part of a checkpoint without a key")
	}
	if w.err == nil {
		w.count++
		w.bytes += frameHeader + int64(len(key))
		for _, p := range payload {
			w.bytes += int64(len(p))
		}
		w.keep(writeFrame(w.out, key, payload...))
	}
	return w.err
}

// Bytes returns how much was written.
func (w *Writer) Bytes() int64 { return w.bytes }

// Commit puts the checkpoint in the place of the one before, which becomes the previous one, and makes sure that it is
// on the disk. If that fails, the checkpoint before stays.
func (w *Writer) Commit() error {
	var count [8]byte
	binary.LittleEndian.PutUint64(count[:], w.count)
	if w.err == nil {
		w.keep(writeFrame(w.out, "", count[:]))
	}
	if w.err == nil {
		w.keep(w.out.Flush())
	}
	if w.err == nil {
		w.keep(w.file.Sync())
	}
	if w.err != nil {
		w.Abort()
		return w.err
	}
	w.keep(w.file.Close())
	name := func(name string) string { return filepath.Join(w.store.dir, name) }
	if w.err == nil {
		if err := os.Rename(name(currentName), name(previousName)); !errors.Is(err, fs.ErrNotExist) {
			w.keep(err)
		}
	}
	if w.err == nil {
		w.keep(os.Rename(name(newName), name(currentName)))
	}
	if w.err == nil {
		w.keep(SyncFolder(w.store.dir))
	}
	return w.err
}

// Abort gives the checkpoint up.
func (w *Writer) Abort() {
	_ = w.file.Close() // it is thrown away
	_ = os.Remove(filepath.Join(w.store.dir, newName))
}
