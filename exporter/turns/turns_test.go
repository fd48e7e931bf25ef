package turns_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/turns"
)

func TestEachCallsForAllNumbers(t *testing.T) {
	for n := range 50 {
		calls := make([]int, n)
		turns.Each(n, func(i int) { calls[i]++ })
		if i := slices.IndexFunc(calls, func(c int) bool { return c != 1 }); i >= 0 {
			t.Fatalf("of %d numbers, %d was called for %d times", n, i, calls[i])
		}
	}
}

// However many compute, and ask for more inside of their turns, all of them get done.
func TestTurnsAreGivenBack(t *testing.T) {
	var all sync.WaitGroup
	var mutex sync.Mutex
	sum := 0
	for range 4 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			turns.Do(func() {
				turns.Each(100, func(i int) {
					mutex.Lock()
					defer mutex.Unlock()
					sum += i
				})
			})
		})
	}
	all.Wait()
	if want := 4 * runtime.GOMAXPROCS(0) * 4950; sum != want {
		t.Errorf("the sum is %d, want %d", sum, want)
	}
}
