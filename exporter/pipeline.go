package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// purpose is what the records of a source are.
type purpose uint8

const (
	predictions purpose = iota
	labels
)

// pipeline reads one source of a model: one goroutine reads blocks, several decode them, and the batches reach the
// model in the order of the log.
type pipeline struct {
	name    string // the label value of the source's metrics
	purpose purpose
	files   *source.Files
	format  decode.Format
	schema  *record.Schema
	seed    uint64
	logger  *slog.Logger
	// starting waits for the loads that were read before the source had caught up.
	starting sync.WaitGroup

	// The rest belongs to the model's goroutine.
	records  uint64
	errors   map[record.Reason]uint64
	lastRead time.Time
	lines    map[string]int // lines read so far, by file, for messages
	logged   time.Time      // when a rejected record was last logged
}

// load is a block on its way through a pipeline.
type load struct {
	pipeline *pipeline
	block    *source.Block
	batch    record.Batch
	// line is the number of lines of the file before the block.
	line int
	// caughtUp says that the source had already read all there was at the start when it read this block.
	caughtUp bool
	decoded  chan struct{}
	// free and idle take block and load back.
	free chan<- *source.Block
	idle chan<- *load
}

// release gives the load's memory back. Neither channel is ever full, for there is room for all that were made.
func (l *load) release() {
	if !l.caughtUp {
		l.pipeline.starting.Done()
	}
	l.free <- l.block
	l.block = nil
	l.idle <- l
}

// pollInterval is how often files are looked at.
const pollInterval = time.Second

func newPipeline(s config.Source, why purpose, schema *record.Schema, seed uint64, follow bool,
	logger *slog.Logger,
) (*pipeline, error) {
	format, err := decode.Lookup(formatOf(s.Format, s.Path))
	if err != nil {
		return nil, err
	}
	p := &pipeline{
		name: s.Path, purpose: why, format: format, schema: schema, seed: seed, logger: logger,
		errors: make(map[record.Reason]uint64), lines: make(map[string]int),
	}
	p.files = source.New(source.Options{
		Pattern: s.Path, Header: format.Header, Split: format.Split,
		Follow: follow, PollInterval: pollInterval, Logger: logger,
	})
	return p, nil
}

// formatOf returns the format of a file: as configured, or by its name.
func formatOf(f config.Format, path string) string {
	if f != "" {
		return string(f)
	}
	if strings.HasSuffix(strings.ToLower(path), ".csv") {
		return decode.FormatCSV
	}
	return decode.FormatJSONL
}

// run reads the source until it ends or the context does, and sends what it decoded to out, in order. The receiver
// releases every load.
func (p *pipeline) run(ctx context.Context, out chan<- *load) {
	workers := runtime.GOMAXPROCS(0)
	depth := 2*workers + 1
	free, idle := make(chan *source.Block, depth), make(chan *load, depth)
	work, order := make(chan *load, depth), make(chan *load, depth)
	for range depth {
		free <- &source.Block{}
		idle <- &load{pipeline: p, decoded: make(chan struct{}, 1), free: free, idle: idle}
	}
	var group sync.WaitGroup
	group.Go(func() {
		p.files.Run(ctx, free, func(b *source.Block) {
			l := <-idle
			l.block, l.caughtUp = b, p.caughtUp()
			if !l.caughtUp {
				p.starting.Add(1)
			}
			work <- l
			order <- l
		})
		close(work)
		close(order)
	})
	for range workers {
		group.Go(func() {
			decoder := p.format.New(p.schema, p.seed)
			for l := range work {
				decoder.Decode(l.block.Header, l.block.Data, &l.batch)
				l.decoded <- struct{}{}
			}
		})
	}
	group.Go(func() {
		for l := range order {
			<-l.decoded
			select {
			case out <- l:
			case <-ctx.Done():
				l.release()
			}
		}
	})
	group.Wait()
}

func (p *pipeline) caughtUp() bool {
	select {
	case <-p.files.CaughtUp():
		return true
	default:
		return false
	}
}

// reject counts a record that is not counted otherwise, and says so in the log at most once a minute.
func (p *pipeline) reject(reason record.Reason, now time.Time, file string, line int, detail string) {
	p.errors[reason]++
	if !p.logged.IsZero() && now.Sub(p.logged) < time.Minute {
		return
	}
	p.logged = now
	p.logger.Warn("Record not counted; more of them within the next minute are counted but not logged",
		"source", p.name, "reason", string(reason), "at", fmt.Sprintf("%s:%d", file, line), "detail", detail)
}
