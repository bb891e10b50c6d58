package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// came inserts a row of one message that came at a time.
func (s *store) came(pane, at time.Time, client string) {
	s.t.Helper()
	s.query(fmt.Sprintf(`INSERT INTO rollup_10s (ts, topic, client, source, segment_minute, reports, messages, inserted_at)
		VALUES (%d, 'orders', '%s', 'a', %[1]d, 1, 1, %[3]d)`, pane.Unix(), client, at.Unix()))
}

// TestWhatIsAddedUpIsNotAddedUpAgain unless something comes, be it seen long after it came or by a clock that is ahead.
func TestWhatIsAddedUpIsNotAddedUpAgain(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now().UTC()
	first := now.Truncate(time.Hour).Add(-5 * time.Hour)
	second := first.Add(time.Hour)
	s.query("SYSTEM STOP MERGES rollup_10s")
	counted := &compacted{}
	c := s.NewCompactor(counted.note)
	for _, step := range []struct {
		why  string
		come func()
		rows uint64
	}{
		{"nothing is there", func() {}, 0},
		{"two came", func() { s.came(first, now, "a"); s.came(second, now, "a") }, 2},
		{"none came", func() {}, 0},
		{"one is seen minutes late", func() { s.came(first, now.Add(-visibleWithin), "b") }, 2},
		{"one bears a later time", func() { s.came(second, now.Add(visibleWithin), "b") }, 2},
		{"none came", func() {}, 0},
		{"one came again", func() { s.came(second, now, "b") }, 3},
		{"versions were merged", func() { s.query("SYSTEM START MERGES rollup_10s"); s.query("OPTIMIZE TABLE rollup_10s FINAL") }, 0},
	} {
		step.come()
		if err := c.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := counted.take(RollupMinutes); got != step.rows {
			t.Errorf("%s: %d rows were added up, want %d", step.why, got, step.rows)
		}
	}
	s.expect("SELECT sum(messages), sum(clients) FROM topic_1m FINAL", "4\t4")
	c = s.NewCompactor(counted.note) // knows of nothing that came lately
	s.came(first, now, "c")
	if err := c.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect("SELECT (SELECT sum(messages) FROM rollup_1m FINAL), (SELECT sum(messages) FROM rollup_1h FINAL), (SELECT max(clients) FROM topic_1m FINAL)", "5\t5\t3")
}

