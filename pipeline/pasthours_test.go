package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// TestPastHoursAreBounded: the hour that was not asked for the longest makes room, and what nobody asks for is not tried again.
func TestPastHoursAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grouping := telemetry.Grouping{ID: "by-topic", By: []string{"topic"}, Where: func(l *telemetry.Labels) bool { return l.Op == "send" }}
		group := telemetry.GroupKey(grouping.ID, []string{"orders"})
		begin := time.Unix(1_800_000_000, 0).Truncate(time.Hour)
		p := newPastHours()
		ask := func(hour int) (uint64, bool) {
			<-time.After(time.Second)
			counted, known := p.Hour(&grouping, group, begin.Add(time.Duration(hour)*time.Hour))
			return counted.Messages, known
		}
		series := []clickhouse.Counted{}
		for _, of := range []struct {
			op, client string
			messages   uint64
		}{{"send", "a", 3}, {"send", "b", 4}, {"consume", "a", 100}} {
			series = append(series, clickhouse.Counted{Labels: &telemetry.Labels{Topic: "orders", Op: of.op, Client: of.client},
				Totals: telemetry.Totals{Messages: of.messages}})
		}
		for hour := range maxPastHours {
			if _, known := ask(hour); known {
				t.Fatalf("hour %d is known before it was read", hour)
			}
			if err := p.put(pastKey{grouping.ID, begin.Add(time.Duration(hour) * time.Hour).Unix()}, groupCounted(&grouping, series), hour != 1); err != nil {
				t.Fatal(err)
			}
		}
		if got, known := ask(0); got != 7 || !known {
			t.Errorf("the first hour has %d messages, known %t, want 7", got, known)
		}
		if got, known := ask(1); got != 0 || known {
			t.Errorf("what the store does not have is %d messages, known %t", got, known)
		}
		ask(maxPastHours)
		for hour, want := range map[int]bool{0: true, 1: false, 3: true} {
			if _, known := ask(hour); known != want {
				t.Errorf("hour %d is known: %t, want %t", hour, known, want)
			}
		}
		if got := p.missing(time.Now()); len(got) != 1 || len(got[begin.Add(maxPastHours*time.Hour).Unix()]) != 1 {
			t.Errorf("%v are read next, want the newest hour", got)
		}
		if _, known := ask(2); known {
			t.Error("the hour that was not asked for the longest is still there")
		}
		if p.groups != maxPastHours-3 { // hour 1 is unknown, the last and hour 2 are not read, hour 4 made room
			t.Errorf("they have %d groups, want %d", p.groups, maxPastHours-3)
		}
		<-time.After(pastForgotten + time.Second)
		if got := p.missing(time.Now()); len(got) != 0 {
			t.Errorf("%v are read though nobody asks for them", got)
		}
	})
}
