package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/rules"
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
		ask := func(hour int) (uint64, rules.Knowledge) {
			<-time.After(time.Second)
			counted, known := p.Hour(&grouping, group, begin.Add(time.Duration(hour)*time.Hour))
			return counted.Messages, known
		}
		put := func(hour int, counted rules.Hour, known rules.Knowledge) error {
			return p.put(pastKey{grouping.ID, begin.Add(time.Duration(hour) * time.Hour).Unix()}, counted, known)
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
			if _, known := ask(hour); known != rules.Unread {
				t.Fatalf("hour %d is known before it was read", hour)
			}
			counted, known := countedBy(&grouping, series), rules.Known
			if hour == 1 {
				counted, known = nil, rules.Absent
			}
			if err := put(hour, counted, known); err != nil {
				t.Fatal(err)
			}
		}
		if got, known := ask(0); got != 7 || known != rules.Known {
			t.Errorf("the first hour has %d messages, known %d, want 7", got, known)
		}
		if got, known := ask(1); got != 0 || known != rules.Absent {
			t.Errorf("what the store does not have is %d messages, known %d", got, known)
		}
		ask(maxPastHours)
		for hour, want := range map[int]rules.Knowledge{0: rules.Known, 1: rules.Absent, 3: rules.Known} {
			if _, known := ask(hour); known != want {
				t.Errorf("hour %d is known: %d, want %d", hour, known, want)
			}
		}
		if got, err := p.missing(time.Now()); len(got) != 1 || len(got[begin.Add(maxPastHours*time.Hour).Unix()]) != 1 || err != nil {
			t.Errorf("%v are read next, and %v, want the newest hour", got, err)
		}
		if _, known := ask(2); known != rules.Unread {
			t.Error("the hour that was not asked for the longest is still there")
		}
		if p.groups != maxPastHours-3 { // hour 1 is unknown, the last and hour 2 are not read, hour 4 made room
			t.Errorf("they have %d groups, want %d", p.groups, maxPastHours-3)
		}
		<-time.After(pastForgotten + time.Second)
		if got, err := p.missing(time.Now()); len(got) != 0 || err != nil {
			t.Errorf("%v are read though nobody asks for them, and %v", got, err)
		}
	})
}

// TestPastHoursInUseStay: where rules ask for more than there is room for, none makes room for another, and somebody is told.
func TestPastHoursInUseStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grouping := telemetry.Grouping{ID: "by-topic", By: []string{"topic"}}
		key := func(hour int) pastKey { return pastKey{grouping.ID, int64(hour) * 3600} }
		p := newPastHours()
		ask := func(hour int) rules.Knowledge {
			_, known := p.Hour(&grouping, "orders", time.Unix(key(hour).start, 0))
			return known
		}
		ask(0)
		ask(1)
		if err := p.put(key(0), make(rules.Hour), rules.Known); err != nil {
			t.Fatal(err)
		}
		p.groups = maxPastGroups
		err := p.put(key(1), rules.Hour{"orders": {Messages: 1}}, rules.Known)
		if want := "hours past have 1000001 groups, at most 1000000 are kept: use ago over an hour and baseline in fewer rules, or group by less"; err == nil || err.Error() != want {
			t.Errorf("a group too many is %v, want %s", err, want)
		}
		for hour := 2; hour <= maxPastHours; hour++ {
			ask(hour)
		}
		if got := ask(0); got != rules.Known {
			t.Errorf("the first hour made room while it is in use: %d", got)
		}
		missing, err := p.missing(time.Now())
		if want := "rules ask for more than 1024 hours past at a time, each of one grouping: use shorter baselines, or have rules group and filter alike"; err == nil || err.Error() != want {
			t.Errorf("an hour too many is %v, want %s", err, want)
		}
		if len(missing) != maxPastHours-1 {
			t.Errorf("%d hours are read, want those that there is room for", len(missing))
		}
		<-time.After(pastInUse + time.Second)
		ask(maxPastHours)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.hours[key(maxPastHours)] == nil {
			t.Error("there is no room though nobody asked for two minutes")
		}
	})
}
