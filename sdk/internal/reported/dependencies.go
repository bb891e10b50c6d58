package reported

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// DependsOnly holds that a package brings nothing into the services that use it but the standard library and what allowed has: the beginnings of
// paths, and those behind an "=" as they stand.
func DependsOnly(t testing.TB, path string, allowed ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	needs := strings.Fields(string(out))
	if !slices.Contains(needs, path) {
		t.Fatalf("%s needs %v: want itself among it", path, needs)
	}
	for _, need := range needs {
		if !slices.ContainsFunc(allowed, func(path string) bool {
			exact, is := strings.CutPrefix(path, "=")
			return is && need == exact || !is && strings.HasPrefix(need, path)
		}) {
			t.Errorf("%s depends on %s: it may depend on the standard library and %v", path, need, allowed)
		}
	}
}
