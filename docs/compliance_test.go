package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	tableRow   = regexp.MustCompile(`(?m)^\|(.+)\|$`)
	namedTest  = regexp.MustCompile("`([^`]+_test\\.txt|[a-z/]+\\.Test\\w+)`")
	notApplied = regexp.MustCompile(`^no\b`)
)

// TestComplianceNamesTests holds that every case that docs/alert-compliance.md says to apply names a test, and that each test
// it names exists.
func TestComplianceNamesTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/alert-compliance.md"))
	if err != nil {
		t.Fatal(err)
	}
	cases, named := 0, map[string]bool{}
	for _, row := range tableRow.FindAllStringSubmatch(string(text), -1) {
		cells := strings.Split(row[1], "|")
		heldBy, says := cells[len(cells)-1], strings.TrimSpace(cells[len(cells)-2])
		tests := namedTest.FindAllStringSubmatch(heldBy, -1)
		switch {
		case strings.TrimSpace(heldBy) == "held by" || strings.HasPrefix(row[1], "---"):
			continue
		case (len(tests) == 0) != notApplied.MatchString(says):
			t.Errorf("the case applies and no test holds it, or it does not and one does: %s", row[0])
		}
		cases++
		for _, test := range tests {
			named[test[1]] = true
		}
	}
	for test := range named {
		if strings.HasSuffix(test, "_test.txt") {
			if _, err := os.Stat(filepath.Join(root, test)); err != nil {
				t.Errorf("there is no test of rules %s: %v", test, err)
			}
			continue
		}
		dir, name, _ := strings.Cut(test, ".")
		if !hasGoTest(t, dir, name) {
			t.Errorf("%s has no %s", dir, name)
		}
	}
	if cases < 68 || len(named) < 80 {
		t.Errorf("found %d cases and %d tests only", cases, len(named))
	}
}

// hasGoTest says whether a folder has a Go test of that name.
func hasGoTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
