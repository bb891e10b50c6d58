package pipeline

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// TestIDsAreReadAsPeopleHaveThem takes a traceparent for its trace, and the place of a record of Kafka as its tools write it.
func TestIDsAreReadAsPeopleHaveThem(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for text, want := range map[string][3]string{
		" " + trace + "\n": {trace}, "00-" + trace + "-00f067aa0ba902b7-01": {trace}, strings.ToUpper("00-" + trace + "-00f067aa0ba902b7-01"): {trace},
		"orders/3/1041": {"orders/3/1041", "orders", "3"}, "a/b/3/1041": {"a/b/3/1041", "a/b", "3"}, "orders/00/0001": {"orders/0/1", "orders", "0"}, "orders/0/0": {"orders/0/0", "orders", "0"},
		"orders/2147483647/9223372036854775807": {"orders/2147483647/9223372036854775807", "orders", "2147483647"}, "shop:12:991": {"shop:12:991"}, "order/17": {"order/17"},
		"orders-03@1041": {"orders/3/1041", "orders", "3"}, "job-1-20261127204500123456": {"job-1-20261127204500123456"}, "orders": {"orders"}, "tenant/a/b": {"tenant/a/b"},
		"orders-3-1041": {"orders/3/1041", "orders", "3"}, "orders-3@1041": {"orders/3/1041", "orders", "3"}, "orders-3:1041": {"orders/3/1041", "orders", "3"},
		"eu-1.orders-2-3-1041": {"eu-1.orders-2/3/1041", "eu-1.orders-2", "3"}, "orders-1041": {"orders-1041"},
		"7F0000012A9F0000000000000003F2A1": {"7F0000012A9F0000000000000003F2A1"}, "010A02A3040506B8340A1B2C3D00000001": {"010A02A3040506B8340A1B2C3D00000001"},
	} {
		q, err := hopQuery(text, time.Time{}, time.Time{})
		at := messagePlace(q.ID)
		if got := [3]string{q.ID, at.topic, at.partition}; err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"orders/0/-1", "orders/0/12572/", "orders//1", "/0/1", "orders/x/1", "orders/2147483648/1", "orders/0/9223372036854775808"} {
		if q, err := hopQuery(text, time.Time{}, time.Time{}); err == nil || !strings.Contains(err.Error(), "topic/partition/offset") {
			t.Errorf("%q: got %q, %v, want that it names no message", text, q.ID, err)
		}
	}
	now := time.Now()
	for what, ask := range map[string]func() error{
		"no id":         func() error { _, err := hopQuery(" ", time.Time{}, time.Time{}); return err },
		"an empty time": func() error { _, err := hopQuery("orders/3/1041", now, now); return err },
	} {
		if ask() == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// TestIDsOfNoFormAreTold: of what is of no form that ids have nothing is said by its hash.
func TestIDsOfNoFormAreTold(t *testing.T) {
	t.Parallel()
	for id, sampled := range map[string]bool{"orders": false, "tenant/a/b": false, "orders/3/1041": true, "4bf92f3577b34da6a3ce929d0e0e4736": true, "7F0000012A9F0000000000000003F2A1": true} {
		nothing := Found{ID: id, Held: &clickhouse.HopsHeld{Steps: 3, SampledOf: 1000}}
		got := strings.Join(nothing.notes(), "\n")
		if strings.Contains(got, "By its id") != sampled || strings.Contains(got, "is of no form") == sampled {
			t.Errorf("%s: got\n%s", id, got)
		}
	}
}

// TestIDsOfBrokersAreTold from those of producers, with which they share their length.
func TestIDsOfBrokersAreTold(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"0A010407000078BF00000000000A2B5D":                         "10.1.4.7:30911 666461",
		"20010db8000000000000000000000001000078BF00000000000A2B5D": "[2001:db8::1]:30911 666461",
		"AC11000100B818B4AAC24F1F7FE40000":                         "", // of a producer, process 184
		"0A010407000000000000000000000000":                         "", // no port
		"orders/3/1041":                                            "",
	} {
		got := ""
		if of, ok := parseOffsetMsgID(id); ok {
			got = of.broker.String() + " " + strconv.FormatUint(of.offset, 10)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
	nothing := Found{ID: "0A010407000078BF00000000000A2B5D", Held: &clickhouse.HopsHeld{Steps: 3, SampledOf: 1000}}
	if got := strings.Join(nothing.notes(), "\n"); !strings.Contains(got, "the offsetMsgId that broker 10.1.4.7:30911 gave at 666461 of its commit log") || !strings.Contains(got, "UNIQ_KEY") {
		t.Errorf("got\n%s", got)
	}
}

// TestWhereGroupsAreIsAsked of the messages that were found, at the latest time at which each may have been written, and else of the one
// that is named.
func TestWhereGroupsAreIsAsked(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 17, 20, 0, 0, time.UTC)
	sent, received := telemetry.StepSent.String(), telemetry.StepReceived.String()
	hops := []clickhouse.Hop{
		{MessageID: "orders/3/1041", Cluster: "eu-1", Step: received, At: at}, // by a clock that is behind
		{MessageID: "orders/3/1041", Cluster: "eu-1", Step: sent, At: at.Add(time.Second)},
		{MessageID: "orders/3/1041", Cluster: "us-1", Step: received, At: at.Add(2 * time.Second)},
		{MessageID: "orders/3/1041", Cluster: "us-1", Step: received, At: at.Add(9 * time.Second)},
		{MessageID: "AC11000100B818B4AAC24F1F7FE40000", At: at},
		{At: at},
		{MessageID: "a/0/1"}, {MessageID: "b/0/1"}, {MessageID: "c/0/1"},
	}
	want := []askedMessage{{"orders/3/1041", "", "eu-1", at.Add(time.Second)}, {"orders/3/1041", "", "us-1", at.Add(2 * time.Second)}, {id: "a/0/1"}, {id: "b/0/1"}}
	compared := cmp.AllowUnexported(askedMessage{})
	if diff := cmp.Diff(want, askedMessages("orders/3/1041", hops), compared); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]askedMessage{{id: "orders/3/1041"}}, askedMessages("orders/3/1041", nil), compared); diff != "" {
		t.Errorf("nothing is found (-want +got):\n%s", diff)
	}
	if got := askedMessages("4bf92f3577b34da6a3ce929d0e0e4736", nil); got != nil {
		t.Errorf("of a trace: got %v", got)
	}
}

