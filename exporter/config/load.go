package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"
)

// Load reads and validates the configuration file at path. Relative paths in it are resolved against its folder, and
// stay relative to the working directory if path is.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, data, filepath.Dir(path))
}

// Parse validates a configuration. The name stands for the file in messages, and relative paths are resolved against
// dir. No file is read. The error joins all problems in the order of the file, each as
//
//	name:line:col: model "x": field.path: what is wrong, and what to do
func Parse(name string, data []byte, dir string) (*Config, error) {
	to := &problems{file: name}
	l := &loader{dir: dir}
	c := &Config{EvaluationInterval: 15 * time.Second}
	if root, ok := parseDocument(data, to); ok {
		root.mapping("a mapping that starts with models:", l.rootKeys(c))
		l.placeSpools(c)
	}
	if err := to.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// parseDocument returns the root of the only YAML document in data.
func parseDocument(data []byte, to *problems) (root node, ok bool) {
	if !checkCharacters(data, to) {
		return node{}, false
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		to.add(1, 1, "the file is empty; it needs at least models: with one model")
		return node{}, false
	default:
		addSyntaxError(data, err, to)
		return node{}, false
	}
	err = decoder.Decode(&second)
	switch {
	case err == nil:
		to.add(second.Line, second.Column, "a second YAML document starts here and would not be read; "+
			"move its models into the first and remove the --- line")
	case !errors.Is(err, io.EOF):
		addSyntaxError(data, err, to)
		return node{}, false
	}
	n := node{to: to}
	root = n.at(first.Content[0], "")
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		root.problem("the file is empty; it needs at least models: with one model")
		return node{}, false
	}
	return root, true
}
