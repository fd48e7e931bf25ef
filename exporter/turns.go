package exporter

import "runtime"

// turns are as many as there were processors when the process began. Whoever computes for long takes one, so that what
// has little to do, as a scrape has, queues behind the others that have one and not behind a dozen of goroutines.
var turns = make(chan struct{}, runtime.GOMAXPROCS(0))

// inTurn runs a function once it is its turn. The function must not wait for others.
func inTurn(compute func()) {
	turns <- struct{}{}
	defer func() { <-turns }()
	compute()
}
