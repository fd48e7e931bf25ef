// Command demo shows drift_exporter with the programs around it: it replays real flights at many times their speed,
// with two incidents that it makes up, through the exporter, Prometheus and Alertmanager, and prints the notifications.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	layout
	examples, folder string
	rate             int
	external         bool
}

func parseOptions(args []string) (options, error) {
	var o options
	app := kingpin.New("demo", "Replays real flights through drift_exporter, Prometheus and Alertmanager, with incidents.")
	app.HelpFlag.Short('h')
	app.Flag("examples", "The folder of the example data.").Default("examples").StringVar(&o.examples)
	app.Flag("folder", "Where logs, configurations and data go. By default a temporary folder, removed at the end.").
		StringVar(&o.folder)
	app.Flag("rate", "Predictions a second of each model.").Default("50").IntVar(&o.rate)
	app.Flag("factor", "How many times shorter than in earnest rules and Alertmanager wait.").
		Default("60").Float64Var(&o.factor)
	app.Flag("external", "Start no programs: others do, as compose.yaml says.").BoolVar(&o.external)
	for _, address := range []struct {
		name, value string
		to          *string
	}{
		{"exporter", "127.0.0.1:10058", &o.exporter},
		{"prometheus", "127.0.0.1:9090", &o.prometheus},
		{"alertmanager", "127.0.0.1:9093", &o.alertmanager},
		{"receiver", "127.0.0.1:9099", &o.receiver},
		{"grafana", "127.0.0.1:3000", &o.grafana},
	} {
		app.Flag(address.name, "Address of "+address.name+".").Default(address.value).StringVar(address.to)
	}
	if _, err := app.Parse(args); err != nil {
		return o, err
	}
	if o.rate < 1 || o.rate > 1000 || o.factor < 1 {
		return o, errors.New("rate must be from 1 to 1000, and factor at least 1")
	}
	return o, nil
}

// history is how long before the start the logs begin: as long as the longest window.
const history = 2 * time.Minute

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	if o.layout.folder, err = filepath.Abs(o.folder); err != nil {
		return err
	}
	if o.folder == "" {
		if o.layout.folder, err = os.MkdirTemp("", "drift-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.layout.folder)) }()
	}
	streams, err := o.prepare()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listenAddress())
	if err != nil {
		return err
	}
	defer listener.Close()
	d := &demo{options: o, out: out}
	printer := newPrinter(out)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: receiver(func(n notification) {
		d.mu.Lock()
		defer d.mu.Unlock()
		printer.print(n)
	})}
	go func() { _ = server.Serve(listener) }() // it ends when the listener is closed
	return d.play(ctx, streams)
}

// listenAddress is where the receiver listens: in a container its name is that of the container.
func (o *options) listenAddress() string {
	if _, port, ok := strings.Cut(o.receiver, ":"); ok && o.external {
		return ":" + port
	}
	return o.receiver
}

// prepare writes the configurations and opens the logs.
func (o *options) prepare() ([]*stream, error) {
	config, err := templates.ReadFile("exporter.yaml")
	if err != nil {
		return nil, err
	}
	if err := o.write(config); err != nil {
		return nil, err
	}
	from := filepath.Join(o.examples, "flights")
	if err := copyFile(filepath.Join(from, "reference.csv"), o.path("flights", "reference.csv")); err != nil {
		return nil, err
	}
	flights, err := readStableFlights(from)
	if err != nil {
		return nil, err
	}
	var streams []*stream
	for i, model := range []string{"flight-delay", "flight-delay-steady"} {
		s, err := newStream(o.layout.folder, model, atRandom(flights, uint64(i)))
		if err != nil {
			return nil, err
		}
		streams = append(streams, s)
	}
	return streams, nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// demo is a demo that runs.
type demo struct {
	options
	mu  sync.Mutex // of out
	out io.Writer
}

func (d *demo) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, time.Now().Format(time.TimeOnly)+"  "+format+"\n", args...)
}

// play replays the flights until the context ends.
func (d *demo) play(ctx context.Context, streams []*stream) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan error, 1)
	go func() {
		defer cancel() // without logs the rest has no point
		written <- replay(ctx, streams, d.rate, history)
	}()
	defer func() {
		cancel()
		err = errors.Join(err, <-written)
		for _, s := range streams {
			err = errors.Join(err, s.close())
		}
	}()
	if !d.external {
		_, noGrafana := find("grafana")
		started, startErr := startStack(ctx, &d.layout, noGrafana == nil)
		defer func() { err = errors.Join(err, started.stop()) }()
		if startErr != nil {
			return startErr
		}
		if noGrafana != nil {
			d.say("Without Grafana, which was not found.")
		}
	}
	d.introduce()
	d.tell(ctx, streams[0])
	return nil
}

func (d *demo) introduce() {
	d.say("Real flights of February to April 2001, in random order, %d a second: those of a month in a minute.", d.rate)
	fmt.Fprintf(d.out, "          Metrics    http://%s/metrics\n          Prometheus http://%s/api/v1/alerts\n"+
		"          Alerts     http://%s\n          Grafana    http://%s, where it runs\n          Folder     %s\n",
		d.exporter, d.prometheus, d.alertmanager, d.grafana, d.layout.folder)
}

// tell lets the incidents happen.
func (d *demo) tell(ctx context.Context, s *stream) {
	for _, act := range []struct {
		after     time.Duration
		incidents []func(*flight)
		what      string
	}{
		{15 * time.Second, []func(*flight){delaysInSeconds}, "MADE UP: recent_delay_origin of flight-delay, which was " +
			"in minutes, comes in seconds."},
		{30 * time.Second, []func(*flight){delaysInSeconds, outcomesTurn}, "MADE UP: its late flights turn out to be on " +
			"time, and the other way round: the performance falls."},
		{2 * time.Minute, nil, "Both incidents end. Alerts resolve when the windows hold them no more."},
		{3 * time.Minute, nil, "That was all. End with Ctrl-C."},
	} {
		select {
		case <-time.After(act.after):
		case <-ctx.Done():
			return
		}
		s.begin(act.incidents...)
		d.say("%s", act.what)
	}
	<-ctx.Done()
}
