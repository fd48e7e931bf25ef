package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// program is a real program that runs beside the demo.
type program struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
}

// find returns the absolute path of a program: what the variable of its name in capitals says, or else the one in PATH.
func find(name string) (string, error) {
	variable := strings.ToUpper(name)
	found, err := exec.LookPath(cmp.Or(os.Getenv(variable), name))
	if err != nil {
		return "", fmt.Errorf("%w: get it with `make tools`, put it in PATH or set %s to its path", err, variable)
	}
	return filepath.Abs(found)
}

// start starts a program whose output goes to a file in the folder, and waits until it is ready.
func start(ctx context.Context, l *layout, name, ready string, args, env []string) (*program, error) {
	binary, err := find(name)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(l.path(name + ".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &program{name: name, log: log.Name(), done: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = l.folder, log, log
	p.cmd.Env = append(os.Environ(), env...)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // its log says why it ended
		close(p.done)
	}()
	if err := p.await(ctx, ready); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// startTimeout is enough for Prometheus on a busy machine.
const startTimeout = time.Minute

// await waits until the address answers with success.
func (p *program) await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s has ended: %s\n%s", p.name, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name, ctx.Err(), p.tail())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tail returns the end of what the program has said.
func (p *program) tail() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-2000):])
}

// stop asks the program to end, and ends it if it does not.
func (p *program) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
		return nil
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end when asked to, and was killed", p.name)
	}
}

// stack is the programs that run, in the order in which they were started.
type stack []*program

// startStack starts the exporter, Alertmanager, Prometheus, and Grafana if withGrafana is true, on what layout.write
// has written. What was started is returned with an error too.
func startStack(ctx context.Context, l *layout, withGrafana bool) (s stack, err error) {
	type launch struct {
		name, ready string
		args, env   []string
	}
	launches := []launch{
		{name: "drift_exporter", ready: "http://" + l.exporter + "/-/ready", args: []string{
			"--config.file=" + l.path("exporter.yaml"), "--web.listen-address=" + l.exporter, "--web.enable-lifecycle",
		}},
		{name: "alertmanager", ready: "http://" + l.alertmanager + "/-/ready", args: []string{
			"--config.file=" + l.path("alertmanager.yaml"), "--storage.path=" + l.path("alertmanager"),
			"--web.listen-address=" + l.alertmanager, "--cluster.listen-address=",
		}},
		{name: "prometheus", ready: "http://" + l.prometheus + "/-/ready", args: []string{
			"--config.file=" + l.path("prometheus.yml"), "--storage.tsdb.path=" + l.path("prometheus"),
			"--web.listen-address=" + l.prometheus, "--web.enable-lifecycle",
		}},
	}
	if withGrafana {
		host, port, _ := strings.Cut(l.grafana, ":")
		launches = append(launches, launch{
			name: "grafana", ready: "http://" + l.grafana + "/api/health",
			args: []string{"server", "--homepath", cmp.Or(os.Getenv("GRAFANA_HOME"), "/usr/share/grafana")},
			env: []string{
				"GF_SERVER_HTTP_ADDR=" + host, "GF_SERVER_HTTP_PORT=" + port, "GF_PATHS_DATA=" + l.path("grafana-data"),
				"GF_PATHS_PROVISIONING=" + l.path("grafana"), "GF_AUTH_ANONYMOUS_ENABLED=true",
				"GF_ANALYTICS_REPORTING_ENABLED=false", "GF_ANALYTICS_CHECK_FOR_UPDATES=false",
			},
		})
	}
	for _, launch := range launches {
		p, err := start(ctx, l, launch.name, launch.ready, launch.args, launch.env)
		if err != nil {
			return s, err
		}
		s = append(s, p)
	}
	return s, nil
}

// stop ends the programs in reverse order.
func (s stack) stop() error {
	var all error
	for _, p := range slices.Backward(s) {
		all = errors.Join(all, p.stop())
	}
	return all
}
