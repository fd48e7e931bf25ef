package profile

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls a function for all numbers below n, on as many processors as there are, and returns when all calls have.
// The calls must have nothing to do with each other.
func each(n int, do func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			do(i)
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}
