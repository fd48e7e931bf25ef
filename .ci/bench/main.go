// Command bench measures the exporter against the floors that it is held to and against other tools, on the same files
// in the same run, and prints a table. `make bench` builds the exporter and runs it; docs/performance.md explains what
// it prints.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// options are what the command line says.
type options struct {
	exporter string // path of the exporter's binary
	module   string // folder of the exporter's module
	dir      string // where logs are kept from one run to the next
	records  int
	longest  int // records of the longest log of the growth curves
	piped    int // records of the longest log that is not kept
	rounds   int
	python   string
	evident  bool
}

// section is a part of the measurements.
type section struct {
	name    string
	measure func(*options, *report) error
}

var sections = []section{
	{"logs", measureLogs},
	{"stages", measureStages},
	{"scrapes", measureScrapes},
	{"wide", measureWide},
	{"microbenchmarks", measureMicrobenchmarks},
	{"growth", measureGrowth},
}

func main() {
	o := &options{}
	flag.StringVar(&o.exporter, "exporter", "bin/drift_exporter", "binary of the exporter")
	flag.StringVar(&o.module, "module", ".", "folder of the exporter's module")
	flag.StringVar(&o.dir, "dir", "bin/bench", "folder for the logs, which are made once for each size")
	flag.IntVar(&o.records, "records", 2_000_000, "records of the log that the exporter and others read")
	flag.IntVar(&o.longest, "longest", 1_000_000, "records of the longest log of the growth curves")
	flag.IntVar(&o.piped, "piped", 0, "records of the longest log of the growth curves that is read from a pipe; 0 for none")
	flag.IntVar(&o.rounds, "rounds", 3, "how often logs are read, in turns; the median counts")
	flag.StringVar(&o.python, "python", "python3", "Python that may have the packages duckdb and evidently")
	flag.BoolVar(&o.evident, "evidently", false, "also run Evidently, which takes minutes and gigabytes")
	only := flag.String("only", "", "sections to run, with commas between them, of: "+strings.Join(names(), ", "))
	profile := flag.String("profile", "", "only read the logs of this configuration, and write a CPU profile to the argument")
	flag.Parse()
	work := func() error { return run(o, *only) }
	if *profile != "" {
		work = func() error { return profileOnce(*profile, flag.Arg(0)) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func names() []string {
	var all []string
	for _, s := range sections {
		all = append(all, s.name)
	}
	return all
}

func run(o *options, only string) error {
	for _, path := range []*string{&o.exporter, &o.module, &o.dir} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	wanted := names()
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("there is no section %q: use %s", name, strings.Join(names(), ", "))
		}
	}
	r := &report{out: os.Stdout}
	fmt.Printf("%s %s/%s, %d processors. Wall times mean something on an idle machine only; CPU times and ratios of one\n"+
		"run always do.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, s := range sections {
		if slices.Contains(wanted, s.name) {
			if err := s.measure(o, r); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	r.finish()
	return nil
}
