package clickhouse

import (
	"fmt"
	"testing"
	"time"
)

// TestWhatIsToldOfCommandsIsBounded: of a fleet that is larger than any it is said that there are more, and of what counts most nothing is left out.
func TestWhatIsToldOfCommandsIsBounded(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	now := time.Now().UTC().Truncate(time.Minute)
	since := now.Add(-time.Minute)
	const newest = "bitOr(bitShiftLeft(toUInt128(%d), 64), toUInt128(reinterpretAsUInt64(toFloat64(%s))))"
	tell := func(from, rows int) { // the later, the newer, and the sooner lost
		numbers := fmt.Sprintf("FROM numbers(%d, %d)", from, rows)
		s.query(fmt.Sprintf(`INSERT INTO gauges (ts, name, env, cluster, op, client, newest) SELECT %d, 'control_offset', 'e', 'c', 'control', concat('c', toString(number)), `+newest+` %s`,
			now.Unix(), now.UnixMilli(), "number", numbers))
		s.query(fmt.Sprintf(`INSERT INTO client_event_log (ts, env, cluster, client, kind, detail, source, source_offset)
			SELECT fromUnixTimestamp64Milli(toInt64(%d + intDiv(number, 10))), 'e', 'c', concat('c', toString(number)), 'applied', 'slow@1', 's', number %s`, now.UnixMilli(), numbers))
		s.query(fmt.Sprintf(`INSERT INTO gauges (ts, name, env, cluster, system, topic, partition, consumer_group, newest) SELECT %d, 'retention_left_seconds', 'e', 'c', 'kafka', 'orders', '0', concat('g', toString(number)), `+newest+` %s`,
			now.Unix(), now.UnixMilli(), "1000000 - number", numbers))
	}
	ask := func(rows int, wantMore bool) (newestEvent ControlEvent, least RetentionLeft) {
		clients, moreClients, err := s.ControlClients(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		events, moreEvents, err := s.ControlEvents(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		left, moreLeft, err := s.RetentionLeft(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		if len(clients) != rows || len(events) != rows || len(left) != rows {
			t.Fatalf("told of %d clients, %d events and %d groups, want %d", len(clients), len(events), len(left), rows)
		}
		if moreClients != wantMore || moreEvents != wantMore || moreLeft != wantMore {
			t.Errorf("of %d it is said that there are more clients %t, events %t, groups %t: want %t", rows, moreClients, moreEvents, moreLeft, wantMore)
		}
		return events[0], left[0]
	}
	tell(0, 20)
	ask(20, false)
	tell(20, maxControlRows-10)
	event, left := ask(maxControlRows, true)
	last := maxControlRows + 9
	if event.Client != fmt.Sprintf("c%d", last/10*10) || left.Group != fmt.Sprintf("g%d", last) || left.Seconds != float64(1_000_000-last) {
		t.Errorf("first come %+v and %+v", event, left)
	}
}
