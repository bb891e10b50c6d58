package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/telemetry"
)

// lagStory is what one topic of eight partitions goes through, polled every 10 s. The group reads all but partition 3, which it
// commits over and over at the same offset from the 5th minute to the 35th.
type lagStory struct {
	restart time.Duration // a new collector takes over, 0: none does
	reads   bool          // the collector may read the topic, and looks where it is asked to
	paused  bool          // the group has paused in these minutes, in place of being stalled
	away    time.Duration // from then on the broker of partition 3 is out of reach for 10 minutes, 0: it never is
}

const lagStoryEnd = 45 * time.Minute

// reports are the lines of a test of rules that has what the collector reports.
func (s *lagStory) reports() string {
	const partitions, labels = 8, "op=group cluster=eu group=billing topic=orders tier=S1"
	var out strings.Builder
	logs, groups := make([]lag.Log, partitions), make([]*lag.Partition, partitions)
	begin := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for at := time.Duration(0); at < lagStoryEnd; at += 10 * time.Second {
		if at == 0 || at == s.restart {
			for i := range groups {
				logs[i] = lag.Log{}
				groups[i] = lag.Spaced(&logs[i], lag.DefaultSpacing)
			}
		}
		assessments := make([]lag.Assessment, partitions)
		pane := fmt.Sprintf("at %v..%v: %s", at, at+10*time.Second, labels)
		for i, group := range groups {
			end := int64(10_000 + 20*at/time.Second)
			commit := end
			if i == 3 && at >= 5*time.Minute && at < 35*time.Minute {
				commit = 10_000 + 20*300
			}
			now := begin.Add(at)
			ends := lag.Ends{At: now, End: end, Retention: 80 * time.Minute}
			if i == 3 && s.away > 0 && at >= s.away && at < s.away+10*time.Minute {
				ends.Failed = lag.Unreachable
			}
			logs[i].Poll(ends)
			group.Poll(lag.Commit{At: now, Offset: commit, Owner: lag.Owned, Paused: s.paused && commit < end})
			assessments[i] = group.At(now)
			if offset, ok := assessments[i].Ask(); ok && s.reads {
				group.Found(lag.Found{At: now, Asked: offset, Offset: offset, Stored: begin.Add(time.Duration(offset-10_000) * time.Second / 20)})
				assessments[i] = group.At(now)
			}
		}
		sum := lag.Sum(assessments)
		writeGauges(&out, pane, sum.TopicGauges(nil))
		for i := range assessments {
			writeGauges(&out, fmt.Sprintf("%s partition=%d", pane, i), sum.PartitionGauges(&assessments[i], nil))
		}
	}
	fmt.Fprintf(&out, "advance to %v\nwant\n", lagStoryEnd)
	return out.String()
}

func writeGauges(out *strings.Builder, line string, gauges []telemetry.Gauge) {
	if len(gauges) == 0 {
		return
	}
	out.WriteString(line)
	for _, gauge := range gauges {
		fmt.Fprintf(out, " gauge.%s=%v", gauge.Name, gauge.Value)
	}
	out.WriteString("\n")
}

// TestShippedRulesReadTheLagModel plays what the model says of polls on the shipped rules: each alert comes when it should, and a
// collector that begins anew in the middle resolves none.
func TestShippedRulesReadTheLagModel(t *testing.T) {
	undisturbed := []string{
		"6m10s LagSkew pending", "6m20s BacklogHigh pending", "8m20s BacklogHigh firing", "10m10s PartitionStalled firing",
		"11m10s LagSkew firing", "25m20s RetentionRisk pending", "30m20s RetentionRisk firing", "35m10s PartitionStalled resolved",
		"35m10s RetentionRisk resolved", "36m BacklogHigh resolved", "40m LagSkew resolved",
	}
	for _, c := range []struct {
		name  string
		story lagStory
		want  []string
	}{
		{"stalled", lagStory{}, undisturbed},
		{"stalled, and its broker is away", lagStory{away: 15 * time.Minute}, undisturbed},
		{"stalled, and a collector begins anew that may read", lagStory{restart: 20 * time.Minute, reads: true}, undisturbed},
		{"stalled, and a collector begins anew that may not read: it knows no age", lagStory{restart: 20 * time.Minute}, []string{
			"6m10s LagSkew pending", "6m20s BacklogHigh pending", "8m20s BacklogHigh firing", "10m10s PartitionStalled firing",
			"11m10s LagSkew firing", "35m10s BacklogHigh resolved", "35m10s PartitionStalled resolved", "40m LagSkew resolved",
		}},
		{"paused: not stalled, and behind all the same", lagStory{paused: true}, []string{
			"6m10s LagSkew pending", "6m20s BacklogHigh pending", "8m20s BacklogHigh firing", "11m10s LagSkew firing",
			"25m20s RetentionRisk pending", "30m20s RetentionRisk firing", "35m10s RetentionRisk resolved", "36m BacklogHigh resolved",
			"40m LagSkew resolved",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("../rules.d")); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "tests", "lag_test.txt")
			rules := "rules BacklogHigh BacklogGrowing PartitionStalled PartitionStopped OffsetRewind RetentionRisk LagSkew\n\ncase story\n"
			if err := os.WriteFile(path, []byte(rules+c.story.reports()), 0o600); err != nil {
				t.Fatal(err)
			}
			result, err := TestRules(path, RulesTestOptions{})
			if err != nil || len(result.Faults) > 0 || len(result.Cases) != 1 {
				t.Fatalf("%v %v, %d cases", err, result.Faults, len(result.Cases))
			}
			var got []string
			for _, line := range result.Cases[0].Happened {
				words := strings.Fields(line)
				name, _, _ := strings.Cut(words[1], "{")
				got = append(got, words[0]+" "+name+" "+words[2])
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
