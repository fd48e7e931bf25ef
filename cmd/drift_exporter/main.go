// Command drift_exporter serves drift, data quality and error rates of machine-learning models to Prometheus.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
