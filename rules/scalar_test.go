package rules

import (
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzPlaces holds that where the place of a character of a text is told, that
// character stands there in the file: only escapes and ends of lines look otherwise.
func FuzzPlaces(f *testing.F) {
	paths, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatalf("found %d files: %v", len(paths), err)
	}
	for _, path := range append(paths, "../rules.d/consumers.yaml", "../rules.d/latency.yaml") {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, text := range []string{"a: >2-\n\n   b\n  c\n\n  d\n", "a: |\n\n  b\n c", "- 'it''s\n\n  b'\n- \"\\x41\\\n  b\\u00e4\"\n", "&x !!str >\n  b\n  c\n", "{a: b\n c, d: \"e\n\n f\"}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var document yaml.Node
		if yaml.Unmarshal(content, &document) != nil {
			return
		}
		d := &decoder{lines: lineBreak.Split(string(content), -1)}
		eachScalar(&document, func(node *yaml.Node) { checkPlaces(t, d, node) })
	})
}

func eachScalar(node *yaml.Node, do func(*yaml.Node)) {
	if node.Kind == yaml.ScalarNode {
		do(node)
	}
	for _, child := range node.Content {
		eachScalar(child, do)
	}
}

func checkPlaces(t *testing.T, d *decoder, node *yaml.Node) {
	t.Helper()
	places := d.places(node)
	if places == nil {
		return
	}
	value := []rune(node.Value)
	if len(places) < len(value)+1 {
		t.Fatalf("%d places of %q", len(places), node.Value)
	}
	for i, c := range value {
		at := places[i]
		if at.line < 1 || at.line > len(d.runes) || at.column < 1 || at.column > len(d.runes[at.line-1])+1 {
			t.Fatalf("character %d of %q at %v of %d lines", i, node.Value, at, len(d.runes))
		}
		line := d.runes[at.line-1]
		folded := (c == ' ' || c == '\n') && (at.column > len(line) || blank(line[at.column-1]))
		if !folded && line[at.column-1] != c && line[at.column-1] != '\\' {
			t.Errorf("character %d of %q is %q, and %q stands at %v", i, node.Value, c, line[at.column-1], at)
		}
	}
	if line, column := d.place(node, len(value)); line < 1 || column < 1 || line > len(d.lines)+1 {
		t.Errorf("the end of %q is at %d:%d", node.Value, line, column)
	}
}
