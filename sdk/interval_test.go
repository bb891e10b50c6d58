package weir

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPresence holds when a topic is reported: at once where something was measured,
// and otherwise every presenceInterval while its client is open.
func TestPresence(t *testing.T) {
	const began = 1_000_000
	presence := presenceInterval.Milliseconds()
	m := &meter{op: opConsume, topic: "orders", beganMillis: began, toldMillis: began}
	for _, test := range []struct {
		what    string
		after   int64
		present bool
		due     bool
	}{
		{"right after a report", 0, true, false},
		{"just before the presence interval's end", presence - 1, true, false},
		{"at its end", presence, true, true},
		{"at its end, of a closed client", presence, false, false},
		{"long after, of a closed client", 100 * presence, false, false},
	} {
		if got := m.due(began+test.after, test.present); got != test.due {
			t.Errorf("%s: due is %t", test.what, got)
		}
	}
	m.delivered(&kgo.Record{Topic: "orders"}, 0)
	if !m.due(began+1, true) || !m.due(began+1, false) {
		t.Error("a topic with messages is not due")
	}
	var out taken
	m.take(&out, began+50)
	if m.due(began+50, true) || m.due(began+50+presence-1, true) || !m.due(began+50+presence, true) {
		t.Error("presence is not counted from the last report")
	}
}

// TestIntervals holds what interval a report has when the wall clock shows these times.
func TestIntervals(t *testing.T) {
	const began = 1_000_000_000
	for _, test := range []struct {
		what          string
		now           int64
		start, length int64
	}{
		{"a second later", began + 1000, began, 1000},
		{"in the same millisecond", began, began, 1},
		{"a corrected clock, half a second back", began - 500, began, 1},
		{"a clock set back by an hour", began - 3_600_000, began - 3_600_001, 1},
		{"a clock set forward by an hour", began + 3_600_000, began + 3_600_000 - maxReportMillis, maxReportMillis},
	} {
		m, out := &meter{beganMillis: began}, taken{}
		m.take(&out, test.now)
		if r := &out.report; r.StartUnixMillis != test.start || int64(r.LengthMillis) != test.length {
			t.Errorf("%s: got start %+d ms and length %d ms, want %+d and %d", test.what, r.StartUnixMillis-began, r.LengthMillis, test.start-began, test.length)
		}
		end := test.start + test.length
		m.take(&out, max(end, test.now)+1000)
		if r := &out.report; r.StartUnixMillis != end || r.LengthMillis < 1000 {
			t.Errorf("%s: the interval after it begins at %+d ms, want %+d", test.what, r.StartUnixMillis-began, end-began)
		}
	}
}

// TestEventsAreBounded keeps the newest events while no report can be made.
func TestEventsAreBounded(t *testing.T) {
	m := &meter{}
	for i := range int64(3 * maxEvents) {
		m.rebalanced(2, i)
	}
	if got, first := len(m.events), m.events[0].TimeUnixMillis; got != maxEvents || first != 2*maxEvents {
		t.Errorf("%d events are kept, from %d on: want %d from %d on", got, first, maxEvents, 2*maxEvents)
	}
	want(t, "rebalances", m.rebalances, 2*3*maxEvents)
}

// TestReportsOfAFleetAreSpread holds that two reports are an interval apart, give or
// take a tenth, and that not all are equally far.
func TestReportsOfAFleetAreSpread(t *testing.T) {
	c := offlineClient(t, Config{})
	least, greatest := c.pause(), c.pause()
	for range 1000 {
		pause := c.pause()
		least, greatest = min(least, pause), max(greatest, pause)
	}
	tenth := c.config.Interval / 10
	if least < c.config.Interval-tenth || greatest > c.config.Interval+tenth || greatest-least < tenth {
		t.Errorf("the pauses of an interval of %s are %s to %s", c.config.Interval, least, greatest)
	}
}

// TestASilenceIsNoPartOfAnInterval: the report of a message that comes after a silence
// begins at the last look before it.
func TestASilenceIsNoPartOfAnInterval(t *testing.T) {
	const began = 1_000_000_000
	m, out := &meter{beganMillis: began, toldMillis: began}, taken{}
	for look := int64(began); look < began+7000; look += 1000 {
		if m.due(look, true) {
			t.Fatalf("a silent topic is due %d ms after its last report", look-began)
		}
	}
	m.delivered(&kgo.Record{Topic: "orders"}, 0)
	m.take(&out, began+7000)
	if r := &out.report; r.StartUnixMillis != began+6000 || r.LengthMillis != 1000 {
		t.Errorf("the report begins at %+d ms with length %d ms, want +6000 and 1000", r.StartUnixMillis-began, r.LengthMillis)
	}
}
