package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	inTick  = regexp.MustCompile("`[^`]*`")
)

// TestLinks follows every link to a file of the checkout, and to a heading in it.
func TestLinks(t *testing.T) {
	t.Parallel()
	count := 0
	for _, p := range readPages(t) {
		prose := inTick.ReplaceAllString(fenced.ReplaceAllString(p.text, ""), "")
		for _, match := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			count++
			path, anchor, _ := strings.Cut(match[1], "#")
			target := p.path
			if path != "" {
				target = filepath.Join(filepath.Dir(p.path), path)
			}
			text, err := os.ReadFile(filepath.Join(root, target))
			if info, statErr := os.Stat(filepath.Join(root, target)); statErr == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s: the link %s leads nowhere: %v", p.path, match[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
				t.Errorf("%s: the link %s leads to no heading of %s", p.path, match[1], target)
			}
		}
	}
	if count < 30 {
		t.Errorf("followed %d links only", count)
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)

// anchors are the headings of a page as links name them.
func anchors(text string) []string {
	var out []string
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		plain := notInAnchor.ReplaceAllString(strings.ToLower(match[1]), "")
		out = append(out, strings.ReplaceAll(plain, " ", "-"))
	}
	return out
}

// TestDecisions holds that every decision has what one looks for in it, and is listed.
func TestDecisions(t *testing.T) {
	t.Parallel()
	list := readPage(t, "docs/adr/README.md")
	count := 0
	for _, p := range readPages(t) {
		name := filepath.Base(p.path)
		if filepath.Dir(p.path) != "docs/adr" || name == "README.md" {
			continue
		}
		count++
		for _, part := range []string{"- Status: ", "- Date: ", "## Context", "## Decision", "## Consequences", "## Alternatives"} {
			says(t, p, "a part of a decision", part)
		}
		says(t, list, "a decision", "("+name+")")
	}
	if count < 7 {
		t.Errorf("found %d decisions only", count)
	}
}
