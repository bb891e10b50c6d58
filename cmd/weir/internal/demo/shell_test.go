package demo

import (
	"os/exec"
	"testing"
)

// TestAShellReadsOneWord whatever stands in a path, and a plain one is shown as it is.
func TestAShellReadsOneWord(t *testing.T) {
	for text, want := range map[string]string{
		"/home/you/.cache/weir-1/demo_2/weir.yaml": "/home/you/.cache/weir-1/demo_2/weir.yaml",
		"/a b/the demo's $HOME; `x` \"y\" *\n":     "'/a b/the demo'\\''s $HOME; `x` \"y\" *\n'",
		"":                                         "''",
	} {
		if got := shellWord(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if said, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s|' "+shellWord(text)).Output(); err != nil || string(said) != text+"|" {
			t.Errorf("a shell reads %q and says %v, want one word %q", said, err, text)
		}
	}
}
