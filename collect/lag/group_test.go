package lag

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// partitions plays rounds of polls over a few partitions: each(i, round) is what partition i has in a round, one every 5 s.
func partitions(n, rounds int, each func(i, round int) (Ends, Commit)) []Assessment {
	logs, out := make([]Log, n), make([]Assessment, n)
	for i := range logs {
		group := Spaced(&logs[i], DefaultSpacing)
		for round := range rounds {
			at := began.Add(time.Duration(round) * 5 * time.Second)
			ends, commit := each(i, round)
			ends.At, commit.At = at, at
			logs[i].Poll(ends)
			group.Poll(commit)
			out[i] = group.At(at)
		}
	}
	return out
}

// kminion adds partitions up, and one that stands still is nowhere to be seen among 31 that are read (kminion PR#255).
func TestAStalledPartitionIsNotHiddenInTheTotal(t *testing.T) {
	g := Sum(partitions(32, 100, func(i, round int) (Ends, Commit) {
		end := int64(1000 + 100*round)
		if i == 17 {
			return Ends{End: int64(500 + round/20)}, Commit{Offset: 500, Owner: Owned}
		}
		return Ends{End: end}, Commit{Offset: end - int64(50*(round%2)), Owner: Owned}
	}))
	if g.State != ERR || g.Worst != 17 || g.States[STALL] != 1 || g.States[OK] != 31 {
		t.Errorf("the group is %v, worst partition %d, states %v", g.State, g.Worst, g.States)
	}
	if g.Longest == 17 {
		t.Error("the stalled partition has most messages, which this test wants it not to")
	}
	if seconds, _ := g.Seconds.Get(); seconds < 300 {
		t.Errorf("the greatest age is %v s, want that of the stalled partition", seconds)
	}
}

// rocketmq-exporter adds up the queues of a broker, and a slow queue is not told from a slow group (rocketmq-exporter#190).
func TestSkewOfQueuesIsKept(t *testing.T) {
	g := Sum(partitions(8, 3, func(i, round int) (Ends, Commit) {
		commit := int64(9_900)
		if i == 5 {
			commit = 1_000
		}
		return Ends{End: 10_000}, Commit{Offset: commit, Owner: Owned}
	}))
	if got := fmt.Sprint(g.Total, g.Median, g.Skew, g.Longest); got != fmt.Sprint(Known[int64](9_700), Known(100.0), Known(90.0), 5) {
		t.Errorf("total, median, skew, longest: %s", got)
	}
	gauges := g.TopicGauges(nil)
	if diff := cmp.Diff([]telemetry.Gauge{{Name: telemetry.GaugeLagMedian, Value: 100}, {Name: telemetry.GaugeConsumed}}, gauges); diff != "" {
		t.Errorf("gauges (-want +got):\n%s", diff)
	}
}

// In kafka-lag-exporter one partition without a commit made the whole group's lag NaN (kafka-lag-exporter#125).
func TestOneUnknownPartitionDoesNotHideTheOthers(t *testing.T) {
	g := Sum(partitions(4, 1, func(i, round int) (Ends, Commit) {
		switch i {
		case 0:
			return Ends{End: 2034}, Commit{Offset: NoOffset}
		case 1:
			return Ends{Failed: Unreachable}, Commit{Offset: 7}
		}
		return Ends{Start: 40, End: 100, Retention: time.Hour}, Commit{Offset: int64(10 * i), Owner: Owned}
	}))
	want := Group{
		pending:    pending{messages: true, state: true, retention: true, drain: true, consumed: true, age: BoundCounts.Seconds(), commit: BoundCounts.Seconds()},
		Partitions: 2, Unknown: 2, Total: Known[int64](120), Lost: Known[int64](30), Median: Known(60.0), Skew: Known(1.0),
		Seconds: Unknown[float64](LogStartPassed), Drain: Unknown[float64](TooFewCommits), RetentionLeft: Unknown[float64](LogStartPassed),
		ConsumedPerSecond: Unknown[float64](TooFewCommits),
		States:            [REWIND + 1]int{StateUnknown: 4}, Worst: 2, Longest: 2,
	}
	if got, wanted := fmt.Sprintf("%+v", g), fmt.Sprintf("%+v", want); got != wanted {
		t.Errorf("got\n%s\nwant\n%s", got, wanted)
	}
}

func TestSumOfNothing(t *testing.T) {
	g := Sum(nil)
	if why, unknown := g.Total.Why(); !unknown || why != NoPartitions || g.Worst != -1 || g.Longest != -1 || g.State != StateUnknown {
		t.Errorf("%+v", g)
	}
	if gauges := g.TopicGauges(nil); gauges != nil {
		t.Errorf("gauges %v of no partition", gauges)
	}
	all := Sum(partitions(3, 1, func(int, int) (Ends, Commit) { return Ends{Failed: NoPermission}, Commit{} }))
	if why, unknown := all.Total.Why(); !unknown || why != NoPermission || all.Unknown != 3 {
		t.Errorf("%+v", all)
	}
}

