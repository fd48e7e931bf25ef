// Package turns divides the processors among those who compute for long.
package turns

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// taken has room for as many turns as there were processors when the process began. Whoever computes for long takes
// one, so that what has little to do, as a scrape has, queues behind the others that have one and not behind a dozen of
// goroutines.
var taken = make(chan struct{}, runtime.GOMAXPROCS(0))

// Do runs a function once it is its turn. The function must not wait for others.
func Do(compute func()) {
	taken <- struct{}{}
	defer func() { <-taken }()
	compute()
}

// Each calls a function for all numbers below n and returns when all calls have: here, and at the same time elsewhere
// as far as there are turns that nobody has taken. The calls must have nothing to do with each other, and not wait for
// others.
func Each(n int, compute func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			compute(i)
		}
	}
	var others sync.WaitGroup
	for range min(cap(taken), n) - 1 {
		select {
		case taken <- struct{}{}:
			others.Go(func() {
				defer func() { <-taken }()
				work()
			})
		default:
		}
	}
	work()
	others.Wait()
}
