package lag

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPaceOfATopic holds what is said of a group and topic as a whole: the longest drain and all that is consumed, and neither where
// one partition leaves it open.
func TestPaceOfATopic(t *testing.T) {
	catchesUp := func(round int) (Ends, Commit) { // 2 a second are written, 4 consumed
		return Ends{End: int64(5_000 + 10*round)}, Commit{Offset: int64(20 * round), Owner: Owned}
	}
	for _, c := range []struct {
		name  string
		first func(round int) (Ends, Commit) // of the first partition; the second catches up
		want  map[string]float64
	}{
		{"both catch up", func(round int) (Ends, Commit) {
			ends, commit := catchesUp(round)
			ends.End -= 1000
			return ends, commit
		}, map[string]float64{"lag_median_messages": 2_510, "drain_seconds": 1_505, "consumed_messages_per_second": 8}},
		{"nothing is unread", func(round int) (Ends, Commit) {
			return Ends{End: int64(5 * round)}, Commit{Offset: int64(5 * round), Owner: Owned}
		}, map[string]float64{"lag_median_messages": 1_505, "drain_seconds": 1_505, "consumed_messages_per_second": 5}},
		{"one stands still", func(int) (Ends, Commit) { return Ends{End: 10}, Commit{Offset: 3, Owner: Owned} },
			map[string]float64{"lag_median_messages": 1_508.5, "consumed_messages_per_second": 4}},
		{"one is paused", func(round int) (Ends, Commit) {
			return Ends{End: 10}, Commit{Offset: int64(min(round, 3)), Paused: round > 3}
		},
			map[string]float64{"lag_median_messages": 1_508.5, "consumed_messages_per_second": 4}},
		{"one falls back", func(round int) (Ends, Commit) {
			return Ends{End: 1000}, Commit{Offset: int64(900 - 800*(round/198)), Owner: Owned}
		},
			map[string]float64{"lag_median_messages": 1_955}},
		{"one is out of reach", func(round int) (Ends, Commit) {
			failed := NotPolled
			if round == 199 {
				failed = Unreachable
			}
			return Ends{End: 10, Failed: failed}, Commit{Offset: 10, Owner: Owned}
		}, map[string]float64{"lag_median_messages": 3_010, "drain_seconds": 1_505}},
		{"nobody ever committed one", func(int) (Ends, Commit) { return Ends{End: 10}, Commit{Offset: NoOffset} },
			map[string]float64{"lag_median_messages": 3_010, "drain_seconds": 1_505, "consumed_messages_per_second": 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			both := partitions(2, 200, func(i, round int) (Ends, Commit) {
				if i == 0 {
					return c.first(round)
				}
				return catchesUp(round)
			})
			sum := Sum(both)
			got := map[string]float64{}
			for _, gauge := range sum.TopicGauges(nil) {
				got[gauge.Name] = gauge.Value
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestACommitThatStandsIsNotHidden has a partition whose commit may have stood for as long as any, and another that says so only of
// what is older.
func TestACommitThatStandsIsNotHidden(t *testing.T) {
	for _, c := range []struct {
		name   string
		rounds int
		want   map[string]float64 // of the second partition
	}{
		{"not known yet", 12 * 30, map[string]float64{}},
		{"known", 12*60 + 1, map[string]float64{"commit_age_seconds": 0}},
	} {
		both := partitions(2, c.rounds, func(i, round int) (Ends, Commit) {
			if i == 0 {
				return Ends{End: 10}, Commit{Offset: 3, Owner: Owned}
			}
			return Ends{End: int64(10 + round)}, Commit{Offset: int64(10 + round), Owner: Owned}
		})
		sum := Sum(both)
		got := map[string]float64{}
		for _, gauge := range sum.PartitionGauges(&both[1], nil) {
			if gauge.Name == "commit_age_seconds" {
				got[gauge.Name] = gauge.Value
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestACommitTimeThatIsKnownCounts has commits whose times somebody knows, seen a minute later.
func TestACommitTimeThatIsKnownCounts(t *testing.T) {
	all := partitions(1, 13, func(_, round int) (Ends, Commit) {
		moved := max(0, round-11)
		return Ends{End: 100}, Commit{Offset: int64(10 + moved), Made: began.Add(time.Duration(round*5-60) * time.Second)}
	})
	if age, ok := all[0].CommitAge.Get(); !ok || age != 60 {
		t.Errorf("got %v %v, want 60 s", age, ok)
	}
}
