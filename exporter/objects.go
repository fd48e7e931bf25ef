package exporter

import (
	"context"
	"errors"
	"io"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// objectLoads is how many batches of a Parquet file are under way: one is read while another one is counted.
const objectLoads = 3

// objectReader reads the Parquet files of a source: in one goroutine, since the rows of a file come in order.
type objectReader struct {
	pipeline *pipeline
	parquet  *decode.Parquet
	free     chan *source.Block
	idle     chan *load
	out      chan<- *load
}

// runObjects is run for Parquet files.
func (p *pipeline) runObjects(ctx context.Context, files *source.Objects, seed uint64, out chan<- *load) {
	r := &objectReader{
		pipeline: p, parquet: decode.NewParquet(p.schema, seed),
		free: make(chan *source.Block, objectLoads), idle: make(chan *load, objectLoads), out: out,
	}
	for range objectLoads {
		r.free <- &source.Block{}
		r.idle <- &load{pipeline: p, free: r.free, idle: r.idle}
	}
	files.Run(ctx, r.read, r.giveUp, r.began)
}

// began sends where the files are that were passed over.
func (r *objectReader) began(ctx context.Context, passed []source.Position) {
	l := r.take(ctx)
	if l == nil {
		return
	}
	l.batch.Reset(r.pipeline.schema)
	r.pass(ctx, l, source.Block{Began: true, Passed: passed})
}

// read reads what a file has beyond its position. An error says that it is not complete; one that is damaged in its
// midst is given up.
func (r *objectReader) read(ctx context.Context, o *source.Object) error {
	if err := r.parquet.Open(o.Path, o.File, o.Size); err != nil {
		return err
	}
	defer r.parquet.Close()
	err := r.parquet.Skip(o.Position.Offset)
	for err == nil {
		l := r.take(ctx)
		if l == nil {
			return ctx.Err()
		}
		if err = r.parquet.Next(&l.batch); err != nil {
			r.idle <- l
			break
		}
		r.send(ctx, o, l)
	}
	if !errors.Is(err, io.EOF) {
		o.Position.Skipping = true
		r.giveUp(ctx, o, err)
	}
	return nil
}

// giveUp counts one record for what is not read of a file.
func (r *objectReader) giveUp(ctx context.Context, o *source.Object, err error) {
	l := r.take(ctx)
	if l == nil {
		return
	}
	l.batch.Reset(r.pipeline.schema)
	l.batch.Rejects = append(l.batch.Rejects, record.Reject{Reason: record.Malformed, Detail: err.Error()})
	r.send(ctx, o, l)
}

// take waits for a free load. It returns nil if the context ends before.
func (r *objectReader) take(ctx context.Context) *load {
	select {
	case l := <-r.idle:
		return l
	case <-ctx.Done():
		return nil
	}
}

// send passes a load on, which ends the file's rows up to there.
func (r *objectReader) send(ctx context.Context, o *source.Object, l *load) {
	b := source.Block{File: o.Path, First: o.Position.Offset == 0, Forgotten: o.Forgotten}
	o.Forgotten = nil
	o.Position.Offset += int64(l.batch.Lines)
	b.Position = o.Position
	r.pass(ctx, l, b)
}

// pass passes a load with its block on.
func (r *objectReader) pass(ctx context.Context, l *load, block source.Block) {
	l.block = <-r.free
	*l.block = block
	if l.caughtUp = r.pipeline.caughtUp(); !l.caughtUp {
		r.pipeline.starting.Add(1)
	}
	select {
	case r.out <- l:
	case <-ctx.Done():
		l.release()
	}
}
