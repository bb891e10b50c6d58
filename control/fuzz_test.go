package control_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// FuzzRecord: whatever is on the topic, reading it ends in an outcome, and what applies keeps every guard rail and reads the same again.
func FuzzRecord(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if rest, is := strings.CutPrefix(line, "record "); is {
				key, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
				f.Add([]byte(key), []byte(value))
			}
		}
	}
	good := pause("a", 1, began)
	value, err := good.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("command/a"), value)
	f.Add([]byte("route/e//r"), []byte(`{"schema":1,"id":"r","env":"e","revision":1,"system":"kafka","cluster":"c","endpoints":["k1:9092"],"topic":"t"}`))
	f.Add([]byte("route///r"), []byte(`{"schema":1,"id":"r","revision":1,"system":"rocketmq","cluster":"c","endpoints":["n:9876"],"topic":"t","former":[{"cluster":"b","endpoints":["n:9876"],"topic":"t"}]}`))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		set := control.NewSet()
		change := set.Feed(control.Record{Key: key, Value: value, AppendedAt: began}, began)
		if (change.Err != nil) != (change.Outcome == control.OutcomeRefused) {
			t.Fatalf("%+v", change)
		}
		for _, command := range set.Commands() {
			within(t, &command)
			again, err := command.Encode()
			if err != nil {
				t.Fatalf("what was applied cannot be encoded: %v", err)
			}
			if read, err := control.ParseCommand(again); err != nil || read.Digest() != command.Digest() {
				t.Fatalf("%s reads as another command: %v", again, err)
			}
		}
		for _, route := range set.Routes() {
			if found, ok := set.Route(route.ID, route.Env, route.Lane); !ok || found.Topic == "" || strings.HasPrefix(found.Topic, control.ExemptTopicPrefix) {
				t.Fatalf("%+v", found)
			}
			again, err := route.Encode()
			if err != nil {
				t.Fatalf("what was applied cannot be encoded: %v", err)
			}
			if read, err := control.ParseRoute(again); err != nil || read.Digest() != route.Digest() || read.Revision != route.Revision {
				t.Fatalf("%s reads as another route: %v", again, err)
			}
		}
	})
}

// within says which guard rail a command in force breaks.
func within(t *testing.T, c *control.Command) {
	t.Helper()
	s := &c.Scope
	switch {
	case c.Author == "" || c.Reason == "":
		t.Fatalf("%s has no author or no reason", c)
	case c.InForce(began.Add(control.MaxLifetime + control.MaxClockSkew + time.Second)):
		t.Fatalf("%s is in force after a week", c)
	case s.Topic == "" && s.Group == "" && s.Resource == "" && s.Client == "" && !c.Everywhere:
		t.Fatalf("%s is for all without saying so", c)
	case c.Touches(&control.Who{Topic: control.Topic, Client: s.Client, Group: s.Group, Partition: control.AllPartitions}):
		t.Fatalf("%s touches Weir's own topic", c)
	case c.SendLimit != nil && c.SendLimit.PerClientMessagesPerSecond()/c.SendLimit.PerClientColdFactor() < control.MinMessagesPerSecond:
		t.Fatalf("%s stops a sender", c)
	case c.Action() == "":
		t.Fatalf("%s asks nothing", c)
	}
}