// TestWhereGroupsAreIsSaid for who has to know by night whether a message was consumed.
func TestWhereGroupsAreIsSaid(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 17, 20, 0, 0, time.UTC)
	number := func(of float64) *float64 { return &of }
	of := func(group string, passed time.Time, messages, seconds *float64) PartitionCommit {
		return PartitionCommit{"orders/3/1041", "orders", "3", clickhouse.GroupCommit{Cluster: "eu-1", Group: group, PassedAt: passed, At: at.Add(time.Hour), LagMessages: messages, LagSeconds: seconds}}
	}
	found := Found{ID: "orders/3/1041", Hops: []clickhouse.Hop{{MessageID: "orders/3/1041", Cluster: "eu-1", At: at, Step: telemetry.StepSent.String()},
		{MessageID: "orders/3/1041", Cluster: "eu-1", At: at, Group: "search", Step: telemetry.StepReceived.String()}},
		Groups: []PartitionCommit{of("billing", at.Add(70*time.Second), number(0), number(0)), of("search", at.Add(70*time.Second), number(12), number(4)),
			of("slow", time.Time{}, number(400), number(3700)), of("new", time.Time{}, nil, nil), of("quick", time.Time{}, number(0), nil)}}
	want := `billing in orders/3: committed past it by 2026-11-25 17:21:10Z, no receipt was sampled; nothing was left to commit at 2026-11-25 18:20:00Z.
search in orders/3: committed past it by 2026-11-25 17:21:10Z; 12 messages were not committed, the oldest 4s old, at 2026-11-25 18:20:00Z.
slow in orders/3: not seen to commit past it; 400 messages were not committed, the oldest 1h1m40s old, at 2026-11-25 18:20:00Z.
new in orders/3: not seen to commit past it; how much it has not committed is not known at 2026-11-25 18:20:00Z.
quick in orders/3: nothing was left to commit at 2026-11-25 18:20:00Z, which is too soon after it to be certain of it: ask again in a minute.`
	if diff := cmp.Diff(want, strings.Join(found.commitNotes(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	found.Hops, found.Groups = nil, []PartitionCommit{of("billing", time.Time{}, number(0), number(0))}
	if got, want := strings.Join(found.commitNotes(), "\n"), "eu-1 billing in orders/3: nothing was left to commit at 2026-11-25 18:20:00Z."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFoundStepsKeepTheirLines: whoever writes to the topic chooses labels, which neither move the cursor nor break the table.
func TestFoundStepsKeepTheirLines(t *testing.T) {
	t.Parallel()
	const odd = "\x1b[2J\tx\ny"
	found := Found{ID: "orders/3/1041" + odd, Hops: []clickhouse.Hop{{Env: odd, Cluster: odd, Topic: odd, Group: odd, Op: odd, Client: odd, Node: odd, MessageID: odd, Step: odd, Kept: odd, ErrorClass: odd},
		{Env: "other" + odd, Topic: odd, Op: "consume"}}}
	var out strings.Builder
	if err := found.writeText(&out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 7 || strings.ContainsAny(out.String(), "\x1b\t") {
		t.Errorf("got %d lines: %q", lines, out.String())
	}
	nothing := Found{ID: odd, Topic: odd, Held: &clickhouse.HopsHeld{}}
	if got := strings.Join(nothing.notes(), "\n"); strings.Contains(got, "\x1b") {
		t.Errorf("where nothing is found: %q", got)
	}
}

// TestWhatIsNotListedIsSaid: that there are more steps than are listed, or messages of the trace that were not looked for.
func TestWhatIsNotListedIsSaid(t *testing.T) {
	t.Parallel()
	for hops, want := range map[int]string{70: "messages of the trace", clickhouse.MaxFoundHops: "Only the first 1000 steps are listed"} {
		found := Found{ID: "orders/3/1041", Hops: make([]clickhouse.Hop, hops), More: true}
		if got := strings.Join(found.notes(), "\n"); !strings.Contains(got, want) || hops < clickhouse.MaxFoundHops && strings.Contains(got, "1000") {
			t.Errorf("of %d steps: got\n%s", hops, got)
		}
	}
}
