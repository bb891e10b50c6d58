package clickhouse

import (
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

// TestACompactorCatchesUp with what came in three hours without one: a stretch at a time, each row once.
func TestACompactorCatchesUp(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	s.query(fmt.Sprintf(`INSERT INTO rollup_10s (ts, topic, client, source, segment_minute, reports, messages, inserted_at)
		SELECT %d + 60 * intDiv(number, 5) AS minute, 'orders', toString(number %% 5), 'a', minute, 1, 1, minute + 70 FROM numbers(5 * 60 * 3)`, begin.Unix()))
	var behind []time.Duration
	rows := map[string]uint64{}
	c := s.NewCompactor(func(of Compaction) {
		rows[of.Table] += of.Rows
		if of.Table == RollupMinutes {
			behind = append(behind, of.Behind)
		}
	})
	c.most = 40 // eight minutes
	if err := c.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last := behind[len(behind)-1]; behind[0] < 4*time.Hour || last != 0 || len(behind) < 3*60/10 {
		t.Errorf("it said that it was %v behind, want ever less from four hours on", behind)
	}
	if rows[RollupMinutes] != 900 {
		t.Errorf("%d rows were read, want each of 900 once", rows[RollupMinutes])
	}
	s.expect("SELECT count(), sum(messages), sum(clients) FROM topic_1m FINAL", "180\t900\t900")
	s.expect("SELECT count(), sum(messages) FROM rollup_1h FINAL", "15\t900")
	s.expect("SELECT count() FROM (SELECT name FROM rollup_marks FINAL WHERE added_up > now() - INTERVAL 1 HOUR)", "2")
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
			if got := len(level.due(came, c.now)) == 1; got != c.due {
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

// TestHowFarItIsIsKnownWhereNothingSucceeds, so that somebody is told.
func TestHowFarItIsIsKnownWhereNothingSucceeds(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now().UTC()
	s.came(now.Truncate(time.Hour).Add(-5*time.Hour), now.Add(-time.Hour), "a")
	failing := NewStore(&dying{s.conn, 0}, Config{})
	failing.settings = s.settings
	behind := map[string]time.Duration{}
	err := failing.NewCompactor(func(of Compaction) { behind[of.Table] = of.Behind }).Round(t.Context())
	if !errors.Is(err, errDied) || len(behind) != 2 || behind[RollupMinutes] < 59*time.Minute || behind[RollupTopics] < 59*time.Minute {
		t.Errorf("got %v and %v behind, want an hour for both tables of minutes", err, behind)
	}
}
