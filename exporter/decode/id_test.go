package decode

import (
	"fmt"
	"testing"
)

func TestHashIDIsXXH3UnderASeed(t *testing.T) {
	// XXH3 of "abc" with seed 0, as the reference implementation gives it.
	if got := hashID(0, []byte("abc")); got != 0x78af5f94892f3950 {
		t.Errorf("hashID(0, abc) = %#x, want 0x78af5f94892f3950", got)
	}
	if hashID(1, []byte("abc")) == hashID(2, []byte("abc")) {
		t.Error("two seeds give one hash")
	}
	if got := hashID(7, nil); got != 0 {
		t.Errorf("hashID of no id = %#x, want 0", got)
	}
}

func TestHashIDTellsIDsApart(t *testing.T) {
	seen := map[uint64]string{0: "none"}
	for i := range 100_000 {
		id := fmt.Sprint("request-", i)
		hash := hashID(42, []byte(id))
		if other, ok := seen[hash]; ok {
			t.Fatalf("%s and %s have one hash", id, other)
		}
		seen[hash] = id
	}
}

func TestHashIDDoesNotAllocate(t *testing.T) {
	id := []byte("8f14e45f-ceea-467f-a9d0-2b8a1c7e5d31")
	if n := testing.AllocsPerRun(100, func() { hashID(1, id) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
