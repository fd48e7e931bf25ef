package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/exporter/decode"
)

// template is a text with names in braces: texts[0] names[0] texts[1] names[1] … texts[n].
type template struct {
	texts, names []string
}

// parseTemplate reads a template. No two names follow each other without a text between them if apart says so.
func parseTemplate(text string, apart bool) (template, error) {
	var t template
	for {
		before, rest, braced := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return t, errors.New("a closing brace has no opening one before it")
		}
		t.texts = append(t.texts, before)
		if !braced {
			return t, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case !closed || strings.Contains(name, "{"):
			return t, errors.New("an opening brace has no closing one behind it")
		case name == "":
			return t, errors.New("there is no name between two braces")
		case apart && before == "" && len(t.names) > 0:
			return t, fmt.Errorf("{%s} and {%s} need a text between them", t.names[len(t.names)-1], name)
		}
		t.names = append(t.names, name)
		text = after
	}
}

// CheckRowID reports what is wrong with a template of row ids.
func CheckRowID(text string) error {
	t, err := parseTemplate(text, false)
	if err == nil && len(t.names) == 0 {
		err = errors.New(`there is no name in braces; without one all rows have the same id, write it as in "{id}"`)
	}
	return err
}

// CheckFiles reports what is wrong with a template of file paths.
func CheckFiles(text string) error {
	_, err := parseFiles(text)
	return err
}

// filesTemplate is a template of file paths, the last element first.
type filesTemplate []template

func parseFiles(text string) (filesTemplate, error) {
	var all filesTemplate
	elements := strings.Split(strings.Trim(text, "/"), "/")
	for _, element := range slices.Backward(elements) {
		if element == "" {
			return nil, errors.New("an element between two slashes is empty")
		}
		t, err := parseTemplate(element, true)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// digits are how many digits the names have that stand for parts of a time.
func digits(name string) int {
	switch name {
	case "yyyy":
		return 4
	case "mm", "dd", "hh", "MM", "SS":
		return 2
	default:
		return 0
	}
}

// match returns the values of the names in a path's end; ok is false if it does not fit.
func (f filesTemplate) match(path string) (names, values []string, ok bool) {
	elements := strings.Split(strings.ReplaceAll(path, `\`, "/"), "/")
	if len(elements) < len(f) {
		return nil, nil, false
	}
	for i, t := range f {
		rest := elements[len(elements)-1-i]
		if rest, ok = strings.CutPrefix(rest, t.texts[0]); !ok {
			return nil, nil, false
		}
		for k, name := range t.names {
			value := rest
			if after := t.texts[k+1]; after != "" {
				if value, rest, ok = strings.Cut(rest, after); !ok {
					return nil, nil, false
				}
			} else {
				rest = ""
			}
			if n := digits(name); value == "" || n > 0 && (len(value) != n || strings.Trim(value, "0123456789") != "") {
				return nil, nil, false
			}
			names, values = append(names, name), append(values, value)
		}
		if rest != "" {
			return nil, nil, false
		}
	}
	return names, values, true
}

// pathValues adds to a tree what the path of a file tells by the first template that fits: an object of the names. If
// they have a date, time is the beginning of the hour, or of the day, that they name, in UTC.
func pathValues(t *decode.Tree, templates []filesTemplate, path string) decode.Value {
	for _, f := range templates {
		names, values, ok := f.match(path)
		if !ok {
			continue
		}
		object := t.Open(decode.Object)
		found := make(map[string]string)
		for i, name := range names {
			t.AddString(name)
			t.AddString(values[i])
			found[name] = values[i]
		}
		n := len(names)
		if found["yyyy"] != "" && found["mm"] != "" && found["dd"] != "" {
			hour := found["hh"]
			if hour == "" {
				hour = "00"
			}
			t.AddString("time")
			t.AddString(found["yyyy"] + "-" + found["mm"] + "-" + found["dd"] + "T" + hour + ":00:00Z")
			n++
		}
		t.Close(object, n)
		return object
	}
	return decode.Value{}
}
