package rules

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// schemaPath is the schema of rule files that editors complete by.
const schemaPath = "../docs/rules.schema.json"

// TestSchemaHasTheKeysOfTheLoader holds that each knows what the other knows.
func TestSchemaHasTheKeysOfTheLoader(t *testing.T) {
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties  map[string]struct{ Description string }
		Definitions map[string]json.RawMessage
	}
	var file, group, defaults, rule, tier, tiers object
	err = json.Unmarshal(text, &file)
	err = errors.Join(err, json.Unmarshal(file.Definitions["group"], &group), json.Unmarshal(file.Definitions["defaults"], &defaults),
		json.Unmarshal(file.Definitions["rule"], &rule), json.Unmarshal(file.Definitions["tier"], &tier))
	if err != nil {
		t.Fatal(err)
	}
	var inRule struct {
		Properties map[string]json.RawMessage
	}
	if err := errors.Join(json.Unmarshal(file.Definitions["rule"], &inRule), json.Unmarshal(inRule.Properties["by_tier"], &tiers)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		schema object
		known  []string
	}{"a tier of by_tier": {tier, tierKeys}, "by_tier": {tiers, tierNames}, "a rule file": {file, fileKeys}, "a group": {group, groupKeys}, "defaults": {defaults, sharedKeys}, "a rule": {rule, ruleKeys}} {
		if diff := cmp.Diff(slices.Sorted(slices.Values(c.known)), slices.Sorted(maps.Keys(c.schema.Properties))); diff != "" {
			t.Errorf("%s has other keys in %s (-loader +schema); add what each means to the schema:\n%s", name, schemaPath, diff)
		}
		for key, property := range c.schema.Properties {
			if property.Description == "" && !strings.Contains(name, "tier") && name != "defaults" { // which have those of rules
				t.Errorf("%s: %s of %s has no description", schemaPath, key, name)
			}
		}
	}
}

// TestSchemaAgreesWithTheLoader on rule files that each load or have a fault of their shape.
func TestSchemaAgreesWithTheLoader(t *testing.T) {
	schema := compileSchema(t, schemaPath)
	for _, path := range []string{"../rules.d", "../deploy/demo/rules.d"} {
		paths, err := ruleFiles(path)
		if err != nil || len(paths) == 0 {
			t.Fatal(err)
		}
		for _, file := range paths {
			if filepath.Base(file) == PolicyFile { // has no rules
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(t, schema, content); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	corpus, err := txtar.ParseFile("testdata/faults/structure.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range corpus.Files {
		if file.Name != "want" && validate(t, schema, file.Data) == nil {
			t.Errorf("the schema takes %s of the corpus of faults", file.Name)
		}
	}
}

// refusedByBoth have one fault each, in the place of a rule's keys behind the alert and the expression.
var refusedByBoth = []string{"nonsense: 1", "by: topic", "by: [topic, topic]", "by: [a b]", "by: [a, b, c, d, e, f, g, h, i]", "by: {topic: 1}", "by:", "where: [a]", "window: 5 minutes", "window: 5",
	"for: -1m", "for: soon", "for: [1m]", "for: ''", "keep_firing_for: 1w", "limit: 0", "limit: -1", "limit: 1.5", "limit: many", "by_tier: []", "by_tier: {S5: {for: 1m}}", "by_tier: {S1: {by: [topic]}}", "by_tier: {}", "let: [a]", "let: text", "let: {Big: 5}", "let: {größe: 5}", "let: {a: [1]}", "let: {a: ' '}", "let: {a: }", "labels: [a]", "labels: text", "labels: {a b: c}", "labels: {severity: [a]}", "annotations: {1a: b}", "annotations: {summary: }",
	"by: [topic]\n        actions: [{pause: {}}]", "by: [topic]\n        actions: [{lasts: 5m}]", "by: [topic]\n        actions: {pause: {}}", "by: [topic]\n        actions: [{pause: {}, sampling: {one_in: 5}, lasts: 5m}]",
	"by: [topic]\n        actions: [{sampling: {}, lasts: 5m}]", "by: [topic]\n        actions: [{report_interval: 5s, release: {ramp: 1m}, lasts: 5m}]", "by: [topic]\n        actions: [{send_limit: {messages_per_second: 0.5}, lasts: 5m}]",
	"by: [topic]\n        actions: [{large_messages: {flag: 65536}, lasts: 5m}]", "by: [topic]\n        actions: [{pause: {now: 1}, lasts: 5m}]"}

// refusedByTheLoader are what no schema of this kind can say.
var refusedByTheLoader = []string{"window: 2h", "window: 0s", "by: [topik]", "where: tps > 1", "labels: {alertname: b}", "labels: {severity: '{{ .tps }}'}", "annotations: {summary: '{{ .topik }}'}",
	"let: {tps: 5}", "let: {a: p99 > 1}", "let: {a: a}", "for: 4000d", "by_tier: {S1: {for: 1m}}", "alert: B", "actions: [{pause: {}, lasts: 5m}]", "by: [topic]\n        actions: [{pause: {}, lasts: 2h}]"}

// takenByBoth are fine.
var takenByBoth = []string{"by: []", "by: [topic, owner]", "where: true", "window: 1m30s", "window: '5m '", "for: 0", "for: 1d12h", "for: 1d", "for: 1.5h", "keep_firing_for: 500ms", "limit: 100", "limit: '7'", "let: {}", "let: {a: 5, b: 800ms, c: true, d: a + 1}", "labels: {}", "labels: {team: 1, page: true}",
	"annotations: {summary: ''}", "by: [tier]\n        by_tier: {S1: {for: 1m, window: 2m, expr: tps > 5, keep_firing_for: 1m, labels: {a: b}}, default: {for: 2m}}",
	"actions: []", "by: [topic, tier]\n        actions: [{send_limit: {messages_per_second: 150/s, shared: true, cold_factor: 3, ramp: 10s}, lasts: 5m}, {pause: {}, release: {ramp: 1m}, lasts: 1h}, {large_messages: {flag: 64KiB, compress: 128KiB, refuse: 1MB}, lasts: 1m}, {sampling: {one_in: 10, slow_after: 500ms}, lasts: 1m}, {report_interval: 5s, lasts: 30s}]"}

func TestSchemaOfOneKey(t *testing.T) {
	schema := compileSchema(t, schemaPath)
	for _, c := range []struct {
		keys           []string
		loader, schema bool // takes them
	}{{refusedByBoth, false, false}, {refusedByTheLoader, false, true}, {takenByBoth, true, true}} {
		for _, key := range c.keys {
			content := []byte("groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: tps > 1\n        " + key + "\n")
			if key == "alert: B" { // given twice: later keys win in most readers of YAML
				content = []byte("groups:\n  - name: g\n    rules: [{alert: A, expr: tps > 1}, {alert: A, expr: tps > 2}]\n")
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "r.yaml"), content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, loadErr := Load(dir)
			schemaErr := validate(t, schema, content)
			if (loadErr == nil) != c.loader || (schemaErr == nil) != c.schema {
				t.Errorf("%s: the loader says %v, the schema says %v", key, loadErr, schemaErr)
			}
		}
	}
}

func compileSchema(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate says what the schema finds in the documents of a file; an error of YAML is one too.
func validate(t *testing.T, schema *jsonschema.Schema, content []byte) error {
	t.Helper()
	for documents := yaml.NewDecoder(strings.NewReader(string(content))); ; {
		var document any
		err := documents.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			return err
		}
	}
}
