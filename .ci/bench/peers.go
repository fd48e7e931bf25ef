package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// few is how many records the slow ones get; what they take is told for as many as the exporter reads.
const few = 100_000

// peers are the other tools that can be run here.
type peers struct {
	simdjson, mtail, evidently    *contender
	duckJSON, duckCSV, duckColumn *contender
}

// findPeers says which tools are missing, and returns contenders for the others; those of missing ones never run.
func findPeers(o *options, r *report, l log) (*peers, error) {
	folder := filepath.Join(o.module, ".ci", "bench", "peers")
	p := &peers{
		simdjson: &contender{name: "simdjson"}, mtail: &contender{name: "mtail"},
		evidently: &contender{name: "Evidently"}, duckJSON: &contender{name: "DuckDB read_json"},
		duckCSV: &contender{name: "DuckDB read_csv"}, duckColumn: &contender{name: "DuckDB read_parquet"},
	}
	p.findSimdjson(o, r, l, filepath.Join(folder, "simdjson.cpp"))
	if o.hasPackage("duckdb") {
		for format, c := range map[string]*contender{"json": p.duckJSON, "csv": p.duckCSV, "parquet": p.duckColumn} {
			file := l.path("predictions." + strings.Replace(format, "json", "jsonl", 1))
			c.run = func() (usage, error) {
				return measure(exec.Command(o.python, filepath.Join(folder, "duckdb_bins.py"), format, file,
					l.path("reference.csv"), "1"))
			}
		}
	} else {
		r.note("DuckDB is not compared: %s has no package duckdb", o.python)
	}
	switch {
	case !o.evident:
		r.note("Evidently is not compared: it takes minutes; -evidently runs it")
	case !o.hasPackage("evidently"):
		r.note("Evidently is not compared: %s has no package evidently", o.python)
	default:
		p.evidently.run = func() (usage, error) {
			defer func() { p.evidently.run = nil }() // once is enough
			return measure(exec.Command(o.python, filepath.Join(folder, "evidently_drift.py"), l.path("predictions.csv"),
				l.path("reference.csv")))
		}
	}
	mtail, err := exec.LookPath("mtail")
	if err != nil {
		r.note("mtail is not compared: it is not installed")
		return p, nil
	}
	head, err := l.head(min(few, l.records))
	p.mtail.run = func() (usage, error) {
		return measure(exec.Command(mtail, "--one_shot", "--progs", filepath.Join(folder, "fields.mtail"), "--logs", head))
	}
	return p, err
}

func (o *options) hasPackage(name string) bool {
	return exec.Command(o.python, "-c", "import "+name).Run() == nil
}

// findSimdjson compiles the reader that stands for what can be reached.
func (p *peers) findSimdjson(o *options, r *report, l log, source string) {
	binary := filepath.Join(o.dir, "simdjson")
	_, err := measure(exec.Command("c++", "-O3", "-march=native", "-o", binary, source, "-lsimdjson"))
	if err != nil {
		r.note("simdjson is not compared: it needs a C++ compiler and the library (%v)", firstLine(err))
		return
	}
	p.simdjson.run = func() (usage, error) {
		u, err := measure(exec.Command(binary, l.path("predictions.jsonl")))
		if err == nil {
			u.cpu, err = strconv.ParseFloat(strings.TrimSpace(u.out), 64)
		}
		return u, err
	}
}

// head returns a file with the first records of the log.
func (l log) head(records int) (string, error) {
	path := l.path(fmt.Sprintf("head-%d.jsonl", records))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	in, err := os.Open(l.path("predictions.jsonl"))
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return "", err
	}
	from, to := bufio.NewReaderSize(in, 1<<20), bufio.NewWriterSize(out, 1<<20)
	for range records {
		line, err := from.ReadSlice('\n')
		if err == nil {
			_, err = to.Write(line)
		}
		if err != nil {
			return "", err
		}
	}
	return path, errors.Join(to.Flush(), out.Close())
}
