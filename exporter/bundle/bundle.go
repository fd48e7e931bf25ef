// Package bundle makes the files that a monitoring stack needs beside the exporter: rules, dashboards, an example for
// Alertmanager, and the same as Kubernetes objects.
package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drift-exporter/drift_exporter/dashboards"
	"github.com/drift-exporter/drift_exporter/rules"
)

// Options are what differs from one cluster to another.
type Options struct {
	// Image is the exporter's container image.
	Image string
	// Labels are put on every Kubernetes object, as an operator may select objects by them.
	Labels map[string]string
	// Version is the exporter's; empty if it is not known.
	Version string
}

// Files returns the bundle: content by path, with slashes, relative to the folder that it is for.
func Files(o Options) (map[string][]byte, error) {
	all := map[string][]byte{"alertmanager.example.yaml": rules.Alertmanager()}
	objects, err := newObjects(o)
	if err != nil {
		return nil, err
	}
	err = each(rules.Files(), func(name string, content []byte) error {
		all["rules/"+name] = content
		path := "kubernetes/prometheusrule-" + name
		all[path], err = objects.prometheusRule(name, content)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(dashboards.Files(), func(name string, content []byte) error {
		all["dashboards/"+name] = content
		path := "kubernetes/dashboard-" + strings.TrimSuffix(name, ".json") + ".yaml"
		all[path], err = objects.dashboard(name, content)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"exporter.yaml", "servicemonitor.yaml"} {
		if all["kubernetes/"+name], err = objects.template(name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// each calls f with the files of a folder, in the order of their names.
func each(folder fs.FS, f func(name string, content []byte) error) error {
	names, err := fs.Glob(folder, "*")
	if err != nil {
		return fmt.Errorf("listing embedded files: %w", err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return fmt.Errorf("reading an embedded file: %w", err)
		}
		if err := f(name, content); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Write writes files into a folder, which it makes if need be, and says of each on out what it did. A file that is
// there and differs may have been edited: unless force is set, nothing is written then and the error names all of them.
func Write(out io.Writer, folder string, files map[string][]byte, force bool) error {
	paths := slices.Sorted(maps.Keys(files))
	done := make(map[string]string, len(paths))
	var differ []string
	for _, path := range paths {
		name := filepath.Join(folder, filepath.FromSlash(path))
		switch old, err := os.ReadFile(name); {
		case errors.Is(err, fs.ErrNotExist):
			done[path] = "written"
		case err != nil:
			return fmt.Errorf("looking for what is there: %w", err)
		case bytes.Equal(old, files[path]):
			done[path] = "unchanged"
		default:
			done[path] = "overwritten"
			differ = append(differ, name)
		}
	}
	if len(differ) > 0 && !force {
		return fmt.Errorf("nothing was written, since these files are there and differ: %s; "+
			"write to another folder and compare, or give --force to overwrite them", strings.Join(differ, ", "))
	}
	for _, path := range paths {
		name := filepath.Join(folder, filepath.FromSlash(path))
		if done[path] != "unchanged" {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return fmt.Errorf("making a folder: %w", err)
			}
			if err := os.WriteFile(name, files[path], 0o644); err != nil {
				return fmt.Errorf("writing the bundle: %w", err)
			}
		}
		fmt.Fprintf(out, "%s: %s\n", name, done[path])
	}
	return nil
}