// TestWhatIsNewDoesNotWait where three hours came without a compactor: the newest is there first, and what was left is worked off from its
// end by processes of which each goes on where others came to. Each row is read once.
func TestWhatIsNewDoesNotWait(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	now := begin.Add(3*time.Hour + 70*time.Second) // ten seconds after the newest minute's end, as all came ten seconds after theirs
	s.query(fmt.Sprintf(`INSERT INTO rollup_10s (ts, topic, client, source, segment_minute, reports, messages, inserted_at)
		SELECT %d + 60 * intDiv(number, 5) AS minute, 'orders', toString(number %% 5), 'a', minute, 1, 1, minute + 70 FROM numbers(5 * (60 * 3 + 1))`, begin.Unix()))
	var last Compaction
	rows := uint64(0)
	process := func(spare time.Duration) *Compactor {
		c := s.NewCompactor(func(of Compaction) {
			if of.Table == RollupMinutes {
				last, rows = of, rows+of.Rows
			}
		})
		c.now = func(context.Context) (time.Time, error) { return now, nil }
		c.most, c.spare = 40, spare // eight minutes
		return c
	}
	round := func(c *Compactor) {
		t.Helper()
		if err := c.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := process(0)
	round(first)
	const newest = "SELECT toUnixTimestamp(max(ts)), count() BETWEEN 5 AND 15 FROM topic_1m FINAL"
	s.expect(newest, fmt.Sprint(begin.Add(3*time.Hour).Unix(), "\t1"))
	if last.Behind != 0 || last.Missing < 26*time.Hour || last.Missing > 28*time.Hour { // from a day before the first row on
		t.Errorf("it is %s behind and %s are missing, want nothing and a day and three hours", last.Behind, last.Missing)
	}
	missing := last.Missing
	for range 20 { // each batch by a process of its own, which dies then
		c := process(0)
		round(c)
		for range 3 {
			if _, err := c.workOff(t.Context(), c.levels[0], now); err != nil {
				t.Fatal(err)
			}
		}
		if last.Missing > missing {
			t.Fatalf("%s are missing, and %s were", last.Missing, missing)
		}
		missing = last.Missing
		if got := s.query("SELECT count() = dateDiff('minute', min(ts), max(ts)) + 1 FROM topic_1m FINAL"); got != "1" {
			t.Fatal("a minute is made before a newer one")
		}
	}
	s.expect("SELECT count(), sum(messages), sum(clients) FROM topic_1m FINAL", "181\t905\t905")
	s.expect("SELECT count(), sum(messages) FROM rollup_1m FINAL", "905\t905")
	before := rows
	round(process(time.Hour))
	if last.Missing != 0 {
		t.Errorf("%s are missing after all was looked at", last.Missing)
	}
	round(process(time.Hour))
	if again := rows - before; again > 5*15*2 { // what came of late
		t.Errorf("%d rows were read again", again)
	}
	s.expect("SELECT countIf(since + worked_off_seconds < until), count() > 0 FROM rollup_backlog FINAL", "0\t1")
}

// TestWhatWasLeftIsReadOnce by one process, also where minutes are on both sides of a stretch's border.
func TestWhatWasLeftIsReadOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	s.query(fmt.Sprintf(`INSERT INTO rollup_10s (ts, topic, client, source, segment_minute, reports, messages, inserted_at)
		SELECT %d + 10 * intDiv(number, 5) AS pane, 'orders', toString(number %% 5), 'a', toStartOfMinute(toDateTime(pane)), 1, 1, pane + 20 FROM numbers(5 * 6 * 60 * 3)`, begin.Unix()))
	rows := map[string]uint64{}
	c := s.NewCompactor(func(of Compaction) { rows[of.Table] += of.Rows })
	c.spare = time.Hour
	if err := c.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows[RollupMinutes] != 5400 {
		t.Errorf("%d rows were read, want each of 5400 once", rows[RollupMinutes])
	}
	s.expect("SELECT count(), sum(messages), sum(clients) FROM topic_1m FINAL", "180\t5400\t900")
}

// TestAMinuteIsThereTenSecondsAfterItsEnd, and an hour two minutes after, as soon as a round begins then and not before.
func TestAMinuteIsThereTenSecondsAfterItsEnd(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	hour := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	minute, now := hour.Add(59*time.Minute), hour
	c := s.NewCompactor(func(Compaction) {})
	c.now = func(context.Context) (time.Time, error) { return now, nil }
	for _, step := range []struct {
		after          time.Duration // the minute's begin
		minutes, hours string
	}{
		{-time.Minute, "", ""}, // what is there before is none of it
		{30 * time.Second, "", ""},
		{time.Minute, "", ""},
		{time.Minute + 9*time.Second, "", ""},
		{time.Minute + 10*time.Second, "6\t6", ""},
		{2 * time.Minute, "6\t6", ""},
		{2*time.Minute + 59*time.Second, "6\t6", ""},
		{4 * time.Minute, "6\t6", "6"},
	} {
		if now = minute.Add(step.after); step.after == 30*time.Second {
			for pane := range 6 {
				at := minute.Add(time.Duration(pane) * 10 * time.Second)
				s.came(at, at.Add(15*time.Second), "a")
			}
		}
		if err := c.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.query(fmt.Sprintf("ALTER TABLE rollup_1m UPDATE inserted_at = %d WHERE inserted_at > %[1]d SETTINGS mutations_sync = 2", now.Unix())) // by the same clock
		if got := s.query("SELECT sum(messages), (SELECT sum(messages) FROM topic_1m FINAL) FROM rollup_1m FINAL HAVING count() > 0"); got != step.minutes {
			t.Errorf("%s after its begin the minute has %q, want %q", step.after, got, step.minutes)
		}
		if got := s.query("SELECT sum(messages) FROM rollup_1h FINAL HAVING count() > 0"); got != step.hours {
			t.Errorf("%s after the begin of its last minute the hour has %q, want %q", step.after, got, step.hours)
		}
	}
}

