package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRulesFmt says what would change, then changes it, and finds nothing to do after that. A file that it leaves alone does
// not keep it from the others.
func TestRulesFmt(t *testing.T) {
	t.Parallel()
	const untidy = "groups:\n- name: g\n  rules:\n  - expr: tps > 1000\n    alert: A\n"
	const tidy = "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: tps > 1000\n"
	const diff = `--- r/a.yaml
+++ r/a.yaml formatted
@@ -1,5 +1,5 @@
 groups:
-- name: g
-  rules:
-  - expr: tps > 1000
-    alert: A
+  - name: g
+    rules:
+      - alert: A
+        expr: tps > 1000
`
	const refused = "r/b.yaml:1:9: fmt does not know how to write tags; write it out; the file is left as it is\n    groups: !!seq []\n            ^\n"
	dir := folder(t, "r/a.yaml", untidy, "r/b.yaml", "groups: !!seq []\n", "r/c.yaml", tidy)
	for _, c := range []struct {
		args []string
		want ended
		a    string // the file's text then
	}{
		{[]string{"--check"}, ended{"r/a.yaml is not formatted; run weir rules fmt\n", refused, exitFaults}, untidy},
		{[]string{"--check", "--diff"}, ended{diff, refused, exitFaults}, untidy},
		{nil, ended{"r/a.yaml: formatted\n", refused, exitFaults}, tidy},
		{[]string{"--diff"}, ended{"", refused, exitFaults}, tidy},
	} {
		got := call(t, dir, append([]string{"rules", "fmt", "r"}, c.args...)...)
		text, err := os.ReadFile(filepath.Join(dir, "r/a.yaml"))
		if got != c.want || err != nil || string(text) != c.a {
			t.Errorf("fmt %v: got %+v\nand %q, %v; want %+v", c.args, got, text, err, c.want)
		}
	}
	if err := os.Remove(filepath.Join(dir, "r/b.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := call(t, dir, "rules", "fmt", "--check", filepath.Join(dir, "r")); got != (ended{}) {
		t.Errorf("got %+v of what is formatted", got)
	}
	if got := call(t, dir, "rules", "fmt", "nowhere"); got.code != exitFailed {
		t.Errorf("got %+v of a folder that there is not", got)
	}
}
