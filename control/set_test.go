package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/control"
)

// pause is a pause of the topic orders.
func pause(name string, revision uint64, createdAt time.Time) control.Command {
	return control.Command{Schema: control.Schema, Name: name, Revision: revision, Scope: control.Scope{Topic: "orders"}, Author: "li", Reason: "a test",
		CreatedAt: createdAt, ExpiresAt: createdAt.Add(time.Hour), Percent: 100, Pause: &control.Pause{}}
}

// feed writes a command to a Set as the next record.
func feed(t *testing.T, set *control.Set, command control.Command, now time.Time) control.Change {
	t.Helper()
	value, err := command.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return set.Feed(control.Record{Key: []byte(command.Key()), Value: value, Offset: set.Offset(), AppendedAt: now}, now)
}

// TestFullSet: a flood of commands stays within the bound, is counted, and takes away nothing that is in force; what is over for good makes room.
func TestFullSet(t *testing.T) {
	t.Parallel()
	set := control.NewSet()
	for i := range control.MaxCommands {
		if change := feed(t, set, pause(fmt.Sprintf("c%d", i), 1, began), began); change.Outcome != control.OutcomeApplied {
			t.Fatalf("command %d: %+v", i, change)
		}
	}
	if !set.Full(began) || control.NewSet().Full(began) {
		t.Error("it is not said that it is full, or that an empty one is")
	}
	if change := feed(t, set, pause("more", 1, began), began); change.Reason != control.ReasonBeyond {
		t.Errorf("one more was %+v, want refused as beyond", change)
	}
	if change := feed(t, set, pause("c7", 2, began), began); change.Outcome != control.OutcomeApplied {
		t.Errorf("a revision of one that is held was %+v", change)
	}
	over := began.Add(2 * time.Hour) // all are over, and a replay could still revive an older revision of one
	if change := feed(t, set, pause("more", 1, over), over); change.Reason != control.ReasonBeyond {
		t.Errorf("two hours later one more was %+v, want refused as beyond", change)
	}
	later := began.Add(control.MaxLifetime + time.Second)
	if set.Full(later) {
		t.Error("it is said to be full, and what is over makes room")
	}
	if change := feed(t, set, pause("more", 1, later), later); change.Outcome != control.OutcomeApplied {
		t.Errorf("a week later one more was %+v", change)
	}
	if held := len(set.Commands()); held != control.MaxCommands || set.Refused(control.ReasonBeyond) != 2 {
		t.Errorf("%d are held and %d were refused, want %d and 2", held, set.Refused(control.ReasonBeyond), control.MaxCommands)
	}
}

// TestOversized: a record of more than MaxRecordBytes is refused without being read, and none can be encoded.
func TestOversized(t *testing.T) {
	t.Parallel()
	set := control.NewSet()
	long := strings.Repeat(" ", control.MaxRecordBytes) + "{}"
	if change := set.Feed(control.Record{Key: []byte("command/a"), Value: []byte(long)}, began); change.Reason != control.ReasonOversized {
		t.Errorf("%d bytes were %+v", len(long), change)
	}
	route := control.Route{Schema: control.Schema, ID: "r", Revision: 1, System: "kafka", Cluster: "c", Topic: "t"}
	for range control.MaxEndpoints {
		route.Endpoints = append(route.Endpoints, strings.Repeat("k", control.MaxLabelBytes-3)+":92")
	}
	if _, err := route.Encode(); err == nil || !strings.Contains(err.Error(), "oversized") {
		t.Errorf("a route of %d endpoints was encoded: %v", len(route.Endpoints), err)
	}
}

// TestKeptRecords: what a Set holds can be kept and fed again, as at a start without Kafka.
func TestKeptRecords(t *testing.T) {
	t.Parallel()
	set := control.NewSet()
	feed(t, set, pause("b", 1, began), began)
	feed(t, set, pause("a", 1, began), began)
	feed(t, set, pause("b", 2, began), began)
	again := control.NewSet()
	for _, record := range set.Records() {
		again.Feed(record, began)
	}
	if diff := cmp.Diff(set.Commands(), again.Commands()); diff != "" || len(again.Commands()) != 2 || again.Offset() != 3 {
		t.Errorf("held again up to offset %d: %s", again.Offset(), diff)
	}
}

// TestNextExpiry: what was resolved holds until the next expiry.
func TestNextExpiry(t *testing.T) {
	t.Parallel()
	set := control.NewSet()
	if _, any := set.NextExpiry(began); any {
		t.Error("an empty Set has an expiry")
	}
	feed(t, set, pause("later", 1, began.Add(time.Minute)), began)
	feed(t, set, pause("sooner", 1, began), began)
	if at, any := set.NextExpiry(began); !any || !at.Equal(began.Add(time.Hour)) {
		t.Errorf("the next expiry is %s", at)
	}
	if at, any := set.NextExpiry(began.Add(time.Hour)); !any || !at.Equal(began.Add(time.Hour+time.Minute)) {
		t.Errorf("then the next is %s", at)
	}
	if at, any := set.NextExpiry(began.Add(2 * time.Hour)); any {
		t.Errorf("then there is one at %s", at)
	}
}