// TestStepsUnderWayAreWaitedFor, but not for longer than what has come is looked at.
func TestStepsUnderWayAreWaitedFor(t *testing.T) {
	for i := range rollupLevels {
		level := &levelProgress{rollupLevel: &rollupLevels[i], known: map[arrival]uint64{}}
		step := time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
		end := step.Add(level.step())
		for _, c := range []struct {
			why       string
			came, now time.Time
			due       bool
		}{
			{"it is under way", step.Add(20 * time.Second), step.Add(30 * time.Second), false},
			{"it is over", step.Add(20 * time.Second), end.Add(level.settles), true},
			{"it has not settled", step.Add(20 * time.Second), end.Add(level.settles - time.Second), false},
			{"a clock is somewhat ahead", step.Add(-maxAhead), step.Add(-maxAhead), false},
			{"a clock is far ahead", step.Add(-maxAhead - arrivalGrain), step.Add(-maxAhead - arrivalGrain), true},
			{"a clock was far ahead", step.Add(-maxAhead - arrivalGrain), step.Add(time.Second), true},
			{"it was long ago", end.Add(time.Hour), end.Add(time.Hour), true},
		} {
			came := map[arrival]uint64{{step.Unix(), c.came.Unix()}: 1}
			if got := len(level.due(came, nil, c.now)) == 1; got != c.due {
				t.Errorf("%s, %s: due is %t", level.of[0].into, c.why, got)
			}
			// What is waited for must still be looked at when it is due.
			if left := end.Add(level.settles).Sub(c.came); !c.due && left+visibleWithin > level.looksBack() {
				t.Errorf("%s, %s: it is waited for %s, and looked back for %s", level.of[0].into, c.why, left, level.looksBack())
			}
		}
	}
}

// TestAStepOfTooManyRowsIsAddedUpInParts: none is left out or counted twice.
func TestAStepOfTooManyRowsIsAddedUpInParts(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	s.query(fmt.Sprintf(`INSERT INTO rollup_10s (ts, topic, client, source, reports, messages)
		SELECT %d + 60 * (number %% 2), 'topic-' || toString(intDiv(number, 6)), toString(number), 'a', 1, number FROM numbers(600)`, begin.Unix()))
	s.query(fmt.Sprintf(`INSERT INTO rollup_10s (ts, topic, client, source, reports, messages)
		SELECT %d, 'the only one', toString(number), 'a', 1, number FROM numbers(300)`, begin.Add(2*time.Minute).Unix()))
	c := s.NewCompactor((&compacted{}).note)
	c.most = 60
	batches, err := s.batches(t.Context(), &rollupMinutes, []time.Time{begin, begin.Add(time.Minute), begin.Add(2 * time.Minute)}, c.most)
	if err != nil || len(batches) != 3 {
		t.Fatalf("got the batches %+v and %v, want three", batches, err)
	}
	for i := range batches {
		if batches[i].parts != 5 {
			t.Errorf("got the batch %+v, want one of five parts", batches[i])
		}
		for part := range batches[i].parts { // about 60 each
			s.expect("SELECT count() BETWEEN 30 AND 120 FROM rollup_10s WHERE "+batches[i].condition(&rollupMinutes, part), "1")
		}
	}
	if err := c.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect("SELECT count(), sum(messages) FROM rollup_1m", "900\t224550")
	s.expect("SELECT count(), sum(messages), sum(clients) FROM topic_1m", "201\t224550\t900")
}

