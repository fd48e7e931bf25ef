package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// part is one part of a checkpoint.
type part struct{ key, payload string }

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func write(t *testing.T, s *Store, parts ...part) {
	t.Helper()
	w, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		half := len(p.payload) / 2
		if err := w.Put(p.key, []byte(p.payload[:half]), []byte(p.payload[half:])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func load(s *Store) ([]part, Loaded) {
	var parts []part
	loaded := s.Load(func(key string, payload []byte) { parts = append(parts, part{key, string(payload)}) })
	return parts, loaded
}

// wantLoaded loads a store and compares the parts, and the names and reasons of what is rejected.
func wantLoaded(t *testing.T, s *Store, name string, want []part, rejected ...string) {
	t.Helper()
	got, loaded := load(s)
	if loaded.Name != name || !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %q with %v, want %q with %v", loaded.Name, got, name, want)
	}
	var reasons []string
	for _, r := range loaded.Rejected {
		reasons = append(reasons, r.Name+" "+r.Reason)
	}
	if !reflect.DeepEqual(reasons, rejected) {
		t.Errorf("rejected %q, want %q", reasons, rejected)
	}
}

var (
	first  = []part{{"model/a", "one"}, {"model/a", ""}, {"model/b", strings.Repeat("two", 1000)}}
	second = []part{{"model/a", "three"}}
)

func TestStoreKeepsTwoGenerations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	s := open(t, dir)
	wantLoaded(t, s, "", nil)
	write(t, s, first...)
	wantLoaded(t, s, currentName, first)
	write(t, s, second...)
	wantLoaded(t, s, currentName, second)
	if err := os.Remove(filepath.Join(dir, currentName)); err != nil { // as if it ended between two renames
		t.Fatal(err)
	}
	wantLoaded(t, s, previousName, first)
	write(t, s)
	wantLoaded(t, s, currentName, nil)
}

func TestStoreRejectsWhatIsNotWhole(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, first...)
	write(t, s, part{"model/a", "short"})
	current, previous := filepath.Join(dir, currentName), filepath.Join(dir, previousName)
	whole, err := os.ReadFile(current)
	if err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(previous)
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, reason string, data []byte) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			if err := errors.Join(os.WriteFile(current, data, 0o600), os.WriteFile(previous, older, 0o600)); err != nil {
				t.Fatal(err)
			}
			wantLoaded(t, s, previousName, first, currentName+" "+reason)
			aside, err := os.ReadFile(filepath.Join(dir, brokenName))
			if err != nil || !bytes.Equal(aside, data) {
				t.Errorf("set aside are %d bytes, want %d: %v", len(aside), len(data), err)
			}
		})
	}
	for n := range whole {
		check(fmt.Sprintf("cut after %d bytes", n), Torn, whole[:n])
	}
	for i := len(magic); i < len(whole); i++ {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 0x10
		if err := errors.Join(os.WriteFile(current, flipped, 0o600), os.WriteFile(previous, older, 0o600)); err != nil {
			t.Fatal(err)
		}
		parts, loaded := load(s)
		if loaded.Name != previousName || len(loaded.Rejected) != 1 || !reflect.DeepEqual(parts, first) {
			t.Fatalf("byte %d changed: loaded %q, rejected %v", i, loaded.Name, loaded.Rejected)
		}
		// A length that is changed may point behind the end.
		if got := loaded.Rejected[0].Reason; got != Corrupt && got != Torn {
			t.Errorf("byte %d changed: the reason is %s", i, got)
		}
	}
	check("more behind it", Corrupt, append(bytes.Clone(whole), 0))
	check("another program's", Foreign, []byte("PK\x03\x04 something else altogether, and rather long"))
	check("a newer version's", Foreign, []byte(strings.Replace(string(whole), " 1\n", " 2\n", 1)))
}

func TestStoreWithoutAnyWholeCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, name := range []string{currentName, previousName} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantLoaded(t, s, "", nil, currentName+" torn", previousName+" torn")
	wantLoaded(t, s, "", nil) // they are out of the way
	write(t, s, second...)
	wantLoaded(t, s, currentName, second)
}

func TestStoreIsUsedByOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("opening it twice gives %v, want that %s is in use", err, dir)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

// A disk that is full: what is written goes to a device that takes nothing.
func TestCommitFailsWhereTheDiskIsFull(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skipf("this system has no device that is always full: %v", err)
	}
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, first...)
	if err := os.Symlink(full, filepath.Join(dir, newName)); err != nil {
		t.Fatal(err)
	}
	w, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_ = w.Put("model/a", make([]byte, 1<<20)) // Commit tells the first error
	}
	if err := w.Commit(); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("committing gives %v, want that there is no space", err)
	}
	wantLoaded(t, s, currentName, first)
	write(t, s, second...) // once there is room again
	wantLoaded(t, s, currentName, second)
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(file, "state")
	s := open(t, dir)
	if _, loaded := load(s); loaded.Name != "" {
		t.Errorf("loaded %q from nowhere", loaded.Name)
	}
	if _, err := s.Begin(); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("beginning gives %v, want an error that names %s", err, dir)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	write(t, s, first...) // what hindered it has gone
	wantLoaded(t, s, currentName, first)
}

func TestAbortLeavesWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, first...)
	w, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Put("model/a", []byte("half")); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	wantLoaded(t, s, currentName, first)
	if _, err := os.Stat(filepath.Join(dir, newName)); err == nil {
		t.Error("what was given up is still there")
	}
}

func FuzzFrames(f *testing.F) {
	var whole bytes.Buffer
	whole.WriteString(magic)
	_ = writeFrame(&whole, "key", []byte("payload"))
	_ = writeFrame(&whole, "", []byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:40])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		err := readFrames(bytes.NewReader(data), int64(len(data)), func(key string, payload []byte) {
			total += frameHeader + len(key) + len(payload)
		})
		if total > len(data) {
			t.Errorf("%d bytes of parts in %d bytes", total, len(data))
		}
		if bad := (*flaw)(nil); err != nil && !errors.As(err, &bad) {
			t.Errorf("the error %v has no reason", err)
		}
	})
}
