package rules_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/rules"
)

// TestTextsThatAreNotUTF8 holds that a file that people see otherwise than YAML does is refused, and where the first such byte is.
func TestTextsThatAreNotUTF8(t *testing.T) {
	const file = "groups:\n  - name: größe\n    rules:\n      - {alert: A, expr: tps > 1}\n"
	wide := "\xff\xfe"
	for _, c := range file[:8] {
		wide += string([]byte{byte(c), 0})
	}
	for text, want := range map[string]string{
		strings.ReplaceAll(file, "ß", "\xdf"): "r.yaml:2:14: not YAML: not UTF-8: a byte 0xdf; save the file as UTF-8\n" +
			"      - name: grö\ufffde\n                 ^",
		wide: "r.yaml:1:1: not YAML: the file is UTF-16; save the file as UTF-8\n" +
			"    " + strings.ReplaceAll("\ufffd\ufffdg\x00r\x00o\x00u\x00p\x00s\x00:\x00", "\x00", "\ufffd") + "\n    ^",
		strings.ReplaceAll(file, "> 1", "> \x001"): "r.yaml:4:32: not YAML: a control character U+0000, which YAML does not take; take it out\n" +
			"          - {alert: A, expr: tps > \ufffd1}\n                                   ^",
		"\ufeff" + strings.ReplaceAll(file, "tps", "tpss"): "r.yaml:4:26: expr: unknown name tpss; did you mean \"tps\"?\n" +
			"          - {alert: A, expr: tpss > 1}\n                             ^",
	} {
		_, faults := rules.Parse("r.yaml", []byte(text))
		if diff := cmp.Diff(want, faults.Error()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if _, faults := rules.ParsePolicy("policy.yaml", []byte(text)); len(faults) == 0 {
			t.Errorf("%q is taken for a policy", text)
		}
	}
}

// TestALargeFileThatIsNoYAML holds that one that is too large to be read again and again has the place that the library knows.
func TestALargeFileThatIsNoYAML(t *testing.T) {
	text := "# " + strings.Repeat("x", 300<<10) + "\ngroups:\n  - name: a\n    rules:\n      - alert: A\n       expr: tps > 1\n"
	_, faults := rules.Parse("r.yaml", []byte(text))
	const want = "r.yaml:5:7: not YAML: did not find expected '-' indicator\n" +
		"          - alert: A\n          ^"
	if got := faults.Error(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
