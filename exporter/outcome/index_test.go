package outcome

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// An index is held against lists of places by hash while it grows, is emptied and grows anew. Hashes that are equal or
// differ in few bits fill lines, so that many places stand behind those where they belong.
func TestIndexFindsWhatIsInIt(t *testing.T) {
	for _, hashes := range []uint64{1, 30, 100_000} {
		random := rand.New(rand.NewPCG(hashes, 1))
		var x index
		byPlace := make(map[uint32]uint64)
		x.hash = func(place uint32) uint64 { return byPlace[place] }
		byHash := make(map[uint64][]uint32)
		for step := range uint32(60_000) {
			hash := random.Uint64N(hashes)
			places := byHash[hash]
			check(t, &x, hash, places)
			switch growing := step%20_000 < 12_000; {
			case growing && len(places) < 250 || len(places) == 0:
				byPlace[step] = hash
				if !x.add(hash, step) {
					t.Fatalf("step %d: there is no room for place %d of a hash", step, len(places))
				}
				byHash[hash] = append(places, step)
			default:
				i := random.IntN(len(places))
				f := searchFor(&x, hash, places[i])
				if random.IntN(2) == 0 {
					byPlace[step] = hash
					f.set(step)
					places[i] = step
					continue
				}
				x.remove(f)
				delete(byPlace, places[i])
				byHash[hash] = slices.Delete(places, i, i+1)
			}
		}
		for hash, places := range byHash {
			check(t, &x, hash, places)
			for _, place := range places {
				x.remove(searchFor(&x, hash, place))
			}
		}
		for i := range x.shards {
			for _, l := range x.shards[i].lines {
				if l.first != 0 || l.last != 0 || l.passed != 0 {
					t.Fatalf("%d hashes: a removed place left %+v behind", hashes, l)
				}
			}
		}
		if x.len != 0 {
			t.Errorf("%d places are left", x.len)
		}
	}
}

// check holds what an index finds of a hash against the places. It may find places of other hashes as well.
func check(t *testing.T, x *index, hash uint64, want []uint32) {
	t.Helper()
	var found []uint32
	var f search
	f.begin(x, hash)
	for place, ok := f.next(); ok; place, ok = f.next() {
		if x.hash(place) == hash {
			found = append(found, place)
		}
	}
	slices.Sort(found)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(found, want) {
		t.Fatalf("hash %d has the places %v, want %v", hash, found, want)
	}
}

// searchFor returns the search that has just found a place.
func searchFor(x *index, hash uint64, want uint32) (f search) {
	f.begin(x, hash)
	for place, ok := f.next(); place != want; place, ok = f.next() {
		if !ok {
			panic("a place is not in the index")
		}
	}
	return f
}

// Loading a broken checkpoint must not take all memory where thousands of its ids are the same.
func TestIndexRefusesThousandsOfOneHash(t *testing.T) {
	x := index{hash: func(uint32) uint64 { return 1 }}
	n := uint32(0)
	for x.add(1, n) {
		n++
	}
	if n < 1000 || n > 10_000 || x.len != int(n) {
		t.Errorf("%d places have one hash, %d are counted", n, x.len)
	}
	check(t, &x, 1, slices.Collect(func(yield func(uint32) bool) {
		for i := range n {
			yield(i)
		}
	}))
}
