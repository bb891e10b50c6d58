package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/rules"
)

// eachBlock calls do for every block in a language, and says that there are some.
func eachBlock(t *testing.T, language string, do func(*block)) {
	t.Helper()
	count := 0
	for _, p := range readPages(t) {
		for i := range p.blocks {
			if p.blocks[i].language == language {
				do(&p.blocks[i])
				count++
			}
		}
	}
	if count == 0 {
		t.Errorf("no page has a block of %s", language)
	}
}

var weirMetric = regexp.MustCompile(`weir_[a-z_]+`)

func TestYAML(t *testing.T) {
	t.Parallel()
	eachBlock(t, "yaml", func(b *block) {
		var any yaml.Node
		isRules := strings.HasPrefix(b.text, "groups:")
		switch err := yaml.Unmarshal([]byte(b.text), &any); {
		case b.is("wrong"):
			checkRefused(t, b)
		case err != nil:
			b.errorf(t, "%v", err)
		case b.is("config"):
			path := filepath.Join(t.TempDir(), "weir.yaml")
			writeFile(t, path, b.text)
			if _, err := pipeline.LoadConfig(path, nil); err != nil {
				b.errorf(t, "%v", err)
			}
		case isRules && !b.is("file"): // a file's faults are shown by the command after it
			if err := loadRules(t, b.text); err != nil {
				b.errorf(t, "%v", err)
			}
		}
	})
}

// TestShippedAlerts: the alerts on Weir itself ask for metrics that it has, and those that operations.md explains are among them.
func TestShippedAlerts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../deploy/prometheus/weir.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct{ Alert, Expr, For string }
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	metrics := literals(t, "pipeline", regexp.MustCompile(`^weir_[a-z_]+`))
	var alerts []string
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, rule.Alert)
			asked := weirMetric.FindAllString(rule.Expr, -1)
			if len(asked) == 0 {
				t.Errorf("%s asks for no metric of Weir: %s", rule.Alert, rule.Expr)
			}
			for _, name := range asked {
				if !slices.Contains(metrics, name) {
					t.Errorf("%s: Weir has no metric %s", rule.Alert, name)
				}
			}
		}
	}
	page, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile("`(Weir[A-Z][A-Za-z]+)`").FindAllStringSubmatch(string(page), -1) {
		if !slices.Contains(alerts, name[1]) {
			t.Errorf("operations.md names the alert %s, which is not shipped", name[1])
		}
	}
}

// loadRules loads one file, named rules.yaml in messages.
func loadRules(t *testing.T, text string) error {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "rules.yaml"), text)
	_, err := rules.Load(dir)
	var faults rules.Faults
	if errors.As(err, &faults) {
		for i := range faults {
			faults[i].File = "rules.yaml"
			faults[i].Message = strings.ReplaceAll(faults[i].Message, dir+"/", "")
		}
	}
	return err
}

// checkRefused compares what is wrong with a rule file with the output that follows it.
func checkRefused(t *testing.T, b *block) {
	t.Helper()
	shown := ""
	for i := range b.page.blocks {
		if b.page.blocks[i].line > b.line {
			shown = b.page.blocks[i].text
			if !b.page.blocks[i].is("output") {
				b.errorf(t, "no output follows the faulty rule")
			}
			break
		}
	}
	text := b.text
	if !strings.HasPrefix(text, "groups:") { // a rule by itself
		text = "groups:\n  - name: example\n    rules:\n" + indented(text)
	}
	err := loadRules(t, text)
	if err == nil {
		b.errorf(t, "the rule is accepted")
		return
	}
	if diff := cmp.Diff(strings.TrimRight(shown, "\n"), err.Error()); diff != "" {
		b.errorf(t, "the fault is another (-shown +got):\n%s", diff)
	}
}

func indented(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return "      " + strings.Join(lines, "\n      ") + "\n"
}

func TestShippedConfigurationIsTheDefault(t *testing.T) {
	t.Parallel()
	got, err := pipeline.LoadConfig(filepath.Join(root, "deploy/weir.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pipeline.DefaultConfig(), got, cmpopts.IgnoreUnexported(pipeline.Config{})); diff != "" { // what it was read from
		t.Errorf("deploy/weir.yaml differs from the defaults (-default +file):\n%s", diff)
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy/weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, key := range configKeys() {
		list, _, _ := strings.Cut(key.path, ".0.") // of no sections
		if !hasKey(file, strings.Split(list, ".")) {
			t.Errorf("deploy/weir.yaml lacks %s", key.path)
		}
	}
}

func hasKey(in any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	mapping, ok := in.(map[string]any)
	if !ok {
		return false
	}
	value, ok := mapping[path[0]]
	return ok && hasKey(value, path[1:])
}

func TestJSON(t *testing.T) {
	t.Parallel()
	reports := 0
	eachBlock(t, "json", func(b *block) {
		if !json.Valid([]byte(b.text)) {
			b.errorf(t, "this is not JSON")
		}
		if b.is("report") {
			decodeReport(t, b, []byte(b.text))
			reports++
		}
	})
	if reports == 0 {
		t.Error("no page has a report")
	}
}

// decodeReport decodes a report as if the broker had appended it when its interval ended.
func decodeReport(t *testing.T, b *block, text []byte) {
	t.Helper()
	var times struct {
		Start  int64 `json:"start_unix_ms"`
		Length int64 `json:"length_ms"`
	}
	if err := json.Unmarshal(text, &times); err != nil {
		b.errorf(t, "%v in %s", err, text)
		return
	}
	report, err := ingest.NewDecoder(ingest.DefaultLimits()).Decode(text, times.Start+times.Length)
	if err != nil {
		b.errorf(t, "%v in %s", err, text)
		return
	}
	if report.Messages == 0 || report.Labels.Topic == "" || report.Labels.Client == "" {
		b.errorf(t, "the report says nothing: %+v", report)
	}
}

// TestGo vets every program, each a file of its own in this module.
func TestGo(t *testing.T) {
	t.Parallel()
	eachBlock(t, "go", func(b *block) {
		path := filepath.Join(t.TempDir(), "main.go")
		writeFile(t, path, b.text)
		vet := exec.CommandContext(t.Context(), "go", "vet", path)
		vet.Dir = root
		if out, err := vet.CombinedOutput(); err != nil {
			b.errorf(t, "%v\n%s", err, out)
		}
		format := exec.CommandContext(t.Context(), "gofmt", "-l", path)
		if out, err := format.CombinedOutput(); err != nil || len(out) > 0 {
			b.errorf(t, "gofmt would write it otherwise: %v %s", err, out)
		}
	})
}
