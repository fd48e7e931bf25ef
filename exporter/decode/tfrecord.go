package decode

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/drift-exporter/drift_exporter/exporter/record"
)

// TFRecord reads files of TFRecord frames that hold tf.Example messages, or the PredictionLog messages of TensorFlow
// Serving. It belongs to one goroutine. A line of a batch, and of messages, is a frame.
//
// A tf.Example is one record. Its features are fields: of one value, of none, which is missing, or of k values, which
// are the fields name_0 to name_k-1. A PredictionLog is as many records as its inputs have rows. Its fields are the
// inputs and the outputs by the names of their tensors, divided as features are where a tensor has k values a row;
// timestamp, model, model_version and signature_name from its metadata; and where it is about classification or
// regression prediction, and score_ and the name of each class, and score if there are two classes, which is that of
// the second one. A tensor of more dimensions is no value.
type TFRecord struct {
	keyed *keyed
	tf    *tensorflow
}

// NewTFRecord returns a decoder for the schema. Ids are hashed with the seed. names are those of the values of a tensor
// that has as many of them a row; without names they are numbered.
func NewTFRecord(s *record.Schema, seed uint64, names ...string) *TFRecord {
	k := newKeyed(s, seed)
	return &TFRecord{keyed: k, tf: newTensorflow(k, names)}
}

// Decode implements Decoder. A frame with a wrong checksum is passed over, and so is what is no frame, up to where one
// begins; each counts as one reject.
func (d *TFRecord) Decode(_, data []byte, b *record.Batch) {
	k := d.keyed
	k.begin(b)
	for i := 0; i < len(data) && (i < len(data)-1 || data[i] != '\n'); b.Lines++ {
		payload, next, state := nextFrame(data, i)
		switch state {
		case frameWhole:
			if problem, reason := d.tf.read(payload, b.Lines); problem != "" {
				k.reject(b.Lines, reason, problem)
			}
		case frameTorn:
			k.reject(b.Lines, record.Malformed, fmt.Sprintf("the frame is cut after %d bytes", len(data)-i))
			next = len(data)
		case frameBad:
			k.reject(b.Lines, record.Malformed, fmt.Sprintf("a frame of %d bytes has a wrong checksum", next-i))
		case frameNone:
			k.reject(b.Lines, record.Malformed, fmt.Sprintf("%d bytes that are no TFRecord frame", next-i))
		}
		i = next
	}
	k.end()
}

// TFRecordFields calls note for each field of the records in data. names are those of NewTFRecord.
func TFRecordFields(data []byte, note func(field []byte), names ...string) {
	d := NewTFRecord(&record.Schema{}, 0, names...)
	d.keyed.begin(new(record.Batch))
	d.tf.note = note
	for i := 0; i < len(data); {
		payload, next, state := nextFrame(data, i)
		if state == frameTorn {
			return
		}
		if state == frameWhole {
			d.tf.read(payload, 0)
		}
		i = next
	}
}

// SplitTFRecord returns the length of the longest prefix of data that is whole frames, or what is none. It is the
// Format.Split of TFRecord.
func SplitTFRecord(data []byte) int {
	for i := 0; ; {
		_, next, state := nextFrame(data, i)
		if state == frameTorn {
			return i
		}
		if state == frameNone && next == len(data) {
			return max(i, len(data)-frameHeader+1) // A frame may begin in the last bytes.
		}
		i = next
	}
}

// countFrames is the number of lines of data as TFRecord.Decode counts them.
func countFrames(data []byte) int {
	n := 0
	for i := 0; i < len(data) && (i < len(data)-1 || data[i] != '\n'); n++ {
		_, next, state := nextFrame(data, i)
		if state == frameTorn {
			return n + 1
		}
		i = next
	}
	return n
}

// frameState is what stands at a place of a file.
type frameState uint8

const (
	frameWhole frameState = iota
	frameBad              // a frame whose data have another checksum
	frameNone             // no frame
	frameTorn             // the begin of a frame
)

// A frame is the length of the data in 8 bytes, the checksum of these, the data, and the checksum of the data.
const (
	frameHeader  = 12
	frameTrailer = 4
)

// nextFrame finds what begins at data[i], and where it ends: at the end of a frame, or where the next frame begins.
func nextFrame(data []byte, i int) (payload []byte, next int, state frameState) {
	if len(data)-i < frameHeader {
		return nil, len(data), frameTorn
	}
	if !isFrame(data[i:]) {
		for next = i + 1; len(data)-next >= frameHeader; next++ {
			if isFrame(data[next:]) {
				return nil, next, frameNone
			}
		}
		return nil, len(data), frameNone
	}
	length := binary.LittleEndian.Uint64(data[i:])
	i += frameHeader
	if length > uint64(len(data)-i) || len(data)-i-int(length) < frameTrailer {
		return nil, len(data), frameTorn
	}
	end := i + int(length)
	payload, next = data[i:end], end+frameTrailer
	if maskedSum(payload) != binary.LittleEndian.Uint32(data[end:]) {
		return nil, next, frameBad
	}
	return payload, next, frameWhole
}

// isFrame reports whether the header of a frame stands at the beginning of b.
func isFrame(b []byte) bool {
	return maskedSum(b[:8]) == binary.LittleEndian.Uint32(b[8:])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedSum is the checksum of frames: CRC-32C, turned by 15 bits and moved, so that sums of sums do no harm.
func maskedSum(b []byte) uint32 {
	sum := crc32.Checksum(b, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}