// TestPercent: a percent picks about that many clients of names that are alike, and other commands pick others.
func TestPercent(t *testing.T) {
	t.Parallel()
	const clients = 10000
	picked := map[string]int{}
	both := 0
	a, b := pause("a", 1, began), pause("b", 1, began)
	a.Percent, b.Percent = 25, 25
	for i := range clients {
		who := control.Who{Client: fmt.Sprintf("billing-%d", i), Topic: "orders", Partition: control.AllPartitions}
		inA, inB := a.Touches(&who), b.Touches(&who)
		for name, in := range map[string]bool{"a": inA, "b": inB, "both": inA && inB} {
			if in {
				picked[name]++
			}
		}
	}
	both = picked["both"]
	for _, name := range []string{"a", "b"} {
		if share := float64(picked[name]) / clients; share < 0.23 || share > 0.27 {
			t.Errorf("25%% by %s picked %.1f%% of the clients", name, 100*share)
		}
	}
	if share := float64(both) / clients; share < 0.04 || share > 0.09 {
		t.Errorf("two commands for 25%% each share %.1f%% of the clients, want about 6%%", 100*share)
	}
}

// TestDigest: what a writer fills in does not change it, and everything else does.
func TestDigest(t *testing.T) {
	t.Parallel()
	given := pause("a", 0, time.Time{})
	written := given
	written.Revision, written.Source, written.Spec, written.Ended = 4, control.SourceFile, "x", &control.Ended{Author: "li"}
	if given.Digest() != written.Digest() || given.Digest() == "" {
		t.Errorf("what a writer fills in changed %q to %q", given.Digest(), written.Digest())
	}
	limited := func(clients int) string {
		command := given
		command.Pause, command.SendLimit = nil, &control.SendLimit{MessagesPerSecond: 5, Shared: true, Clients: clients}
		return command.Digest()
	}
	if limited(3) != limited(5) {
		t.Error("the number of clients changed the digest")
	}
	other := given
	other.Reason = "another"
	if other.Digest() == given.Digest() || limited(3) == given.Digest() {
		t.Error("another reason, or another action, has the same digest")
	}
}

// TestDates: a record whose time at the broker is not known, as of a local file, cannot be of tomorrow either; and a time is the same in every zone.
func TestDates(t *testing.T) {
	t.Parallel()
	command := func(created, expires string) []byte {
		return fmt.Appendf(nil, `{"schema":1,"name":"a","revision":1,"scope":{"topic":"t"},"author":"li","reason":"a test","created_at":%q,"expires_at":%q,"pause":{}}`, created, expires)
	}
	set := control.NewSet()
	ahead := set.Feed(control.Record{Key: []byte("command/a"), Value: command("2026-11-28T12:00:00Z", "2026-11-29T12:00:00Z")}, began)
	if ahead.Outcome != control.OutcomeRefused || !strings.Contains(ahead.Err.Error(), "ahead is allowed") {
		t.Errorf("a command of tomorrow is %s: %v", ahead.Outcome, ahead.Err)
	}
	here, err := control.ParseCommand(command("2026-11-27T12:00:00Z", "2026-11-27T13:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	there, err := control.ParseCommand(command("2026-11-27T20:00:00+08:00", "2026-11-27T08:00:00-05:00"))
	if err != nil {
		t.Fatal(err)
	}
	if here.Digest() != there.Digest() || !there.CreatedAt.Equal(began) {
		t.Errorf("at %s and at %s are two", here.CreatedAt, there.CreatedAt)
	}
}

// TestClone: what is fed to a Set does not come to its clone, nor the other way round.
func TestClone(t *testing.T) {
	t.Parallel()
	set := control.NewSet()
	feed(t, set, pause("a", 1, began), began)
	feed(t, set, pause("b", 1, began), began)
	clone := set.Clone()
	feed(t, set, pause("a", 2, began), began)
	set.Feed(control.Record{Key: []byte("command/b"), Offset: set.Offset()}, began)
	set.Feed(control.Record{Key: []byte("command/c"), Value: []byte("{}"), Offset: set.Offset()}, began)
	feed(t, clone, pause("d", 1, began), began)
	names := func(s *control.Set) string {
		var out []string
		for _, command := range s.Commands() {
			out = append(out, command.String())
		}
		return fmt.Sprint(out, s.Offset(), s.Refused(control.ReasonInvalid))
	}
	if got, want := names(clone)+names(set), "[a@1 b@1 d@1] 3 0[a@2] 5 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
