package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
)

// TestTouched: a dry run counts whom a command is for, as clients would, and says of a pause how long it may last.
func TestTouched(t *testing.T) {
	t.Parallel()
	client := func(name, op, topic, group string, messages uint64) clickhouse.ClientTraffic {
		return clickhouse.ClientTraffic{Env: "e", Cluster: "c", System: "kafka", Topic: topic, Group: group, Op: op, Client: name, Messages: messages, First: controlNow.Add(-time.Minute)}
	}
	left := func(group, partition string, seconds float64) clickhouse.RetentionLeft {
		return clickhouse.RetentionLeft{Env: "e", Cluster: "c", System: "kafka", Topic: "orders", Group: group, Partition: partition, Seconds: seconds}
	}
	traffic := &controlTraffic{at: controlNow, clients: []clickhouse.ClientTraffic{client("b1", "consume", "orders", "billing", 600), client("b2", "consume", "orders", "billing", 1200),
		client("s1", "send", "orders", "", 60), client("a1", "consume", "orders", "audit", 60), client("w", "consume", "weir.cells", "weir-clickhouse", 9),
		client("was", "consume", "orders", "billing", 6000)},
		presence:  clientPresence{stops: map[clientSeries]time.Time{{clientKey{"e", "c", "was"}, "orders", "billing", "consume"}: controlNow}},
		retention: []clickhouse.RetentionLeft{left("billing", "0", 7200), left("billing", "3", 1800), left("audit", "0", 60)}}
	resources := control.ResourcesOf([]control.Route{{ID: "orders.created", System: "kafka", Cluster: "c", Topic: "orders"}, {ID: "orders.created", System: "kafka", Cluster: "c", Topic: "media"},
		{ID: "orders.other", Env: "other", System: "kafka", Cluster: "c", Topic: "orders"}, {ID: "orders.lane", Lane: "grey", System: "kafka", Cluster: "c", Topic: "orders"}})
	for _, one := range []struct {
		name    string
		change  func(*control.Command)
		clients int
		says    string // of all lines
	}{
		{"a group", func(c *control.Command) { c.Scope.Group = "billing" }, 2, "touches 2 clients, 30 msg/s"},
		{"the least of its partitions", func(c *control.Command) { c.Scope.Group = "billing" }, 2, "retention left: 30m0s until the oldest message that is not consumed is deleted (billing orders/3): THE PAUSE IS LONGER"},
		{"a short one", func(c *control.Command) { c.Scope.Group, c.ExpiresAt = "billing", controlNow.Add(30*time.Minute) }, 2, "(billing orders/3)"},
		{"one client, whose group loses messages all the same", func(c *control.Command) { c.Scope.Client = "a1" }, 1, "(audit orders/0): THE PAUSE"},
		{"by its resource", func(c *control.Command) { c.Scope = control.Scope{Resource: "orders.created"} }, 3, "(audit orders/0)"},
		{"by a resource of another env", func(c *control.Command) { c.Scope = control.Scope{Resource: "orders.other"} }, 0, "retention left is not known"},
		{"by a resource of another lane", func(c *control.Command) { c.Scope = control.Scope{Resource: "orders.lane"} }, 0, "retention left is not known"},
		{"of partitions", func(c *control.Command) { c.Scope.Partitions = []int32{7} }, 3, "touches 3 clients"},
		{"who sends", func(c *control.Command) { c.Pause, c.SendLimit = nil, &control.SendLimit{MessagesPerSecond: 1} }, 1, "s1  send orders 1 msg/s"},
		{"another env", func(c *control.Command) { c.Scope.Env = "other" }, 0, "retention left is not known"},
		{"everywhere, but not Weir's own", func(c *control.Command) { c.Scope, c.Everywhere = control.Scope{}, true }, 3, "touches 3 clients"},
	} {
		command := control.Command{Name: "a", Scope: control.Scope{Topic: "orders"}, Percent: 100, CreatedAt: controlNow, ExpiresAt: controlNow.Add(time.Hour), Pause: &control.Pause{}}
		one.change(&command)
		got := traffic.touched(&command, resources)
		lines := strings.Join(got.lines(&command), "\n")
		if got.Clients != one.clients || !strings.Contains(lines, one.says) {
			t.Errorf("%s: %d clients, want %d, and %q in\n%s", one.name, got.Clients, one.clients, one.says, lines)
		}
		if one.name == "a short one" && strings.Contains(lines, "LONGER") {
			t.Errorf("%s is called too long:\n%s", one.name, lines)
		}
	}
}

