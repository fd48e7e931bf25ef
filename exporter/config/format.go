package config

import (
	"path/filepath"
	"slices"
	"strings"
)

// FormatOf returns the format of a log: as it was said, or by the ending of the path. What rotation and compression
// append to a name tells nothing.
func FormatOf(said Format, path string) Format {
	if said != "" {
		return said
	}
	name := strings.ToLower(filepath.Base(path))
	for _, f := range []Format{CSV, Logfmt, TFRecord, Parquet} {
		end := "." + string(f)
		if strings.HasSuffix(name, end) {
			return f
		}
		for _, more := range []string{".", "*", "?", "{", "["} {
			if strings.Contains(name, end+more) {
				return f
			}
		}
	}
	return JSONL
}

// checkFormat reports what does not go with the format of a log.
func checkFormat(n node, f Format) {
	header, hasHeader := n.find("header")
	if hasHeader && !slices.Contains([]Format{CSV, TFRecord}, f) {
		header.problem("the fields of %s have names of their own; remove it, or set format to csv or tfrecord", f)
	}
	wrapped, hasUnwrap := n.find("unwrap")
	if hasUnwrap && !slices.Contains([]Format{JSONL, Logfmt}, f) {
		wrapped.problem("the records of %s are not single lines; remove it, or set format to jsonl or logfmt", f)
	}
}

// readHeader reads the names of columns.
func readHeader(n node, dst *[]string) {
	var names []string
	for _, item := range n.items("a list of names such as [id, timestamp, age]") {
		var name string
		if !item.text(&name) {
			continue
		}
		if slices.Contains(names, name) {
			item.problem("%s stands twice; give every column a name of its own", shorten(name))
			continue
		}
		names = append(names, name)
	}
	*dst = names
}
