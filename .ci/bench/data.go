package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// log is a folder with the log that loggen writes, its labels and its training data.
type log struct {
	dir     string
	records int
}

func (l log) path(name string) string { return filepath.Join(l.dir, name) }

// makeLog writes a log unless an earlier run has.
func (o *options) makeLog(records, reference int) (log, error) {
	l := log{filepath.Join(o.dir, fmt.Sprintf("log-%d-%d", records, reference)), records}
	if _, err := os.Stat(l.path("labels.jsonl")); err == nil {
		return l, nil
	}
	unfinished := l.dir + ".unfinished"
	if err := errors.Join(os.RemoveAll(unfinished), os.MkdirAll(unfinished, 0o777)); err != nil {
		return l, err
	}
	in := func(name string) string { return filepath.Join(unfinished, name) }
	cmd := exec.Command("go", "-C", filepath.Join(o.module, ".ci", "bench"), "run", "./loggen",
		"-n", strconv.Itoa(records), "-reference-n", strconv.Itoa(reference), "-json", in("predictions.jsonl"),
		"-csv", in("predictions.csv"), "-reference", in("reference.csv"), "-labels", in("labels.jsonl"))
	if _, err := measure(cmd); err != nil {
		return l, err
	}
	return l, os.Rename(unfinished, l.dir)
}

// config writes a configuration with one model that reads a file of the log. more are further keys of the model.
func (l log) config(name, file, more string) (string, error) {
	path := l.path(name + ".yaml")
	text := fmt.Sprintf("models: [{name: fraud-detector, reference: {path: reference.csv}, predictions: {path: %s}%s}]\n",
		file, more)
	return path, os.WriteFile(path, []byte(text), 0o666)
}

// makeParquet writes the log as Parquet, unless that has been done. It takes memory, which a process of its own gives
// back: what children are said to have taken is never less than what their parent has.
func (o *options) makeParquet(l log) error {
	path := l.path("predictions.parquet")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	_, err := measure(exec.Command("go", "-C", filepath.Join(o.module, ".ci", "bench"), "run", "./toparquet",
		l.path("predictions.jsonl"), path))
	return err
}

// wide is a log with many numeric columns.
type wide struct {
	columns, rows int
	// every is the time from one record to the next.
	every time.Duration
}

// make writes a reference and a log to a folder, unless an earlier run has, and returns the folder.
func (w wide) make(o *options) (string, error) {
	dir := filepath.Join(o.dir, fmt.Sprintf("wide-%d-%d-%s", w.columns, w.rows, w.every))
	if _, err := os.Stat(filepath.Join(dir, "predictions.csv")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return dir, err
	}
	r := rand.New(rand.NewPCG(11, 12))
	if err := w.write(filepath.Join(dir, "reference.csv"), min(w.rows, 5000), r); err != nil {
		return dir, err
	}
	unfinished := filepath.Join(dir, "unfinished")
	if err := w.write(unfinished, w.rows, r); err != nil {
		return dir, err
	}
	return dir, os.Rename(unfinished, filepath.Join(dir, "predictions.csv"))
}

func (w wide) write(path string, rows int, r *rand.Rand) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<20)
	line := []byte("timestamp,id")
	for i := range w.columns {
		line = fmt.Appendf(line, ",c%d", i)
	}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows + 1 {
		if _, err := b.Write(append(line, '\n')); err != nil {
			return err
		}
		line = begin.Add(time.Duration(i)*w.every).AppendFormat(line[:0], "2006-01-02T15:04:05.000Z")
		line = fmt.Appendf(line, ",%s-%d", filepath.Base(path), i)
		for range w.columns {
			line = strconv.AppendFloat(append(line, ','), r.NormFloat64(), 'f', 9, 64)
		}
	}
	return errors.Join(b.Flush(), f.Close())
}
