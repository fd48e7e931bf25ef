package mapping

import (
	"bytes"
	"errors"
	"slices"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

const (
	wrapDocker = "docker"
	wrapCRI    = "cri"
)

// wrapping is what a log shipper put around the lines of a program.
type wrapping interface {
	// open returns the piece of a line that is inside, whether the line ends with it, and by which stream of the
	// program it came. The piece is valid until the next call.
	open(line []byte) (piece []byte, whole bool, stream string, err error)
}

func newWrapping(name string) wrapping {
	if name == wrapCRI {
		return cri{}
	}
	return &docker{tree: &decode.Tree{}}
}

// cri is the format of container logs in Kubernetes: time, stream, F or P for full or partial, and the text.
type cri struct{}

func (cri) open(line []byte) (piece []byte, whole bool, stream string, err error) {
	_, rest, timed := bytes.Cut(line, []byte(" "))
	name, rest, named := bytes.Cut(rest, []byte(" "))
	tag, piece, _ := bytes.Cut(rest, []byte(" "))
	// Tags beyond the first are divided from it by a colon.
	tag, _, _ = bytes.Cut(tag, []byte(":"))
	if !timed || !named || len(tag) != 1 || tag[0] != 'F' && tag[0] != 'P' {
		return nil, false, "", errors.New("no line of a container log: it lacks the time, the stream, or F or P")
	}
	return piece, tag[0] == 'F', streamName(name), nil
}

// streamName returns the name of one of the few streams that programs have.
func streamName(name []byte) string {
	switch string(name) {
	case "stdout":
		return "stdout"
	case "stderr":
		return "stderr"
	default:
		return "other"
	}
}

// docker is Docker's json-file format: an object whose log is the text, with its line end if that is there.
type docker struct{ tree *decode.Tree }

func (d *docker) open(line []byte) (piece []byte, whole bool, stream string, err error) {
	d.tree.Reset()
	v, err := d.tree.OneJSON(d.tree.Load(line))
	if err != nil {
		return nil, false, "", err
	}
	log := v.Member("log")
	piece, _ = log.Text()
	name, _ := v.Member("stream").Text()
	if log.Kind() != decode.String {
		return nil, false, "", errors.New("no line of Docker's json-file: it has no text under log")
	}
	piece, whole = bytes.CutSuffix(piece, []byte("\n"))
	return piece, whole, streamName(name), nil
}

// unwrapper takes lines out of the wrappings around them, the outermost first.
type unwrapper struct {
	layers []layer
}

type layer struct {
	wrapping
	// pieces are the beginnings of lines, by stream.
	pieces map[string][]byte
	line   []byte
}

// maxLine bounds a line that was put together, in bytes: as long as one that a source reads at once.
const maxLine = 1 << 20

func newUnwrapper(names []string) *unwrapper {
	u := &unwrapper{}
	for _, name := range names {
		u.layers = append(u.layers, layer{wrapping: newWrapping(name), pieces: make(map[string][]byte)})
	}
	return u
}

// open returns the line inside of a line; whole is false if that goes on in a later one.
func (u *unwrapper) open(line []byte) (inner []byte, whole bool, err error) {
	for i := range u.layers {
		l := &u.layers[i]
		piece, whole, stream, err := l.open(line)
		if err != nil {
			return nil, false, err
		}
		begun := l.pieces[stream]
		if !whole || len(begun) > 0 {
			if len(begun)+len(piece) > maxLine {
				l.pieces[stream] = begun[:0]
				return nil, false, errors.New("a line in several pieces is longer than the limit")
			}
			begun = append(begun, piece...)
			l.pieces[stream] = begun
			if !whole {
				return nil, false, nil
			}
			l.line = append(l.line[:0], begun...)
			l.pieces[stream] = begun[:0]
			piece = l.line
		}
		line = piece
	}
	return line, true, nil
}

// forget drops lines that have begun: a block ends with whole ones.
func (u *unwrapper) forget() {
	for i := range u.layers {
		clear(u.layers[i].pieces)
	}
}

// splitWrapped returns the Split of a wrapped log: up to the last line with which the lines of all streams are whole.
func splitWrapped(name string) func(data []byte) int {
	return func(data []byte) int {
		w := newWrapping(name)
		var open []string
		whole := 0
		for i := 0; ; {
			n := bytes.IndexByte(data[i:], '\n')
			if n < 0 {
				return whole
			}
			_, ends, stream, err := w.open(data[i : i+n])
			at := slices.Index(open, stream)
			switch {
			case err != nil:
			case ends && at >= 0:
				open = slices.Delete(open, at, at+1)
			case !ends && at < 0:
				open = append(open, stream)
			}
			if i += n + 1; len(open) == 0 {
				whole = i
			}
		}
	}
}