// TestRetentionOfTooManyGroups: a dry run says whether nobody reports for how long messages are kept, or there were too many to look at. Those of which it is least are looked at.
func TestRetentionOfTooManyGroups(t *testing.T) {
	t.Parallel()
	traffic := &controlTraffic{at: controlNow, moreRetention: true, retention: []clickhouse.RetentionLeft{{Topic: "orders", Group: "billing", Partition: "0", Seconds: 60}}}
	for group, want := range map[string]string{"billing": "(billing orders/0): THE PAUSE", "audit": "retention left is not known: there are more groups than were looked at"} {
		command := control.Command{Name: "a", Scope: control.Scope{Topic: "orders", Group: group}, Percent: 100, CreatedAt: controlNow, ExpiresAt: controlNow.Add(time.Hour), Pause: &control.Pause{}}
		got := traffic.touched(&command, control.ResourcesOf(nil))
		if lines := strings.Join(got.lines(&command), "\n"); !strings.Contains(lines, want) || got.RetentionLeftPartial != (group == "audit") {
			t.Errorf("of %s %+v, and it says\n%s", group, got, lines)
		}
	}
}

// TestDiff: what each client is asked is held against what it said last.
func TestDiff(t *testing.T) {
	t.Parallel()
	set := control.NewSet()
	for _, command := range []control.Command{
		{Name: "pause", Revision: 3, Scope: control.Scope{Topic: "orders"}, Pause: &control.Pause{}},
		{Name: "part", Revision: 1, Scope: control.Scope{Topic: "orders", Partitions: []int32{7}}, Resume: &control.Resume{}},
		{Name: "limit", Revision: 1, Scope: control.Scope{Topic: "orders"}, Shadow: true, SendLimit: &control.SendLimit{MessagesPerSecond: 5, ColdFactor: 1}},
		{Name: "shared", Revision: 4, Scope: control.Scope{Topic: "media"}, SendLimit: &control.SendLimit{MessagesPerSecond: 4, Shared: true, ColdFactor: 1}},
		{Name: "shared", Revision: 5, Scope: control.Scope{Topic: "media"}, SendLimit: &control.SendLimit{MessagesPerSecond: 5, Shared: true, ColdFactor: 1}},
		{Name: "shared", Revision: 6, Scope: control.Scope{Topic: "media"}, SendLimit: &control.SendLimit{MessagesPerSecond: 5, Shared: true, Clients: 2, ColdFactor: 1}},
		{Name: "shared", Revision: 7, Scope: control.Scope{Topic: "media"}, SendLimit: &control.SendLimit{MessagesPerSecond: 5, Shared: true, Clients: 3, ColdFactor: 1}},
	} {
		command.Schema, command.Author, command.Reason, command.Percent = control.Schema, "li", "r", 100
		command.CreatedAt, command.ExpiresAt = controlNow, controlNow.Add(time.Hour)
		value, err := command.Encode()
		if err != nil {
			t.Fatal(err)
		}
		set.Feed(control.Record{Key: []byte(command.Key()), Value: value, Offset: set.Offset()}, controlNow)
	}
	said := &appliedSaid{traffic: &controlTraffic{at: controlNow, presence: clientPresence{pane: 10 * time.Second, seen: map[clientKey]clickhouse.ClientPresence{}, stops: map[clientSeries]time.Time{}}}, agents: map[clientKey]clickhouse.ControlClient{}, events: map[clientKey]map[string]clickhouse.ControlEvent{}}
	topic := "orders"
	client := func(name, op string, offset int64, events ...[3]string) {
		said.traffic.clients = append(said.traffic.clients, clickhouse.ClientTraffic{Cluster: "c", System: "kafka", Topic: topic, Op: op, Client: name})
		of := clientKey{"", "c", name}
		if offset >= 0 {
			said.agents[of] = clickhouse.ControlClient{Cluster: "c", Client: name, Offset: offset}
		}
		said.events[of] = map[string]clickhouse.ControlEvent{}
		for _, event := range events {
			said.events[of][event[0]] = clickhouse.ControlEvent{Command: event[0], Kind: event[1], Detail: event[2]}
		}
	}
	client("good", "consume", 7, [3]string{"pause", "applied", "pause@3: pause"}, [3]string{"part", "applied", "part@1: resume"})
	client("late", "consume", 1, [3]string{"pause", "applied", "pause@2: pause"})
	client("off", "consume", 7, [3]string{"pause", "refused", "pause@3: pause is switched off by f.yaml"})
	client("deaf", "consume", -1)
	client("mute", "consume", 7, [3]string{"pause", "reverted", "pause@3: it expired"})
	client("stuck", "send", 7, [3]string{"limit", "applied", "limit@1: send_limit in shadow"}, [3]string{"gone", "applied", "gone@4: pause"})
	client("was", "consume", -1)
	client("was", "send", 7, [3]string{"pause", "applied", "pause@2: pause"}) // and consumes no more, but sends
	client("left", "consume", 7, [3]string{"older", "applied", "older@1: pause"})
	stopped := func(name, op, topic string) {
		said.traffic.presence.stops[clientSeries{clientKey{"", "c", name}, topic, "", op}] = controlNow.Add(-time.Minute)
	}
	stopped("was", "consume", "orders")
	stopped("left", "consume", "orders")
	stopped("left", "control", "")
	client("killed", "consume", 7)
	said.traffic.presence.seen[clientKey{"", "c", "killed"}] = clickhouse.ClientPresence{Last: controlNow.Add(-50 * time.Second), Newest: controlNow.Add(-20 * time.Second)}
	topic = "media"
	client("quiet", "send", 7, [3]string{"shared", "applied", "shared@5: send_limit"})  // the clients were counted since, twice
	client("former", "send", 7, [3]string{"shared", "applied", "shared@4: send_limit"}) // which asked for another rate
	client("ahead", "send", 7, [3]string{"shared", "applied", "shared@8: send_limit"})
	var lines []string
	for _, one := range said.compare(set, controlNow) {
		lines = append(lines, strings.TrimSpace(one.Command+" "+one.Client+" "+one.State+" "+one.Why))
	}
	want := `gone@4 stuck still done gone@4: pause
limit@1 stuck shadow
limit@1 was not done it has read it, and does not say that it applies it
part@1 deaf no agent it does not report control_offset
part@1 good applied
part@1 killed gone nothing came of it since 2026-11-27T11:59:20Z
part@1 late behind it has read up to offset 1 of 7
part@1 left gone it stopped at 2026-11-27T11:59:00Z
part@1 mute idle it may have none of the partitions
part@1 off idle it may have none of the partitions
part@1 was gone it stopped at 2026-11-27T11:59:00Z
pause@3 deaf no agent it does not report control_offset
pause@3 good applied
pause@3 killed gone nothing came of it since 2026-11-27T11:59:20Z
pause@3 late behind it has read up to offset 1 of 7
pause@3 left gone it stopped at 2026-11-27T11:59:00Z
pause@3 mute not done reverted pause@3: it expired
pause@3 off refused pause is switched off by f.yaml
pause@3 was gone it stopped at 2026-11-27T11:59:00Z
shared@7 ahead not done applied shared@8: send_limit
shared@7 former not done applied shared@4: send_limit
shared@7 quiet applied`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestWhoIsGone: by what a client said, and by what it does not say any more. What is not stored yet is not missed.
func TestWhoIsGone(t *testing.T) {
	t.Parallel()
	of := clientSeries{clientKey{"e", "c", "a"}, "orders", "", "send"}
	at := func(seconds int) time.Time { return controlNow.Add(time.Duration(seconds) * time.Second) }
	for _, one := range []struct {
		name     string
		stopped  time.Time // zero for not
		last     int       // that it told of the topic
		presence clickhouse.ClientPresence
		since    time.Time // zero where it is there
	}{
		{"it told last", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(0), NewestOfAll: at(0)}, time.Time{}},
		{"it stopped", at(5), 0, clickhouse.ClientPresence{Last: at(0), Newest: at(0)}, at(5)},
		{"it stopped, and is there again", at(5), 10, clickhouse.ClientPresence{Last: at(10), Newest: at(10)}, time.Time{}},
		{"it is missing in one pane", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(20), Interval: time.Second}, time.Time{}},
		{"it is missing in two", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(30), Interval: time.Second}, at(10)},
		{"it reports each ten seconds", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(40), Interval: 10 * time.Second}, time.Time{}},
		{"it reports each ten seconds, and is missing", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(50), Interval: 10 * time.Second}, at(10)},
		{"it reports each minute", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(190), Interval: time.Minute}, time.Time{}},
		{"its source is late", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(0), NewestOfAll: at(80), Interval: time.Second}, time.Time{}},
		{"it was alone in its source", time.Time{}, 0, clickhouse.ClientPresence{Last: at(0), Newest: at(0), NewestOfAll: at(90), Interval: time.Second}, at(10)},
	} {
		presence := clientPresence{pane: 10 * time.Second, seen: map[clientKey]clickhouse.ClientPresence{of.clientKey: one.presence}, stops: map[clientSeries]time.Time{}}
		if !one.stopped.IsZero() {
			presence.stops[of] = one.stopped
		}
		if got := presence.absent(of, at(one.last)); !got.since.Equal(one.since) || got.is() != !one.since.IsZero() {
			t.Errorf("%s: gone since %s, %q, want %s", one.name, got.since, got.why, one.since)
		}
	}
	for _, one := range []struct {
		name   string
		pane   time.Duration
		newest int // of its source, behind the pane that it was in last
		since  time.Time
	}{
		{"it is missing in one pane of a minute", time.Minute, 120, time.Time{}},
		{"it is missing in two of a minute", time.Minute, 180, at(60)},
		{"it is missing in four of a second", time.Second, 5, time.Time{}},
		{"it is missing in half a minute of them", time.Second, 30, at(1)},
	} {
		presence := clientPresence{pane: one.pane, seen: map[clientKey]clickhouse.ClientPresence{of.clientKey: {Last: at(0), Newest: at(one.newest), Interval: time.Second}}}
		if got := presence.absent(of, at(0)); !got.since.Equal(one.since) || got.is() != !one.since.IsZero() {
			t.Errorf("%s: gone since %s, %q, want %s", one.name, got.since, got.why, one.since)
		}
	}
}
