// Package presets holds the mappings of serving platforms that are built in, one file each, in the grammar of the
// configuration's mapping key.
package presets

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names lists the presets in the order of their names.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("bug: the embedded presets cannot be listed: " + err.Error())
	}
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(all)
	return all
}

// Read returns the YAML of a preset; ok is false if there is none of that name.
func Read(name string) (data []byte, ok bool) {
	data, err := files.ReadFile(name + ".yaml")
	return data, err == nil
}
