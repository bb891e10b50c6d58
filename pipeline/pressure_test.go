package pipeline

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTooLittleMemory: where too much is live nothing is fetched; where that does not help, all sources but one are
// parked, and the one goes on; with room again all go on, and nothing is lost or counted twice.
func TestTooLittleMemory(t *testing.T) {
	const sources, reports, limit = 3, 20, 1000
	config := runConfig(t)
	config.Roles, config.Telemetry.Partitions = []string{RoleAggregate}, sources
	p, err := New(config, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	var live atomic.Int64
	p.memory.limit, p.memory.live = limit, live.Load
	start(t, p)
	await(t, "that all stages run", func() bool { return p.Status().Ready })
	s := newSender(t, &config, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	send := func() {
		for i := range sources * reports {
			s.send(&kgo.Record{Partition: int32(i % sources), Value: reportOf(t, fmt.Sprint("topic-", i), time.Now(), 1)})
		}
	}
	state := func(state string, parked int) func() bool {
		return func() bool { now := p.Status().Memory; return now.State == state && now.ParkedSources == parked }
	}
	send()
	await(t, "the first reports", func() bool { return p.Records(RoleAggregate) == sources*reports })
	live.Store(limit)
	await(t, "that nothing is fetched", state(memoryPaused, 0))
	await(t, "that one source goes on", state(memoryShort, sources-1))
	if got := metric(t, p.metrics, `weir_memory_state{state="short"}`); got != 1 {
		t.Errorf("the metric of the state is %g, want 1", got)
	}
	send()
	await(t, "the reports of the source that goes on", func() bool {
		return slices.ContainsFunc(p.Status().Sources, func(s SourceStatus) bool { return s.NextOffset == 2*reports })
	})
	if got := p.Records(RoleAggregate); got != (sources+1)*reports {
		t.Errorf("%d records are folded, want those of one source only besides the first ones, %d", got, (sources+1)*reports)
	}
	live.Store(limit / 10)
	await(t, "that all sources go on", state(memoryOK, 0))
	for partition := range int32(sources) {
		await(t, "all reports of a source", func() bool {
			total, messages := storedTotal(t, &config, partition)
			if total.Reports > 2*reports || messages > 2*reports {
				t.Fatalf("%d reports and %d messages are stored, want %d", total.Reports, messages, 2*reports)
			}
			return total.Reports == 2*reports && messages == 2*reports
		})
	}
	if got := stageOf(p, RoleAggregate).Restarts; got != 0 {
		t.Errorf("the stage started again %d times", got)
	}
}
