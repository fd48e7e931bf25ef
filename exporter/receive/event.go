package receive

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// The headers of the attributes that every CloudEvent has, in the form that net/http gives names.
const (
	versionHeader = "Ce-Specversion"
	idHeader      = "Ce-Id"
	typeHeader    = "Ce-Type"
	sourceHeader  = "Ce-Source"
	timeHeader    = "Ce-Time"
	prefix        = "Ce-"
)

// fixed are the attributes that come first in an event, in this order.
var fixed = [...]string{versionHeader, idHeader, typeHeader, sourceHeader, timeHeader}

// isBinary reports whether headers are those of a CloudEvent in binary mode (CloudEvents HTTP binding, section 3.1).
func isBinary(h http.Header) bool { return h.Get(versionHeader) != "" }

// appendEvent appends a CloudEvent in binary mode as one line in the structured JSON form: the attributes of the
// headers, extensions in lower case and sorted, and the body as data if it is JSON, else as data_base64. What the body
// is, is told by the body itself, because the payload logger of KServe gives a response the Content-Type of its
// request.
func appendEvent(dst []byte, h http.Header, body []byte) ([]byte, error) {
	for _, name := range fixed[:4] {
		if h.Get(name) == "" {
			return dst, fmt.Errorf("the header %s of a CloudEvent is missing or empty", strings.ToLower(name))
		}
	}
	var few [16]string
	extensions := few[:0]
	for name := range h {
		switch {
		case !strings.HasPrefix(name, prefix) || name == prefix || slices.Contains(fixed[:], name):
		case name == "Ce-Data" || name == "Ce-Data_base64":
			return dst, fmt.Errorf("the header %s cannot be: data is what the body has", strings.ToLower(name))
		case name == "Ce-Datacontenttype": // Content-Type has it
		default:
			extensions = append(extensions, name)
		}
	}
	slices.Sort(extensions)
	dst = append(dst, '{')
	for _, name := range fixed {
		if h.Get(name) != "" {
			dst = appendAttribute(dst, name, h.Get(name))
		}
	}
	value := body[skipSpace(body, 0):]
	json := isJSON(value)
	if contentType := h.Get("Content-Type"); json {
		dst = append(dst, `"datacontenttype":"application/json",`...)
	} else if contentType != "" {
		dst = append(dst, `"datacontenttype":`...)
		dst = append(appendString(dst, contentType), ',')
	}
	for _, name := range extensions {
		dst = appendAttribute(dst, name, h.Get(name))
	}
	switch {
	case len(value) == 0:
		dst = dst[:len(dst)-1] // the comma
	case json:
		dst = append(dst, `"data":`...)
		dst = appendFlat(dst, value)
	default:
		dst = append(dst, `"data_base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, body)
		dst = append(dst, '"')
	}
	return append(dst, '}', '\n'), nil
}

// appendAttribute appends one member of an event and a comma. Names of headers have no character that JSON escapes.
func appendAttribute(dst []byte, header, value string) []byte {
	dst = append(dst, '"')
	for _, c := range []byte(header[len(prefix):]) {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	dst = append(dst, '"', ':')
	return append(appendString(dst, attribute(value)), ',')
}

// attribute returns the value of an attribute that a header has: without the quotes that older versions of the
// specification put around it, and with its percent-encoding undone (CloudEvents HTTP binding 1.0.2, section 3.1.3.2).
func attribute(v string) string {
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		inner := v[1 : len(v)-1]
		if strings.IndexByte(inner, '\\') >= 0 {
			inner = unescape(inner)
		}
		v = inner
	}
	if strings.IndexByte(v, '%') < 0 {
		return v
	}
	var out strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) {
			high, low := hexDigit(v[i+1]), hexDigit(v[i+2])
			if high >= 0 && low >= 0 {
				out.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		out.WriteByte(v[i])
	}
	return out.String()
}

// unescape takes the backslashes out of what stood between quotes (RFC 9110, section 5.6.4).
func unescape(v string) string {
	var out strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		out.WriteByte(v[i])
	}
	return out.String()
}

// hexDigit returns what a hexadecimal digit stands for, -1 for any other character.
func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// appendString appends a JSON string. Bytes that are no UTF-8 become the replacement character.
func appendString(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}
