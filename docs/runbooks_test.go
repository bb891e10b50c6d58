package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const runbookBase = "https://github.com/weirmq/weir/blob/main/docs/runbooks/"

// TestRunbooks holds that every shipped rule says what it means, and leads to a page that names its alert and says where to look
// and what to do; and that every page is that of some rule, and listed.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	list := readPage(t, "docs/runbooks/README.md")
	led := map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(root, "rules.d", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		for _, rule := range shippedRules(t, path) {
			for _, name := range []string{"summary", "description"} {
				if rule.Annotations[name] == "" {
					t.Errorf("%s: %s has no annotation %s", path, rule.Alert, name)
				}
			}
			name, ok := strings.CutPrefix(rule.Annotations["runbook_url"], runbookBase)
			if !ok {
				t.Errorf("%s: %s has runbook_url %q, want one that begins with %s", path, rule.Alert, rule.Annotations["runbook_url"], runbookBase)
				continue
			}
			led[name] = true
			p := readPage(t, "docs/runbooks/"+name)
			if title, _, _ := strings.Cut(p.text, "\n"); title != "# "+rule.Alert {
				says(t, p, "the alert", "`"+rule.Alert+"`")
			}
			for _, part := range []string{"## What it means", "## Look", "## Do", "```sql"} {
				says(t, p, "a part of a runbook", part)
			}
			says(t, list, "a runbook", "("+name+")")
		}
	}
	if len(led) < 30 {
		t.Errorf("found %d runbooks only", len(led))
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		if name := filepath.Base(path); name != "README.md" && !led[name] {
			t.Errorf("no rule leads to %s", path)
		}
	}
}

// shippedRule is what a rule file says of a rule.
type shippedRule struct {
	Alert       string
	Annotations map[string]string
}

func shippedRules(t *testing.T, path string) []shippedRule {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []shippedRule }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var out []shippedRule
	for _, group := range file.Groups {
		out = append(out, group.Rules...)
	}
	return out
}