func TestSkewWithoutAMedian(t *testing.T) {
	g := Sum(partitions(3, 1, func(i, _ int) (Ends, Commit) { return Ends{End: 10}, Commit{Offset: int64(min(10, 3+10*i))} }))
	if skew, _ := g.Skew.Get(); !math.IsInf(skew, 1) {
		t.Errorf("skew %v where one of three lags", skew)
	}
	g = Sum(partitions(2, 1, func(int, int) (Ends, Commit) { return Ends{End: 10}, Commit{Offset: 10} }))
	if skew, _ := g.Skew.Get(); skew != 1 {
		t.Errorf("skew %v where all is read", skew)
	}
}

// TestGauges holds what reaches rules: values that are known, 0 or 1 of each state once there is one, and no guess.
func TestGauges(t *testing.T) {
	for _, c := range []struct {
		name   string
		rounds int
		each   func(round int) (Ends, Commit)
		want   map[string]float64
	}{
		{"all is read", 1, func(int) (Ends, Commit) {
			return Ends{End: 10, Retention: time.Hour}, Commit{Offset: 10}
		}, map[string]float64{
			"lag_messages": 0, "lag_seconds": 0, "commit_age_seconds": 0, "retention_left_seconds": 3600,
			"stalled_partitions": 0, "stopped_partitions": 0, "rewound_partitions": 0, "growing_partitions": 0,
		}},
		{"a poll after which nothing is known of age and state", 1, func(int) (Ends, Commit) {
			return Ends{End: 10, Retention: time.Hour}, Commit{Offset: 3}
		}, map[string]float64{"lag_messages": 7}},
		{"no commit", 100, func(int) (Ends, Commit) {
			return Ends{End: 10, Retention: time.Hour}, Commit{Offset: NoOffset}
		}, map[string]float64{}},
		{"stalled before the first poll, 59 minutes of it seen", 12*59 + 1, func(int) (Ends, Commit) {
			return Ends{End: 10}, Commit{Offset: 3, Owner: Owned}
		}, map[string]float64{
			"lag_messages": 7, "stalled_partitions": 1, "stopped_partitions": 0, "rewound_partitions": 0, "growing_partitions": 0,
		}},
		{"stalled before the first poll, an hour of it seen", 12*60 + 1, func(int) (Ends, Commit) {
			return Ends{End: 10}, Commit{Offset: 3, Owner: Owned}
		}, map[string]float64{
			"lag_messages": 7, "lag_seconds": 3600, "commit_age_seconds": 3600,
			"stalled_partitions": 1, "stopped_partitions": 0, "rewound_partitions": 0, "growing_partitions": 0,
		}},
		{"stopped", 61, func(round int) (Ends, Commit) {
			return Ends{End: int64(10 + round)}, Commit{Offset: 10, Owner: Unowned}
		}, map[string]float64{
			"lag_messages": 60, "lag_seconds": 297.5, "commit_age_seconds": 300,
			"stalled_partitions": 0, "stopped_partitions": 1, "rewound_partitions": 0, "growing_partitions": 0,
		}},
		{"rewound", 2, func(round int) (Ends, Commit) {
			return Ends{End: 10}, Commit{Offset: int64(10 - 5*round)}
		}, map[string]float64{
			"lag_messages": 5, "commit_age_seconds": 0, "stalled_partitions": 0, "stopped_partitions": 0, "rewound_partitions": 1, "growing_partitions": 0,
		}},
		{"growing", 61, func(round int) (Ends, Commit) {
			return Ends{End: int64(10 + 2*round)}, Commit{Offset: int64(round), Owner: Owned}
		}, map[string]float64{
			"lag_messages": 70, "lag_seconds": 173.75, "commit_age_seconds": 0,
			"stalled_partitions": 0, "stopped_partitions": 0, "rewound_partitions": 0, "growing_partitions": 1,
		}},
		{"paused", 100, func(round int) (Ends, Commit) {
			return Ends{End: int64(10 + round)}, Commit{Offset: 10, Paused: true}
		}, map[string]float64{
			"lag_messages": 99, "lag_seconds": 492.5, "commit_age_seconds": 495,
			"stalled_partitions": 0, "stopped_partitions": 0, "rewound_partitions": 0, "growing_partitions": 0,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := partitions(1, c.rounds, func(_, round int) (Ends, Commit) { return c.each(round) })[0]
			got := map[string]float64{}
			sum := Sum([]Assessment{a})
			for _, gauge := range sum.PartitionGauges(&a, nil) {
				got[gauge.Name] = gauge.Value
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The zero value of everything is unknown, and never 0.
func TestNothingPolledIsNotZero(t *testing.T) {
	var value Value[int64]
	if _, ok := value.Get(); ok {
		t.Error("a value that nobody set is known")
	}
	a := Spaced(&Log{}, DefaultSpacing).At(began)
	g := Sum([]Assessment{a})
	if gauges := g.PartitionGauges(&a, nil); a.State != StateUnknown || a.Explain() != "not polled yet" || len(gauges) > 0 {
		t.Errorf("%v: %s, %v", a.State, a.Explain(), gauges)
	}
}

// What one partition leaves pending its others do not hide, and what they have that is worse they say.
func TestWhatIsPendingIsNotHidden(t *testing.T) {
	read := func() (Ends, Commit) {
		return Ends{End: 10, Retention: 9 * time.Hour}, Commit{Offset: 10, Owner: Owned}
	}
	stalled := func(int) (Ends, Commit) {
		return Ends{End: 50, Retention: 9 * time.Hour}, Commit{Offset: 10, Owner: Owned}
	}
	healthy := map[string]float64{
		"lag_messages": 0, "lag_seconds": 0, "commit_age_seconds": 0, "retention_left_seconds": 32400,
		"stalled_partitions": 0, "stopped_partitions": 0, "rewound_partitions": 0, "growing_partitions": 0,
	}
	for _, c := range []struct {
		name  string
		first func(round int) (Ends, Commit) // of the first partition; the second has nothing unread
		want  map[string]float64             // of the second
	}{
		{"nothing", func(int) (Ends, Commit) { return read() }, healthy},
		{"a state that takes more commits", func(round int) (Ends, Commit) {
			if round < 95 {
				return read()
			}
			return Ends{End: 20, Retention: Forever}, Commit{Offset: 15, Paused: round == 95}
		}, map[string]float64{"lag_messages": 0, "lag_seconds": 0, "commit_age_seconds": 0, "retention_left_seconds": 32400}},
		{"an age from before the first poll", stalled, map[string]float64{
			"lag_messages": 0, "stalled_partitions": 0, "stopped_partitions": 0, "rewound_partitions": 0, "growing_partitions": 0,
		}},
		{"a partition out of reach of which all was read", func(round int) (Ends, Commit) {
			if round == 99 {
				return Ends{Failed: Unreachable}, Commit{Failed: Unreachable}
			}
			return read()
		}, healthy},
		{"a partition out of reach that was stalled", func(round int) (Ends, Commit) {
			if round == 99 {
				return Ends{Failed: Unreachable}, Commit{Failed: Unreachable}
			}
			return stalled(round)
		}, map[string]float64{}},
		{"a partition that never was in reach", func(int) (Ends, Commit) {
			return Ends{Failed: Unreachable}, Commit{Failed: Unreachable}
		}, map[string]float64{}},
		{"a partition that nobody ever committed", func(int) (Ends, Commit) { return Ends{End: 9}, Commit{Offset: NoOffset} }, healthy},
		{"a partition that the collector may not see", func(int) (Ends, Commit) { return Ends{Failed: NoPermission}, Commit{} }, healthy},
	} {
		t.Run(c.name, func(t *testing.T) {
			both := partitions(2, 100, func(i, round int) (Ends, Commit) {
				if i == 0 {
					return c.first(round)
				}
				return read()
			})
			g := Sum(both)
			got := map[string]float64{}
			for _, gauge := range g.PartitionGauges(&both[1], nil) {
				got[gauge.Name] = gauge.Value
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			_, whole := c.want["lag_messages"]
			if median := g.TopicGauges(nil); (len(median) > 0) != whole {
				t.Errorf("the median is %v", median)
			}
		})
	}
}

// A state that is bad, and an age above what is pending, are said while something is.
func TestWhatIsWorseIsSaidWhileSomethingIsPending(t *testing.T) {
	both := partitions(2, 100, func(i, round int) (Ends, Commit) {
		if i == 0 { // behind by a minute, and then out of reach
			failed := NotPolled
			if round == 99 {
				failed = Unreachable
			}
			return Ends{End: int64(12 * round), Failed: failed}, Commit{Offset: int64(12 * max(0, round-12)), Owner: Owned}
		}
		return Ends{End: int64(10 * round), Retention: 20 * time.Minute}, Commit{Offset: 10, Owner: Owned}
	})
	g := Sum(both)
	got := map[string]float64{}
	for _, gauge := range g.PartitionGauges(&both[1], nil) {
		got[gauge.Name] = gauge.Value
	}
	want := map[string]float64{"lag_messages": 980, "lag_seconds": 489.75, "commit_age_seconds": 490, "retention_left_seconds": 710.25, "stalled_partitions": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
