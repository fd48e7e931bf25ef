package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// server is an exporter that serves the small logs.
type server struct {
	url  string
	stop context.CancelFunc
	code chan int
}

// startServer runs the command line on a free port and waits until all logs have been read. Its log says when that is,
// and which port it got.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	// The time is only there to end a test that would wait for ever.
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	s := &server{stop: stop, code: make(chan int, 1)}
	log, stderr := io.Pipe()
	args = append(args, "--config.file="+testdata(t, "small/config.yaml"), "--web.listen-address=127.0.0.1:0",
		"--log.format=json")
	go func() {
		s.code <- run(ctx, args, io.Discard, stderr)
		_ = stderr.Close()
	}()
	address, ready, ended := make(chan string, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var entry struct{ Msg, Address string }
			if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
				t.Errorf("log line %q: %v", lines.Text(), err)
			}
			switch entry.Msg {
			case "Listening on":
				address <- entry.Address
			case "Caught up with all sources":
				close(ready)
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	select {
	case a := <-address:
		s.url = "http://" + a
	case <-ended:
		t.Fatal("the exporter ended before it listened")
	}
	select {
	case <-ready:
	case <-ended:
		t.Fatal("the exporter ended before it had read the logs")
	}
	return s
}

// end stops the exporter and returns its exit code.
func (s *server) end() int {
	s.stop()
	return <-s.code
}

// ask sends a request and returns the answer.
func (s *server) ask(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	tests := map[string]struct {
		args   []string
		path   string // of the metrics
		reload int    // the status of POST /-/reload
		own    bool   // whether there are metrics of the process
	}{
		"with defaults": {nil, "/metrics", http.StatusForbidden, true},
		"with everything set": {
			[]string{"--web.telemetry-path=/drift/metrics", "--web.enable-lifecycle", "--web.disable-exporter-metrics"},
			"/drift/metrics", http.StatusOK, false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, test.args...)
			for _, path := range []string{"/", "/config", "/-/healthy", "/-/ready"} {
				if status, body := s.ask(t, http.MethodGet, path); status != http.StatusOK {
					t.Errorf("%s: status %d: %s", path, status, body)
				}
			}
			if _, body := s.ask(t, http.MethodGet, "/"); !strings.Contains(body, `href="`+test.path) {
				t.Errorf("the landing page has no link to %s:\n%s", test.path, body)
			}
			if status, body := s.ask(t, http.MethodPost, "/-/reload"); status != test.reload {
				t.Errorf("reload: status %d, want %d: %s", status, test.reload, body)
			}
			all := map[string]bool{}
			_, body := s.ask(t, http.MethodGet, test.path)
			for name := range families(t, body) {
				all[name] = true
			}
			if !all["drift_exporter_build_info"] || !all["drift_score"] {
				t.Errorf("there is no build_info or no score: %v", all)
			}
			for _, name := range []string{"go_goroutines", "promhttp_metric_handler_requests_total"} {
				if all[name] != test.own {
					t.Errorf("%s is served: %t", name, all[name])
				}
			}
			if code := s.end(); code != exitOK {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestServeOnAnAddressInUse(t *testing.T) {
	other, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := other.Addr().String()
	var stderr bytes.Buffer
	code := run(t.Context(), []string{
		"--config.file=" + testdata(t, "small/config.yaml"), "--web.listen-address=" + address,
	}, io.Discard, &stderr)
	if code != exitFailure || !strings.Contains(stderr.String(), address) {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}

// An interrupted reading is no success, for its numbers would be wrong.
func TestOnceEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"--once", "--config.file=" + testdata(t, "small/config.yaml")}, &stdout, &stderr)
	if code != exitFailure || stdout.Len() > 0 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}
