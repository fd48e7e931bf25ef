package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is an exporter that serves.
type server struct {
	cmd     *exec.Cmd
	url     string
	client  http.Client
	started time.Time
}

// serve starts the exporter and waits until it listens.
func (o *options) serve(config string) (*server, error) {
	s := &server{started: time.Now()}
	s.cmd = exec.Command(o.exporter, "--config.file="+config, "--web.listen-address=127.0.0.1:0", "--log.format=json")
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			var entry struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "Listening on" {
				address <- entry.Address
			}
		}
	}()
	at := <-address
	if at == "" {
		return nil, errors.Join(errors.New("the exporter ended before it listened"), s.cmd.Wait())
	}
	s.url = "http://" + at
	return s, nil
}

// stop ends the exporter as a service manager does.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// get asks for the answer at a path as Prometheus does, compressed, and returns it unpacked, and how long it took until
// all of it was there.
func (s *server) get(path string) (body string, status int, took time.Duration, err error) {
	request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		return "", 0, 0, err
	}
	request.Header.Set("Accept-Encoding", "gzip")
	begun := time.Now()
	response, err := s.client.Do(request)
	if err != nil {
		return "", 0, 0, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(response.Body)
	took = time.Since(begun)
	if err == nil && response.Header.Get("Content-Encoding") == "gzip" {
		z, broken := gzip.NewReader(bytes.NewReader(text))
		if broken != nil {
			return "", 0, 0, broken
		}
		text, err = io.ReadAll(z)
	}
	return string(text), response.StatusCode, took, err
}

// ready reports whether the exporter has read what was there at the start.
func (s *server) ready() bool {
	_, status, _, err := s.get("/-/ready")
	return err == nil && status == http.StatusOK
}

// await waits until the exporter is ready, or a time is over.
func (s *server) await(limit time.Duration) error {
	for begun := time.Now(); !s.ready(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > limit {
			return fmt.Errorf("the exporter was not ready within %s", limit)
		}
	}
	return nil
}

// memory returns what is resident, and the most that was, in MiB; 0 where the system does not tell.
func (s *server) memory() (resident, most float64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)) // no such file elsewhere than on Linux
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			resident = kib / 1024
		case "VmHWM:":
			most = kib / 1024
		}
	}
	return resident, most
}

// series counts the samples of an exposition.
func series(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}
