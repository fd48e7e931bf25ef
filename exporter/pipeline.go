package exporter

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/drift-exporter/drift_exporter/exporter/config"
	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
	"github.com/drift-exporter/drift_exporter/exporter/receive"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
	"github.com/drift-exporter/drift_exporter/exporter/source/kafka"
	"github.com/drift-exporter/drift_exporter/exporter/turns"
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
	name string // the label value of the source's metrics
	// received says that the files are the spool of the receiver of that name.
	received bool
	purpose  purpose
	files    files
	format   decode.Format // of the blocks of a source.Files
	schema   *record.Schema
	mapped   bool // the log has a mapping
	logger   *slog.Logger
	// options are those that files was made with.
	options source.Options
	// topic is what is read in the place of files, nil if there is none.
	topic *kafka.Options
	// starting waits for the loads that were read before the source had caught up.
	starting sync.WaitGroup

	// The rest belongs to the model's goroutine.
	// assembler brings halves of predictions together, nil if the log has none; whole is its batch.
	assembler   *mapping.Assembler
	whole       record.Batch
	records     uint64
	bytesBefore uint64 // that earlier runs have read
	errors      map[record.Reason]uint64
	skipped     map[record.Skip]uint64
	lastRead    time.Time
	places      map[uint64]place // by the number of the content
	logged      time.Time        // when a rejected record was last logged
	// began says that it is settled where reading begins in the files that were there at the first start: what comes
	// later is read whole. Records before since, in nanoseconds, are passed over; never stands for none.
	began bool
	since int64
}

// files are the files of a source: a blockReader whose blocks are decoded, or *source.Objects.
type files interface {
	CaughtUp() <-chan struct{}
	Stats() source.Stats
}

// blockReader is a source of blocks: a *source.Files or a *kafka.Source.
type blockReader interface {
	files
	Run(ctx context.Context, free <-chan *source.Block, emit func(*source.Block))
}

// newFiles returns the source of the pipeline that goes on as its options say.
func (p *pipeline) newFiles() files {
	if p.topic != nil {
		return p.newTopic()
	}
	if p.format.Split == nil {
		return source.NewObjects(p.options)
	}
	return source.New(p.options)
}

