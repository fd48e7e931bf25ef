package config

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/drift-exporter/drift_exporter/exporter/decode/mapping"
)

func TestThePageOfPlatformsHasEveryKeyOfAMapping(t *testing.T) {
	text := readRoot(t, "docs", "platforms.md")
	_, text, _ = strings.Cut(text, "\n## The grammar\n")
	var keys []string
	keys = append(keys, keysOf(mappingKeys(&mapping.Spec{}))...)
	keys = append(keys, keysOf(partKeys(&mapping.Part{}))...)
	for _, key := range keys {
		if !regexp.MustCompile("(?m)^\\| (`[a-z_]+`, )?`" + key + "`(, `[a-z_]+`)? \\| ").MatchString(text) {
			t.Errorf("docs/platforms.md has no row of a table for %s", key)
		}
	}
	for _, key := range append(keysOf(conditionKeys(&mapping.Condition{})), keysOf(joinKeys(&mapping.Join{}))...) {
		if !strings.Contains(text, "`"+key+"`") && !strings.Contains(text, key+":") {
			t.Errorf("docs/platforms.md does not name %s", key)
		}
	}
	for _, name := range append(mapping.Layouts(), append(mapping.Decodings(), mapping.Formats()...)...) {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/platforms.md does not name %s", name)
		}
	}
}

// Every example of the page is valid as it stands, and every preset has one.
func TestThePageOfPlatformsHasAnExampleOfEveryPreset(t *testing.T) {
	text := readRoot(t, "docs", "platforms.md")
	var examples []string
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
		example := block[1]
		if strings.HasPrefix(example, "mapping:") {
			example = "predictions:\n  path: x\n" + indent(example)
		}
		if !strings.HasPrefix(example, "models:") {
			example = "models:\n- name: churn\n  reference: {path: training.csv}\n" + indent(example)
		}
		if _, err := Parse("platforms.md", []byte(example), "."); err != nil {
			t.Errorf("%v\n%s", err, example)
		}
		examples = append(examples, example)
	}
	for _, preset := range PresetNames() {
		use := regexp.MustCompile(`(preset|extends): ` + preset + `\b`)
		if preset != native && !slices.ContainsFunc(examples, use.MatchString) && !strings.Contains(text, "`"+preset+"`") {
			t.Errorf("docs/platforms.md has no example of %s", preset)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(#([a-z-]+)\)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`(?im)^##+ ` + strings.ReplaceAll(link[1], "-", " ") + `$`).MatchString(text) {
			t.Errorf("docs/platforms.md links to #%s, which is no heading", link[1])
		}
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

func TestMappingsMayBeParsedAlone(t *testing.T) {
	for _, preset := range PresetNames() {
		if spec, ok := Preset(preset); preset != native && (!ok || len(spec.Parts) == 0 || spec.Format == "") {
			t.Errorf("the preset %s is not complete", preset)
		}
	}
	if _, ok := Preset("../presets/kserve"); ok {
		t.Error("a path is a preset")
	}
	spec, err := ParseMapping("x", []byte("{extends: app-json, parts: [{role: row, value: '@'}], keep: []}"))
	if err != nil || len(spec.Parts) != 1 || len(spec.Keep) != 0 || spec.RequestID == nil {
		t.Errorf("parts and keep are not replaced as a whole: %+v, %v", spec, err)
	}
	if _, err := ParseMapping("x.yaml", []byte("format: jsonl")); err == nil || !strings.HasPrefix(err.Error(), "x.yaml:1:1: parts: is missing") {
		t.Errorf("error %v", err)
	}
}

func TestMappingsAreBounded(t *testing.T) {
	text := "models:\n- name: a\n  reference: {path: x}\n  predictions:\n  - path: p\n    mapping:\n      format: jsonl\n      parts: [{role: row, value: x}]\n      keep:\n"
	text += strings.Repeat("        - {path: x, equals: y}\n", 6000)
	_, err := Parse("x", []byte(text), ".")
	if err == nil || !strings.Contains(err.Error(), "is too large") {
		t.Errorf("error %v", err)
	}
}
