package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readRoot returns a file of the repository.
func readRoot(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// allKeys lists every key of the file once.
func allKeys() []string {
	var all []string
	for _, keys := range knownKeys() {
		all = append(all, keys...)
	}
	all = append(all, keysOf((&loader{}).labelKeys(&Source{}, new(bool), &labelTimeout{}))...)
	slices.Sort(all)
	return slices.Compact(all)
}

// keyRows has the cells behind the key in the tables of keys of docs/configuration.md.
func keyRows(text string) map[string][]string {
	_, text, _ = strings.Cut(text, "\n## Keys\n")
	text, _, _ = strings.Cut(text, "\n## ")
	rows := map[string][]string{}
	for line := range strings.Lines(text) {
		if cells := strings.Split(strings.TrimSpace(line), " | "); strings.HasPrefix(line, "| `") && len(cells) > 1 {
			rows[strings.Trim(cells[0], "| `")] = cells[1:]
		}
	}
	return rows
}

func TestTheDocumentationHasEveryKey(t *testing.T) {
	text := readRoot(t, "docs", "configuration.md")
	rows := keyRows(text)
	for _, key := range allKeys() {
		// Of the keys of a reference, format and path stand in the table of logs.
		if rows[key] == nil {
			t.Errorf("docs/configuration.md has no row of a table for %s", key)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(#([a-z-]+)\)`).FindAllStringSubmatch(text, -1) {
		heading := strings.ReplaceAll(link[1], "-", " ")
		if !regexp.MustCompile(`(?im)^##+ ` + heading + `$`).MatchString(text) {
			t.Errorf("docs/configuration.md links to #%s, which is no heading", link[1])
		}
	}
}

func TestTheExampleHasEveryKey(t *testing.T) {
	text := readRoot(t, "config.example.yaml")
	for _, key := range allKeys() {
		if !regexp.MustCompile(`(?m)(^[ #-]*|[{,] ?)` + key + `:( |$)`).MatchString(text) {
			t.Errorf("config.example.yaml does not name %s", key)
		}
	}
	if _, err := Parse("config.example.yaml", []byte(text), "."); err != nil {
		t.Error(err)
	}
}

// A file without any optional key is rendered with the defaults, which both texts state.
func TestTheDocumentationAndTheExampleStateTheDefaults(t *testing.T) {
	minimal, err := parseFile(t, "minimal.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := minimal.YAML()
	if err != nil {
		t.Fatal(err)
	}
	rows, example := keyRows(readRoot(t, "docs", "configuration.md")), readRoot(t, "config.example.yaml")
	compared := 0
	for line := range strings.Lines(string(rendered)) {
		key, value, _ := strings.Cut(strings.Trim(line, "- \n"), ": ")
		if value == "" || key == "name" || key == "path" {
			continue // These two have no defaults.
		}
		compared++
		if cells := rows[key]; len(cells) == 0 || cells[0] != "`"+value+"`" {
			t.Errorf("docs/configuration.md: %s has the default %s, documented is %q", key, value, cells)
		}
		comment := regexp.MustCompile("(?m)^ *# *" + regexp.QuoteMeta(key+": "+value) + "$")
		if key != "windows" && !comment.MatchString(example) {
			t.Errorf("config.example.yaml: there is no comment # %s: %s", key, value)
		}
	}
	if !strings.Contains(example, "[1h, 24h, 7d]") {
		t.Error("config.example.yaml does not state the default of windows")
	}
	if compared < 17 {
		t.Errorf("only %d defaults were compared", compared)
	}
	if rows["timeout"][0] != "`30d`" || minimal.Models[0].LabelTimeout != 30*day {
		t.Errorf("the default of timeout is %s, documented is %s", minimal.Models[0].LabelTimeout, rows["timeout"][0])
	}
}
