package pipeline

import (
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// TestSharedLimitsAreCounted: the clients of a limit that is new, or for others than it was, are counted at once, and of all limits each minute. One that is renewed is not new.
func TestSharedLimitsAreCounted(t *testing.T) {
	t.Parallel()
	limit := func(edit func(*control.Command)) control.Command {
		c := control.Command{Name: "slow", Scope: control.Scope{Topic: "orders"}, CreatedAt: controlNow, ExpiresAt: controlNow.Add(time.Hour), Percent: 100,
			SendLimit: &control.SendLimit{MessagesPerSecond: 10, Shared: true, ColdFactor: 3}}
		edit(&c)
		return c
	}
	first := limit(func(*control.Command) {})
	k := &sharedKeeper{}
	if k.due(nil, controlNow) {
		t.Error("clients are counted where no limit is shared")
	}
	if !k.due([]control.Command{first}, controlNow) {
		t.Error("the clients of a new limit are not counted")
	}
	k.note([]control.Command{first}, controlNow)
	for _, one := range []struct {
		what  string
		after time.Duration
		edit  func(*control.Command)
		want  bool
	}{
		{"the same", time.Second, func(*control.Command) {}, false},
		{"the same, counted", time.Second, func(c *control.Command) { c.Revision, c.SendLimit.Clients = 2, 4 }, false},
		{"the same, renewed", time.Second, func(c *control.Command) { c.ExpiresAt = c.ExpiresAt.Add(time.Hour) }, false},
		{"of another topic", time.Second, func(c *control.Command) { c.Scope.Topic = "media" }, true},
		{"of another name", time.Second, func(c *control.Command) { c.Name = "other" }, true},
		{"the same, a minute later", time.Minute, func(*control.Command) {}, true},
	} {
		if got := k.due([]control.Command{limit(one.edit)}, controlNow.Add(one.after)); got != one.want {
			t.Errorf("a limit that is %s: counted %t, want %t", one.what, got, one.want)
		}
	}
}
