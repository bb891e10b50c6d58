package meter

import "testing"

// TestPresence holds when a topic is reported: at once where something was measured,
// and otherwise every presenceInterval while its client is open.
func TestPresence(t *testing.T) {
	const began = 1_000_000
	presence := presenceInterval.Milliseconds()
	m := &Meter{op: OpConsume, topic: "orders", beganMillis: began, toldMillis: began}
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
		if got := m.Due(began+test.after, test.present); got != test.due {
			t.Errorf("%s: due is %t", test.what, got)
		}
	}
	m.received(&Message{Topic: "orders"}, 0)
	if !m.Due(began+1, true) || !m.Due(began+1, false) {
		t.Error("a topic with messages is not due")
	}
	var out Taken
	m.Take(&out, newMeasured(Settings{}), began+50)
	if m.Due(began+50, true) || m.Due(began+50+presence-1, true) || !m.Due(began+50+presence, true) {
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
		{"a clock set forward by an hour", began + 3_600_000, began + 3_600_000 - MaxReportMillis, MaxReportMillis},
	} {
		m, out := &Meter{beganMillis: began}, Taken{}
		m.Take(&out, newMeasured(Settings{}), test.now)
		if r := &out.Report; r.StartUnixMillis != test.start || int64(r.LengthMillis) != test.length {
			t.Errorf("%s: got start %+d ms and length %d ms, want %+d and %d", test.what, r.StartUnixMillis-began, r.LengthMillis, test.start-began, test.length)
		}
		end := test.start + test.length
		m.Take(&out, newMeasured(Settings{}), max(end, test.now)+1000)
		if r := &out.Report; r.StartUnixMillis != end || r.LengthMillis < 1000 {
			t.Errorf("%s: the interval after it begins at %+d ms, want %+d", test.what, r.StartUnixMillis-began, end-began)
		}
	}
}

// TestEventsAreBounded keeps the newest events while no report can be made.
func TestEventsAreBounded(t *testing.T) {
	m := &Meter{}
	for i := range int64(3 * maxEvents) {
		m.rebalanced(2, i)
	}
	if got, first := len(m.events), m.events[0].TimeUnixMillis; got != maxEvents || first != 2*maxEvents {
		t.Errorf("%d events are kept, from %d on: want %d from %d on", got, first, maxEvents, 2*maxEvents)
	}
	if m.rebalances != 2*3*maxEvents {
		t.Errorf("%d rebalances, want %d", m.rebalances, 2*3*maxEvents)
	}
}

// TestASilenceIsNoPartOfAnInterval: the report of a message that comes after a silence
// begins at the last look before it.
func TestASilenceIsNoPartOfAnInterval(t *testing.T) {
	const began = 1_000_000_000
	m, out := &Meter{beganMillis: began, toldMillis: began}, Taken{}
	for look := int64(began); look < began+7000; look += 1000 {
		if m.Due(look, true) {
			t.Fatalf("a silent topic is due %d ms after its last report", look-began)
		}
	}
	m.received(&Message{Topic: "orders"}, 0)
	m.Take(&out, newMeasured(Settings{}), began+7000)
	if r := &out.Report; r.StartUnixMillis != began+6000 || r.LengthMillis != 1000 {
		t.Errorf("the report begins at %+d ms with length %d ms, want +6000 and 1000", r.StartUnixMillis-began, r.LengthMillis)
	}
}
