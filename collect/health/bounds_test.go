package health

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// reportOf is a report of a group's members, or of a partition's rate.
func reportOf(op, name string, partition int, gauges ...telemetry.Gauge) telemetry.Report {
	l := telemetry.Labels{Cluster: "eu", System: rocketmq, Op: op}
	if op == "group" {
		l.Group = name
	} else {
		l.Topic, l.Partition = name, fmt.Sprint(partition)
	}
	return telemetry.Report{Labels: l, Gauges: gauges}
}

// many are groups of which one message waits and nobody consumes, and as many that are fine.
func many(groups int) []telemetry.Report {
	var out []telemetry.Report
	for i := range groups {
		for _, name := range []string{fmt.Sprintf("bad-%d", i), fmt.Sprintf("fine-%d", i)} {
			members := float64(i % 2)
			if strings.HasPrefix(name, "bad") {
				members = 0
			}
			lag := reportOf("group", name, 0, telemetry.Gauge{Name: telemetry.GaugeLagMessages, Value: 1 - members})
			if strings.HasPrefix(name, "fine") {
				lag.Gauges[0].Value = 0
			}
			lag.Labels.Topic, lag.Labels.Partition = "orders", "0"
			out = append(out, reportOf("group", name, 0, telemetry.Gauge{Name: telemetry.GaugeMembers, Value: members}), lag)
		}
	}
	return out
}

// TestAnAnswerIsBounded asks of more groups than anybody reads, and of more than are followed.
func TestAnAnswerIsBounded(t *testing.T) {
	c := NewCluster("eu", 5*time.Second)
	c.Take(Poll{At: began, Reports: many(MaxAll + 1)})
	for _, of := range []struct {
		q     Question
		shown int
	}{{Question{Now: began}, MaxWorst}, {Question{Now: began, All: true}, MaxAll}, {Question{Now: began, Kind: KindTopic}, 0}, {Question{Now: began, Name: "bad-77"}, 1},
		{Question{Now: began, Name: "fine-7?", Kind: KindGroup}, 10}} {
		tree := c.Tree(of.q)
		if s := tree.Summary[1]; len(tree.Children) != of.shown || s != (Summary{KindGroup, MaxAll + 1, 0, 0, MaxAll + 1, of.shown}) {
			t.Errorf("%+v: %d children, and %+v", of.q, len(tree.Children), s)
		}
		for i, child := range tree.Children {
			if i > 0 && compare(&tree.Children[i-1], &child) > 0 {
				t.Errorf("%s stands behind %s", child.Name, tree.Children[i-1].Name)
			}
		}
	}
	tree := c.Tree(Question{Now: began})
	if text := tree.summaries(); len(text) != 1 || text[0] != "1901 more groups bad, 2001 ok" {
		t.Errorf("got %q", text)
	}
	if worst := tree.Worst(3); len(worst) != 3 || worst[0] != "group bad-0: members 0, bad below 1 (-40): nobody consumes, and messages wait [GroupOffline]" {
		t.Errorf("got %q", worst)
	}

	reports := make([]telemetry.Report, 0, MaxThings+2)
	for i := range MaxThings + 2 {
		reports = append(reports, reportOf("broker", fmt.Sprint("t", i), 0, telemetry.Gauge{Name: telemetry.GaugePartitionRate, Value: 1}))
	}
	c.Take(Poll{At: began, Reports: reports})
	if tree := c.Tree(Question{Now: began}); tree.LeftReports != 2 || tree.Summary[2].Unknown != MaxThings {
		t.Errorf("%d reports are left out, and %+v", tree.LeftReports, tree.Summary)
	}
}

// TestWhatIsSaidOfAPollIsBounded holds a fault that names a thousand brokers.
func TestWhatIsSaidOfAPollIsBounded(t *testing.T) {
	c := NewCluster("eu", 5*time.Second)
	c.Take(Poll{At: began, Err: errors.New(strings.Repeat("é", maxErrorBytes))})
	got := c.Tree(Question{Now: began}).NotFoundOut
	if want := strings.Repeat("é", maxErrorBytes/2) + "…"; got != want {
		t.Errorf("got %d bytes %q", len(got), got)
	}
}

// TestThingsThatAreGoneAreForgotten stops to hear of a topic and a node: after five minutes nothing of them is kept.
func TestThingsThatAreGoneAreForgotten(t *testing.T) {
	c := NewCluster("eu", 5*time.Second)
	probe := telemetry.Report{Labels: telemetry.Labels{System: rocketmq, Op: "probe", Node: "b1"}}
	probe.HeartbeatMicros.Observe(1000)
	c.Take(Poll{At: began, Reports: []telemetry.Report{reportOf("broker", "orders", 0, telemetry.Gauge{Name: telemetry.GaugePartitionRate, Value: 1}), probe}})
	other := []telemetry.Report{reportOf("broker", "audit", 0, telemetry.Gauge{Name: telemetry.GaugePartitionRate, Value: 1})}
	c.Take(Poll{At: began.Add(slotCount*slotSeconds*time.Second - time.Second), Reports: other})
	if len(c.topics) != 2 || len(c.nodes) != 1 {
		t.Errorf("%d topics and %d nodes are kept before five minutes are over, want 2 and 1", len(c.topics), len(c.nodes))
	}
	c.Take(Poll{At: began.Add(slotCount * slotSeconds * time.Second), Reports: other})
	if len(c.topics) != 1 || len(c.nodes) != 0 {
		t.Errorf("%d topics and %d nodes are kept after five minutes, want 1 and 0", len(c.topics), len(c.nodes))
	}
}

// BenchmarkCluster takes a poll of 10,000 topics of a partition and 1,000 groups in, and makes a tree of it.
func BenchmarkCluster(b *testing.B) {
	reports := many(500)
	for i := range 10_000 {
		reports = append(reports, reportOf("broker", fmt.Sprint("t", i), 0, telemetry.Gauge{Name: telemetry.GaugePartitionRate, Value: 1}))
	}
	c := NewCluster("eu", 5*time.Second)
	at := began
	b.Run("take", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			at = at.Add(5 * time.Second)
			c.Take(Poll{At: at, Reports: reports})
		}
	})
	b.Run("tree", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = c.Tree(Question{Now: at})
		}
	})
}
