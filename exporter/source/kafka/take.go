package kafka

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc64"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/drift-exporter/drift_exporter/exporter/record"
	"github.com/drift-exporter/drift_exporter/exporter/source"
)

// Name is what messages and positions call a topic.
func Name(topic string) string { return "kafka:" + topic }

func (s *Source) nameOf(number int32) string {
	return Name(s.options.Topic) + "/" + strconv.Itoa(int(number))
}

// partitionOf returns the number of the partition whose name a position has. Topics have no slash in their names.
func partitionOf(topic, path string) (number int32, ok bool) {
	text, ok := strings.CutPrefix(path, Name(topic)+"/")
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), ok && err == nil && n >= 0
}

// headOf is a sum that tells a topic from another one of the same name, never 0. Brokers before Kafka 2.8 give no id.
func headOf(topic string, id [16]byte) uint64 {
	h := crc64.New(crc64.MakeTable(crc64.ECMA))
	fmt.Fprintf(h, "%s %x", topic, id)
	return max(1, h.Sum64())
}

// filling is a block on its way.
type filling struct {
	*Source
	partition *partition
	number    int32
	// start is the first offset that the partition still had when the messages were fetched.
	start int64
	block *source.Block
	lines int
	// next is the offset behind the last message that the block has, or has passed over.
	next int64
}

// take hands over the messages of a partition.
func (s *Source) take(ctx context.Context, p *kgo.FetchPartition) {
	s.mu.Lock()
	one := s.assigned[p.Partition]
	if one == nil || len(p.Records) == 0 {
		s.mu.Unlock()
		return
	}
	one.failure = ""
	one.end = max(one.end, p.LastStableOffset, p.Records[len(p.Records)-1].Offset+1)
	f := &filling{Source: s, partition: one, number: p.Partition, start: p.LogStartOffset, next: one.next}
	s.mu.Unlock()
	for _, r := range p.Records {
		if !s.options.Follow && r.Offset >= one.target {
			f.next = max(f.next, one.target)
			break
		}
		if !f.add(ctx, r) {
			return
		}
	}
	f.send(ctx)
}

// add adds a message. It returns false if ctx ends before there is a block for it.
func (f *filling) add(ctx context.Context, r *kgo.Record) bool {
	full := f.block != nil && len(f.block.Data) > 0 &&
		(f.options.Split != nil || len(f.block.Data)+len(r.Value) >= f.options.BlockSize)
	if full && !f.send(ctx) {
		return false
	}
	if f.block == nil {
		if f.block = f.Source.block(ctx); f.block == nil {
			return false
		}
		f.lines = 0
	}
	// Offsets are also missing where a topic is compacted, and where transactions were aborted. What lies before the
	// first offset that there is was deleted.
	if gone := min(f.start, r.Offset); gone > f.next {
		f.block.Missed = append(f.block.Missed, lost(f.next, gone))
	}
	f.next = r.Offset + 1
	b := f.block
	switch {
	case r.Attrs.IsControl():
	case len(r.Value) == 0:
		b.Missed = append(b.Missed, source.Missed{
			Reason: record.Tombstone, Offset: r.Offset, Count: 1, Detail: "the message has no value",
		})
	case len(r.Value) > f.options.MaxMessage:
		b.Missed = append(b.Missed, source.Missed{
			Reason: record.TooLong, Offset: r.Offset, Count: 1,
			Detail: fmt.Sprintf("the message has %d bytes, more than the %d that are read", len(r.Value), f.options.MaxMessage),
		})
	default:
		f.bytes.Add(uint64(len(r.Value)))
		b.Messages = append(b.Messages, source.Message{Line: f.lines, Offset: r.Offset})
		b.Data = append(b.Data, r.Value...)
		if split := f.options.Split; split != nil {
			if split(b.Data) < len(b.Data) {
				b.Data = append(b.Data, '\n')
			}
			break
		}
		if b.Data[len(b.Data)-1] != '\n' {
			b.Data = append(b.Data, '\n')
			f.lines++
		}
		f.lines += bytes.Count(r.Value, []byte{'\n'})
	}
	return true
}

func lost(from, to int64) source.Missed {
	return source.Missed{
		Reason: record.Lost, Offset: from, Count: uint64(to - from),
		Detail: fmt.Sprintf("the offsets from %d to %d were deleted before they were read", from, to-1),
	}
}

// send hands the block over, if it says anything.
func (f *filling) send(ctx context.Context) bool {
	f.mu.Lock()
	moved := f.next != f.partition.next
	f.mu.Unlock()
	if f.block == nil && !moved {
		return true
	}
	if f.block == nil {
		if f.block = f.Source.block(ctx); f.block == nil {
			return false
		}
	}
	b := f.block
	f.block = nil
	f.hand(f.number, f.partition, b, f.next)
	return true
}

// hand emits a block of a partition, which leads to the offset next.
func (s *Source) hand(number int32, p *partition, b *source.Block, next int64) {
	s.mu.Lock()
	at := s.reached[number]
	at.Offset = next
	s.reached[number] = at
	b.Position, b.Behind = at, s.behind()
	b.Forgotten, s.forgotten = s.forgotten, nil
	if s.begun {
		s.begun = false
		b.Began, b.Passed = true, []source.Position{at}
	}
	if p.lost.Count > 0 {
		b.Missed = append(b.Missed, p.lost)
		p.lost = source.Missed{}
	}
	p.next, p.told = next, true
	caughtUp := !s.behind()
	s.mu.Unlock()
	b.File, b.First = s.nameOf(number), true
	size := len(b.Data)
	b.Data = append(b.Data, padding[:]...)[:size]
	s.emit(b)
	if caughtUp {
		s.arrive()
	}
}

var padding [source.Padding]byte

// behind reports whether a partition has not been read yet up to where it ended when it was assigned.
func (s *Source) behind() bool {
	for _, p := range s.assigned {
		if p.next < p.target {
			return true
		}
	}
	return false
}

// block returns an empty block, nil if ctx ends before there is one.
func (s *Source) block(ctx context.Context) *source.Block {
	s.mu.Lock()
	var b *source.Block
	if n := len(s.spare); n > 0 {
		b, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	s.mu.Unlock()
	if b == nil {
		select {
		case b = <-s.free:
		case <-ctx.Done():
			return nil
		}
	}
	b.Data, b.Messages, b.Missed = b.Data[:0], b.Messages[:0], b.Missed[:0]
	b.Began, b.Passed = false, nil
	return b
}

// report hands over what is known of partitions without a message: where reading began, and what was lost before.
func (s *Source) report(ctx context.Context) {
	for {
		s.mu.Lock()
		number, one := int32(0), (*partition)(nil)
		for n, p := range s.assigned {
			if !p.told {
				number, one = n, p
				break
			}
		}
		s.mu.Unlock()
		if one == nil {
			return
		}
		b := s.block(ctx)
		if b == nil {
			return
		}
		s.hand(number, one, b, one.next)
	}
}

// Partition returns the number of the partition that a position is in; ok is false if that is not in the topic that is
// being read.
func (s *Source) Partition(p source.Position) (number int32, ok bool) {
	number, ok = partitionOf(s.options.Topic, p.Path)
	s.mu.Lock()
	defer s.mu.Unlock()
	return number, ok && p.Head == s.head
}
