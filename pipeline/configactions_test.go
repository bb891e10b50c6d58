package pipeline

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestBoundsOfActions: each has a place, what was got, and what is allowed.
func TestBoundsOfActions(t *testing.T) {
	t.Parallel()
	config := DefaultConfig()
	config.Control.Actions.SendLimit.FloorMessagesPerSecond = 0
	config.Control.Actions.SendLimit.AtMostAtOnce = 0
	config.Control.Actions.Pause.AtMostPerHour = 1001
	config.Control.Actions.Sampling.LastsAtMost = 1
	want := `control.actions.send_limit.at_most_at_once: got 0, allowed are 1 to 100; to have none leave enabled false
control.actions.pause.at_most_per_hour: got 1001, allowed are 1 to 1000; to have none leave enabled false
control.actions.sampling.lasts_at_most: got 1ns, allowed are 30s to 24h0m0s
control.actions.send_limit.floor_messages_per_second: got 0, allowed are 1 to 1000000000`
	if got := fmt.Sprint(config.Validate()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	config = DefaultConfig()
	if config.Control.Actions.any() {
		t.Error("rules may ask something though nobody has enabled it")
	}
	for name, action := range config.Control.Actions.byName() {
		if !action.Shadow {
			t.Errorf("%s is not in shadow as it is enabled", name)
		}
	}
}

// TestActionsAreReloaded: what rules may ask is turned on and off without a restart; a faulty configuration changes nothing.
func TestActionsAreReloaded(t *testing.T) {
	t.Parallel()
	p, write := reloading(t, "control: {actions: {pause: {enabled: true}}}\n")
	for _, c := range []struct {
		text, answer string
		pauses       bool
	}{
		{"control: {actions: {pause: {enabled: false}}}\n", "200 reloaded\n", false},
		{"control: {actions: {pause: {enabled: true, at_most_at_once: 1}}}\n", "200 reloaded\n", true},
		{"control: {actions: {pause: {enabled: false, at_most_at_once: 0}}}\n", "422 load the configuration: " + filepath.Dir(p.config.Rules.Dir) +
			"/weir.yaml:1: control.actions.pause.at_most_at_once: got 0, allowed are 1 to 100; to have none leave enabled false\n", true},
		{"control: {dir: elsewhere}\n", "200 reloaded\nrestart Weir for what was changed of control.dir\n", false},
	} {
		write(c.text)
		if got := askReload(p); got != c.answer {
			t.Errorf("%q is answered by %q, want %q", strings.TrimSpace(c.text), got, c.answer)
		}
		if got := p.actions.Load().Pause.Enabled; got != c.pauses {
			t.Errorf("after %q pauses are enabled: %t", strings.TrimSpace(c.text), got)
		}
	}
}
