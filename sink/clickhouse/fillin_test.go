package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fill fills in three days, and returns what was lacking.
func (s *store) fill(dryRun bool) []Filled {
	s.t.Helper()
	now := time.Now().UTC()
	filled, err := s.FillIn(s.t.Context(), FillIn{From: now.AddDate(0, 0, -3), To: now, DryRun: dryRun})
	if err != nil {
		s.t.Fatal(err)
	}
	return filled
}

// lackingSteps are how many steps of each table lacked something.
func lackingSteps(filled []Filled) (steps [4]int) {
	for i, of := range filled {
		steps[i] = of.Lacking
	}
	return steps
}

// TestFillInMakesWhatIsLacking and nothing else, whatever of the tables is lost, and does nothing where nothing is.
func TestFillInMakesWhatIsLacking(t *testing.T) {
	t.Parallel()
	s, h := newStore(t), newHistory(3)
	h.spread()
	writes := h.telling()
	for i, write := range writes {
		if i == len(writes)/4 {
			s.round()
		}
		s.write(write...)
	}
	const held = "SELECT (SELECT sum(reports) FROM rollup_1m FINAL), (SELECT sum(reports) FROM topic_1m FINAL), (SELECT sum(reports) FROM rollup_1h FINAL)"
	before := s.query(held)
	all := lackingSteps(s.fill(true))
	if all[0] == 0 || all[0] != all[1] || all[2] == 0 {
		t.Errorf("%v steps lack something where little was added up", all)
	}
	s.expect(held, before)
	if got := lackingSteps(s.fill(false)); got != all {
		t.Errorf("%v steps were filled in, want the %v that a dry run names", got, all)
	}
	s.expectRollups(h)
	inserted := s.query("SELECT count(), max(_part) FROM merge('^(rollup_1[mh]|topic_1m)$')")
	for range 2 {
		if got := lackingSteps(s.fill(false)); got != [4]int{} {
			t.Errorf("%v steps lack something where all was filled in", got)
		}
	}
	s.expect("SELECT count(), max(_part) FROM merge('^(rollup_1[mh]|topic_1m)$')", inserted)
	r := rand.New(rand.NewPCG(4, 4))
	for _, lost := range []string{"rollup_1m", "topic_1m", "rollup_1h"} {
		s.query(fmt.Sprintf("ALTER TABLE %s DELETE WHERE cityHash64(topic, ts) %% %d = 0 SETTINGS mutations_sync = 2", lost, 2+r.IntN(3)))
	}
	lacking := s.fill(true)
	if got := s.fill(false); cmp.Diff(lackingSteps(lacking), lackingSteps(got)) != "" || lackingSteps(got) == [4]int{} {
		t.Errorf("filled in %+v, and a dry run says %+v", got, lacking)
	}
	s.expectRollups(h)
	s.query("ALTER TABLE rollup_10s DELETE WHERE cityHash64(client) % 2 = 0 SETTINGS mutations_sync = 2")
	filled := s.fill(false)
	if lackingSteps(filled) != [4]int{} || filled[1].Kept != 0 || filled[2].Kept != 0 {
		t.Errorf("filled in %+v where cells have expired", filled)
	}
	s.query("ALTER TABLE rollup_10s DELETE WHERE cityHash64(source) % 2 = 0 SETTINGS mutations_sync = 2")
	if s.fill(false)[0].Kept == 0 {
		t.Error("no row is told of that holds more than what is left")
	}
	s.expectRollups(h)
}

// TestFillInLeavesWhatIsUnderWay to a compactor, unless it is told to take it too.
func TestFillInLeavesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s, now := newStore(t), time.Now().UTC()
	s.came(now.Add(2*time.Minute), now, "ahead") // its minute is not over, however slow this is
	for _, underWay := range []bool{false, true} {
		filled, err := s.FillIn(t.Context(), FillIn{From: now, To: now.Add(3 * time.Minute), UnderWay: underWay})
		if err != nil {
			t.Fatal(err)
		}
		want := [4]int{}
		if underWay {
			want = [4]int{1, 1, 1, 0}
		}
		if got := lackingSteps(filled); got != want {
			t.Errorf("under way %t: %v steps are filled in, want %v", underWay, got, want)
		}
	}
	s.expect("SELECT (SELECT sum(messages) FROM rollup_1m FINAL), (SELECT sum(messages) FROM topic_1m FINAL), (SELECT sum(messages) FROM rollup_1h FINAL)", "1\t1\t1")
}