// TestTimesInWhichNothingCameArePassedOver, as where the oldest pane is weeks old and came today.
func TestTimesInWhichNothingCameArePassedOver(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, source, reports, messages, inserted_at) SELECT %d, 'orders', 'a', 1, 1, now() - INTERVAL arrayJoin([0, 20, 29, 4000]) MINUTE",
		time.Now().AddDate(0, 0, -20).Unix()))
	looks := 0
	c := s.NewCompactor(func(of Compaction) {
		if of.Table == RollupMinutes {
			looks++
		}
	})
	c.spare = time.Hour
	if err := c.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect("SELECT sum(messages) FROM rollup_1m FINAL", "1")
	if left := c.levels[0].backlog.missing(); looks > 100 || left != 0 {
		t.Errorf("it took %d looks, and %s are left, want some and nothing", looks, left)
	}
}

// TestAStepThatWasUnderWayIsMadeAfterAPause, although all of it had come before the pause.
func TestAStepThatWasUnderWayIsMadeAfterAPause(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	hour := time.Now().UTC().Truncate(time.Hour).Add(-24 * time.Hour)
	s.query(fmt.Sprintf(`INSERT INTO rollup_1m (ts, topic, client, reports, messages, inserted_at)
		SELECT %d + 60 * number AS minute, 'orders', 'a', 1, 1, minute + 70 FROM numbers(30)`, hour.Unix()))
	for _, at := range []time.Time{hour.Add(32 * time.Minute), hour.Add(5 * time.Hour)} {
		c := s.NewCompactor(func(Compaction) {})
		c.now = func(context.Context) (time.Time, error) { return at, nil }
		c.levels, c.spare = c.levels[1:], time.Hour
		if err := c.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.expect("SELECT count(), sum(messages) FROM rollup_1h FINAL", "1\t30")
}

// TestWhatIsWorkedOffStaysWorkedOff where a process had died after it left the begin of that, and before it noted so.
func TestWhatIsWorkedOffStaysWorkedOff(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now().UTC().Truncate(time.Second)
	since := now.Add(-5 * time.Hour)
	left := func(until time.Time, workedOff time.Duration) {
		s.query(fmt.Sprintf("INSERT INTO rollup_backlog (name, since, until, worked_off_seconds) VALUES ('rollup_1m', %d, %d, %d)", since.Unix(), until.Unix(), int(workedOff.Seconds())))
	}
	missing := func() time.Duration {
		c := s.NewCompactor(func(Compaction) {})
		c.spare = 0
		if err := c.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		return c.levels[0].backlog.missing()
	}
	s.came(since, since, "a")
	s.query(fmt.Sprintf("INSERT INTO rollup_marks (name, added_up) VALUES ('rollup_1m', %d)", now.Unix()))
	left(now.Add(-2*time.Hour), 0)
	left(now.Add(-time.Hour), time.Hour)
	if got := missing(); got != 3*time.Hour {
		t.Errorf("of four hours of which one is worked off %s are missing", got)
	}
	left(now.Add(-time.Hour), 4*time.Hour)
	if got := missing(); got != 0 {
		t.Errorf("%s are missing of what is worked off", got)
	}
}

// TestHowFarItIsIsKnownWhereNothingSucceeds, so that somebody is told.
func TestHowFarItIsIsKnownWhereNothingSucceeds(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now().UTC()
	s.came(now.Truncate(time.Hour).Add(-5*time.Hour), now.Add(-time.Hour), "a")
	failing := NewStore(&dying{s.conn, 0}, Config{})
	failing.settings = s.settings
	behind := map[string]time.Duration{}
	err := failing.NewCompactor(func(of Compaction) { behind[of.Table] = of.Behind }).Round(t.Context())
	if !errors.Is(err, errDied) || len(behind) != 3 || behind[RollupMinutes] < 59*time.Minute || behind[RollupTopics] < 59*time.Minute || behind[RollupGroups] < 59*time.Minute {
		t.Errorf("got %v and %v behind, want an hour for the three tables of minutes", err, behind)
	}
}
