package receive

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// form is what a request's body is.
type form uint8

const (
	unknownForm form = iota
	binaryEvent      // one CloudEvent, whose attributes are headers
	oneObject        // one JSON object: a record, or a CloudEvent in structured mode
	someObjects      // one JSON object or an array of them
	jsonLines        // one JSON object a line
)

// understood lists what a source takes, for messages.
const understood = "send application/json (an object or an array of objects), application/x-ndjson or " +
	"application/jsonl (an object a line), application/cloudevents+json, application/cloudevents-batch+json, " +
	"or a CloudEvent in binary mode"

// formOf tells what a request's body is by its headers.
func formOf(h http.Header) form {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch {
	case kind == "application/cloudevents+json":
		return oneObject
	case kind == "application/cloudevents-batch+json":
		return someObjects
	case strings.HasPrefix(kind, "application/cloudevents"):
		return unknownForm // another encoding of events
	case isBinary(h):
		return binaryEvent
	case kind == "application/json":
		return someObjects
	case kind == "application/x-ndjson" || kind == "application/jsonl":
		return jsonLines
	}
	return unknownForm
}

// appendRecords appends the records of a body as lines. An error says what cannot be understood; nothing of such a body
// is to be used.
func appendRecords(dst []byte, f form, h http.Header, body []byte) ([]byte, error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	switch f {
	case binaryEvent:
		return appendEvent(dst, h, body)
	case jsonLines:
		return appendLines(dst, body)
	default:
		return appendObjects(dst, body, f == someObjects)
	}
}

// appendLines appends the lines of JSON Lines. They are only looked at as far as it takes to see that each may be an
// object; whether it is one, the decoder finds out.
func appendLines(dst, body []byte) ([]byte, error) {
	number, empty := 0, true
	for line := range bytes.Lines(body) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if line[0] != '{' || line[len(line)-1] != '}' {
			return dst, fmt.Errorf("line %d is not a JSON object from { to }; nothing of the request was taken", number)
		}
		dst = append(append(dst, line...), '\n')
		empty = false
	}
	if empty {
		return dst, errNothing
	}
	return dst, nil
}

// errNothing says that a body has no record.
var errNothing = fmt.Errorf("the body has no record")

// appendObjects appends an object, or the objects of an array if there may be one, each as a line.
func appendObjects(dst, body []byte, array bool) ([]byte, error) {
	i := skipSpace(body, 0)
	if i == len(body) {
		return dst, errNothing
	}
	end, err := scan(body, i)
	switch {
	case err != nil:
		return dst, err
	case skipSpace(body, end) != len(body):
		return dst, fmt.Errorf("there is more behind byte %d, where the JSON ends; send several records as an array, "+
			"or one a line as application/x-ndjson", end)
	case body[i] == '{':
		return append(appendFlat(dst, body[i:end]), '\n'), nil
	case body[i] != '[' || !array:
		return dst, fmt.Errorf("the body is JSON, but not an object")
	}
	// The array is known to be well-formed.
	for i = skipSpace(body, i+1); body[i] != ']'; i = skipSpace(body, i) {
		if body[i] != '{' {
			return dst, fmt.Errorf("the array has an element that is not an object, at byte %d", i+1)
		}
		if end, err = scan(body, i); err != nil {
			return dst, err
		}
		dst = append(appendFlat(dst, body[i:end]), '\n')
		if i = skipSpace(body, end); body[i] == ',' {
			i = skipSpace(body, i+1)
		}
	}
	return dst, nil
}
