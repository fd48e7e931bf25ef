// Command demo shows drift_exporter with the programs around it: it replays real flights at many times their speed,
// with incidents that it makes up, through the exporter, Prometheus and Alertmanager, and prints the notifications.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
		{"kafka", "127.0.0.1:9092", &o.kafka},
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
	listener, err := net.Listen("tcp", o.listenAddress(o.receiver))
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

// listenAddress is where the demo itself listens: in a container its name is that of the container.
func (o *options) listenAddress(address string) string {
	if _, port, ok := strings.Cut(address, ":"); ok && o.external {
		return ":" + port
	}
	return address
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
	return newStreams(&o.layout, o.examples, o.listenAddress(o.kafka))
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
	d.tell(ctx, streams)
	return nil
}

func (d *demo) introduce() {
	d.say("Real flights of February to April 2001, in random order, %d a second: those of a month in a minute.", d.rate)
	fmt.Fprintf(d.out, "          Metrics    http://%s/metrics\n          Prometheus http://%s/api/v1/alerts\n"+
		"          Alerts     http://%s\n          Grafana    http://%s, where it runs\n          Folder     %s\n",
		d.exporter, d.prometheus, d.alertmanager, d.grafana, d.layout.folder)
}

// tell lets the incidents happen, to the first two models.
func (d *demo) tell(ctx context.Context, streams []*stream) {
	late, minutes := streams[0], streams[1]
	half := sometimes(2, rand.New(rand.NewPCG(0, 2)), retrained)
	for _, act := range []struct {
		after         time.Duration
		late, minutes []func(*flight)
		what          string
	}{
		{
			15 * time.Second,
			[]func(*flight){delaysInSeconds},
			[]func(*flight){delaysInSeconds},
			"MADE UP: recent_delay_origin of flight-delay and flight-delay-minutes, in minutes until now, comes in seconds.",
		},
		{
			30 * time.Second,
			[]func(*flight){delaysInSeconds, outcomesTurn},
			[]func(*flight){delaysInSeconds},
			"MADE UP: late flights of flight-delay turn out to be on time, and the other way round: the performance falls.",
		},
		{
			90 * time.Second,
			[]func(*flight){outcomesTurn, half},
			nil,
			"MADE UP: delays come in minutes again. Half of the flights are answered by version 2.0.0 of flight-delay, which " +
				"was trained on what flights do now.",
		},
		{
			time.Minute,
			[]func(*flight){outcomesTurn, retrained},
			nil,
			"MADE UP: 2.0.0 answers all. Alerts about 1.0.0 resolve when the windows hold it no more.",
		},
		{4 * time.Minute, []func(*flight){outcomesTurn, retrained}, nil, "That was all. End with Ctrl-C."},
	} {
		select {
		case <-time.After(act.after):
		case <-ctx.Done():
			return
		}
		late.begin(act.late...)
		minutes.begin(act.minutes...)
		d.say("%s", act.what)
	}
	<-ctx.Done()
}
