package kafka

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// elsewhere are gauges that rules read and that this cluster does not have: clients say that they paused, most are RocketMQ's, and the
// embedded broker has no disks (TestApacheKafka has one).
var elsewhere = []string{telemetry.GaugePaused, telemetry.GaugePausedSeconds, telemetry.GaugeMismatches, telemetry.GaugeSendQueueWait, telemetry.GaugePageCacheLock,
	telemetry.GaugeRetryLag, telemetry.GaugeDeadLetters, telemetry.GaugeDeadLetterRate, telemetry.GaugeDelayLag, telemetry.GaugeDelayOverdue, telemetry.GaugeDelayEarly,
	telemetry.GaugeDiskUsed}

// TestWhatRulesReadIsReported polls for twenty minutes a cluster in which all is well: every gauge that rules read is there.
func TestWhatRulesReadIsReported(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 2)
	m.topic("orders", 2)
	seen := map[string]bool{}
	for i := range 20 {
		m.send("orders", 0, 2)
		m.commit("billing", "orders", 0, int64(2*i+1))
		m.commit("billing", "orders", 1, 0)
		for _, line := range m.poll(time.Minute) {
			for _, word := range strings.Fields(line) {
				name, _, _ := strings.Cut(word, "=")
				seen[name] = true
			}
		}
	}
	for _, field := range rules.GaugeFields {
		if !seen[field.Gauge] && !slices.Contains(elsewhere, field.Gauge) {
			t.Errorf("nobody reports %s, which the field %s is made of", field.Gauge, field.Field)
		}
	}
}

// TestGroupsThatAreGoneAreForgotten deletes one of two groups, and then makes one where as many are followed as may be.
func TestGroupsThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	m.topic("orders", 2)
	m.commit("billing", "orders", 0, 0)
	m.commit("audit", "orders", 0, 0)
	m.commit("audit", "orders", 1, 0)
	m.poll(0)
	if l := m.poller.lags; l.count != 3 || len(l.groups) != 2 || len(l.logs) != 2 {
		t.Fatalf("%d partitions of %d groups and %d logs are followed, want 3 of 2 and 2", l.count, len(l.groups), len(l.logs))
	}
	if _, err := m.admin.DeleteGroup(t.Context(), "audit"); err != nil {
		t.Fatal(err)
	}
	m.poll(time.Second)
	if l := m.poller.lags; l.count != 1 || len(l.groups) != 1 || len(l.logs) != 1 {
		t.Errorf("%d partitions of %d groups and %d logs are followed, want 1 of each", l.count, len(l.groups), len(l.logs))
	}
	m.poller.lags.count = maxFollowed
	m.commit("more", "orders", 0, 0)
	m.commit("more", "orders", 1, 0)
	lines, err := m.pollWith(time.Second)
	if want := fmt.Sprintf("2 partitions of groups are not followed: a collector follows at most %d in a cluster", maxFollowed); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	m.expect(of(lines, "op=group", "group=more"), "op=group group=more members=0 rebalancing_groups=0")
}
