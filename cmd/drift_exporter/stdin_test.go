package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// once returns what --once prints in a process with this standard input.
func (w *writer) once(config string, stdin io.Reader) string {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), os.Args[0], "--once", "--log.level=error", "--config.file="+w.path(config))
	command.Env = append(os.Environ(), asExporter+"=1")
	command.Stdin = stdin
	var out, log bytes.Buffer
	command.Stdout, command.Stderr = &out, &log
	if err := command.Run(); err != nil || log.Len() > 0 {
		w.t.Fatalf("--once gives %v: %s", err, &log)
	}
	return out.String()
}

// A log gives the same through the standard input as from its file, whatever its format and packed or not.
func TestStandardInput(t *testing.T) {
	w := newWriter(t, 4)
	for range 40 {
		w.predict()
		w.label()
	}
	w.finish()
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(w.path(name))
		w.check(err)
		return string(text)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := io.WriteString(z, read("predictions.jsonl"))
	w.check(errors.Join(err, z.Close()))
	config := read("undisturbed.yaml")
	w.write("stdin.yaml", strings.Replace(config, `"predictions.jsonl*"`, `"-"`, 1))
	w.write("labels.yaml", strings.Replace(config, `"labels.csv*"`, `"-", format: csv`, 1))

	want := samples(t, w.once("undisturbed.yaml", nil))
	for _, test := range []struct {
		name, config, log string
		stdin             io.Reader
	}{
		{"predictions", "stdin.yaml", "predictions.jsonl*", strings.NewReader(read("predictions.jsonl"))},
		{"packed predictions", "stdin.yaml", "predictions.jsonl*", &packed},
		{"predictions from a file", "stdin.yaml", "predictions.jsonl*", w.open("predictions.jsonl")},
		{"labels", "labels.yaml", "labels.csv*", strings.NewReader(read("labels.csv"))},
	} {
		got := strings.ReplaceAll(w.once(test.config, test.stdin), `source="-"`, fmt.Sprintf("source=%q", w.path(test.log)))
		w.compare(test.name, samples(t, got), want)
	}
}

func (w *writer) open(name string) *os.File {
	w.t.Helper()
	f, err := os.Open(w.path(name))
	w.check(err)
	w.t.Cleanup(func() { w.check(f.Close()) })
	return f
}
