package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestPresenceOfClients: when each client was heard of last, beside what its sources have of anybody, and who said that it stopped and not that it started again.
func TestPresenceOfClients(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Minute).Add(-time.Minute)
	told := func(client, op, source string, after int, reports, millis uint64) {
		s.query(fmt.Sprintf(`INSERT INTO rollup_10s (ts, env, cluster, topic, op, client, source, reports, interval_ms) VALUES (%d, 'e', 'c', 'orders', '%s', '%s', '%s', %d, %d)`,
			begin.Unix()+int64(after), op, client, source, reports, millis))
	}
	told("a", "send", "s1", 0, 10, 10_000)
	told("a", "control", "s2", 10, 10, 10_000)
	told("b", "send", "s1", 40, 2, 20_000)
	told("", "node", "s3", 60, 1, 10_000)
	var lines []string
	presences, _, err := s.ClientPresences(t.Context(), begin.Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range presences {
		lines = append(lines, fmt.Sprintf("%s last %g, each %s, its sources %g, all %g", of.Client, of.Last.Sub(begin).Seconds(), of.Interval, of.Newest.Sub(begin).Seconds(), of.NewestOfAll.Sub(begin).Seconds()))
	}
	events := 0
	event := func(client, op, kind string, after int) {
		events++ // each is of a record of its own
		s.query(fmt.Sprintf(`INSERT INTO client_event_log (ts, env, cluster, topic, op, client, kind, source, source_offset) VALUES (fromUnixTimestamp64Milli(%d), 'e', 'c', 'orders', '%s', '%s', '%s', 's', %d)`,
			begin.UnixMilli()+int64(after)*1000+250, op, client, kind, events))
	}
	event("a", "send", "started", 0)
	event("a", "send", "stopped", 5)
	event("a", "consume", "stopped", 5)
	event("a", "consume", "started", 6)
	event("b", "send", "paused", 7)
	stops, _, err := s.ClientStops(t.Context(), begin.Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range stops {
		lines = append(lines, fmt.Sprintf("%s %s %s %s stopped %g", of.Env, of.Client, of.Op, of.Topic, of.At.Sub(begin).Seconds()))
	}
	const want = `a last 10, each 1s, its sources 10, all 60
b last 40, each 10s, its sources 40, all 60
e a send orders stopped 5.25`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