// place is how far the records of a file have been counted.
type place struct {
	position source.Position
	lines    int // before it, for messages
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

// live reports whether the load is read as it was written, so that lateness and timeouts mean something.
func (l *load) live() bool { return l.caughtUp && !l.block.Behind }

// at returns what log messages call a line of the block, before which the file has so many.
func (l *load) at(before, line int) func() string {
	return func() string { return l.block.Place(before, line) }
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

func newPipeline(s config.Source, why purpose, schema *record.Schema, follow bool, now func() time.Time,
	logger *slog.Logger,
) (*pipeline, error) {
	format, assembler, err := formatOfSource(s, why, schema, now)
	if err != nil {
		return nil, err
	}
	p := &pipeline{
		name: sourceName(s), purpose: why, format: format, schema: schema, logger: logger,
		mapped: s.Spec != nil, assembler: assembler,
		errors: make(map[record.Reason]uint64), skipped: make(map[record.Skip]uint64), places: make(map[uint64]place),
		options: source.Options{
			Pattern: s.Path, Header: format.Header, Split: format.Split, EachLine: format.EachLine,
			Follow: follow, PollInterval: pollInterval, Logger: logger,
		},
	}
	switch {
	case s.Receive != nil:
		p.received = true
		p.options.Pattern = filepath.Join(config.PlainPattern(s.Receive.Folder()), receive.Pattern)
		p.options.Header, p.options.MaxRecord = true, receive.MaxLine
	case s.Kafka != nil:
		if err := p.readTopic(s, follow); err != nil {
			return nil, err
		}
	case s.Path == config.Stdin:
		p.options.Stream = os.Stdin
	}
	since := int64(never)
	if s.StartAt.Back > 0 {
		since = now().Add(-s.StartAt.Back).UnixNano()
	}
	// Nothing would be left of logs that are only read to their end.
	p.startAt(!s.StartAt.End || !follow, since)
	p.files = p.newFiles()
	return p, nil
}

// startAt says whether it is settled where reading begins, and before which time records are passed over.
func (p *pipeline) startAt(began bool, since int64) {
	p.began, p.since = began, since
	p.options.AtEnd, p.options.Since = !began, time.Time{}
	if since != never {
		p.options.Since = time.Unix(0, since)
	}
}

// resume makes a source that has not run yet go on where another run has got to. It may be called more than once.
func (p *pipeline) resume(s *savedPipeline) {
	switch {
	case s.key == p.key() && s.began:
		p.startAt(true, s.since)
	case s.began:
		p.startAt(p.began, min(p.since, s.since)) // it may be the same log at another path
	}
	for i, position := range s.positions {
		for {
			if _, taken := p.places[position.Content]; !taken {
				break
			}
			position.Content++ // Another saved source has given the number to another content.
		}
		p.places[position.Content] = place{position, int(s.lines[i])}
		p.options.Resume = append(p.options.Resume, position)
	}
	p.files = p.newFiles()
}

// bytes returns how much has been read in all runs.
func (p *pipeline) bytes() uint64 { return p.bytesBefore + p.files.Stats().Bytes }

// begin notes where the block of a load belongs, and returns the number of lines before it.
func (p *pipeline) begin(b *source.Block) (lines int) {
	if b.First {
		if len(b.Header) > 0 {
			return 1
		}
		return 0
	}
	return p.places[b.Position.Content].lines
}

// counted notes that a block was counted, behind which there are so many lines of its file.
func (p *pipeline) counted(b *source.Block, lines int) {
	if b.Began {
		p.began = true
		for _, passed := range b.Passed {
			p.places[passed.Content] = place{position: passed}
		}
	} else {
		p.places[b.Position.Content] = place{b.Position, lines}
	}
	for _, content := range b.Forgotten {
		delete(p.places, content)
	}
}

// segments returns how many bytes of each file of a spool have been counted, by its name.
func (p *pipeline) segments() map[string]int64 {
	all := make(map[string]int64, len(p.places))
	for _, at := range p.places {
		name := filepath.Base(at.position.Path)
		all[name] = max(all[name], at.position.Offset)
	}
	return all
}

// run reads the source until it ends or the context does, and sends what it decoded to out, in order. The receiver
// releases every load. Ids are hashed with the seed.
func (p *pipeline) run(ctx context.Context, seed uint64, out chan<- *load) {
	switch files := p.files.(type) {
	case *kafka.Source:
		files.Identify(seed)
		p.runBlocks(ctx, files, seed, out)
	case *source.Files:
		p.runBlocks(ctx, files, seed, out)
	case *source.Objects:
		p.runObjects(ctx, files, seed, out)
	}
}

func (p *pipeline) runBlocks(ctx context.Context, files blockReader, seed uint64, out chan<- *load) {
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
		files.Run(ctx, free, func(b *source.Block) {
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
			decoder := p.format.New(p.schema, seed)
			named, _ := decoder.(decode.FileDecoder)
			for l := range work {
				if named != nil {
					named.SetFile(l.block.File)
				}
				header := l.block.Header
				if p.received {
					header = nil // it is that of the spool, and means nothing to the format
				}
				turns.Do(func() {
					decoder.Decode(header, l.block.Data, &l.batch)
					if workers > 1 {
						l.batch.Pack()
					}
				})
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

// reject counts records that are not counted otherwise, and says so in the log at most once a minute.
func (p *pipeline) reject(n uint64, reason record.Reason, now time.Time, at func() string, detail string) {
	p.errors[reason] += n
	if !p.logged.IsZero() && now.Sub(p.logged) < time.Minute {
		return
	}
	p.logged = now
	p.logger.Warn("Record not counted; more of them within the next minute are counted but not logged",
		"source", p.name, "reason", string(reason), "at", at(), "detail", detail)
}
