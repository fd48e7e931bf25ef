package exporter

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// turns are as many as there were processors when the process began. Whoever computes for long takes one, so that what
// has little to do, as a scrape has, queues behind the others that have one and not behind a dozen of goroutines.
var turns = make(chan struct{}, runtime.GOMAXPROCS(0))

// inTurn runs a function once it is its turn. The function must not wait for others.
func inTurn(compute func()) {
	turns <- struct{}{}
	defer func() { <-turns }()
	compute()
}

// eachInTurn calls a function for all numbers below n, at the same time as far as there are turns that nobody else has
// taken. The caller must have one. The calls must not wait for others.
func eachInTurn(n int, compute func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			compute(i)
		}
	}
	var others sync.WaitGroup
	for range min(cap(turns), n) - 1 {
		select {
		case turns <- struct{}{}:
			others.Go(func() {
				defer func() { <-turns }()
				work()
			})
		default:
		}
	}
	work()
	others.Wait()
}
