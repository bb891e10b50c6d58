package rules

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// mixedConditions are so many conditions as people write them: thresholds of their own for each, some guarded by labels,
// some of ratios and of other spans. Few are true.
func mixedConditions(count int) []string {
	var out []string
	for i := range count {
		share := float64(i) / float64(count)
		out = append(out, []string{
			fmt.Sprintf("tps > %.1f", 280+40*share),
			fmt.Sprintf("tps >= %.1f and tps >= 2 * over(\"2m\").tps", 100+100*share),
			fmt.Sprintf("errors >= 10 and error_rate > %.3f", 0.3+share),
			fmt.Sprintf("p99 > %dms or tier == \"S1\" and latency_share_above(500ms) > %.2f", 101+i, share),
			fmt.Sprintf("lag > %d and lag_seconds > 90s", 2800+i),
			fmt.Sprintf("size_p99 > %dKB", 101+i),
			fmt.Sprintf("tps <= 5%% * prev.tps and prev.tps >= %d", 100+i),
			fmt.Sprintf("bytes / messages > %dKB and topic startsWith \"orders-0%d\"", 9+i%7, i%10),
			fmt.Sprintf("volatility > %.2f and tps_median >= 50", 6+share),
			fmt.Sprintf("clients > %d and rebalances >= 3 and not (cluster in [\"eu-%d\"])", 12+i%5, i%3),
		}[i%10])
	}
	return out
}

func cpuSeconds(b *testing.B) float64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// BenchmarkRules reports the CPU time, in milliseconds, that 1,000 rules take over 10,000 groups: of their conditions
// alone, of a whole step, and of expr.Run of the same conditions, taken of some groups.
func BenchmarkRules(b *testing.B) {
	const groups, some = 10_000, 20
	f := newFleet(b, mixedConditions(1000), groups, 13)
	batch := f.batches[f.set.Rules[0].Grouping.ID]
	var conditions, step, one float64
	for b.Loop() {
		f.hear(groups)
		began := cpuSeconds(b)
		f.step(f.at)
		step += cpuSeconds(b) - began
		for i := range batch.rules {
			batch.rules[i].candidates = batch.rules[i].candidates[:0]
		}
		began = cpuSeconds(b)
		batch.find(len(batch.columns.groups))
		conditions += cpuSeconds(b) - began
		one += f.oneByOne(b, batch.columns.groups[:some]) * float64(len(batch.columns.groups)) / some
	}
	n := float64(b.N) / 1000
	b.ReportMetric(conditions/n, "ms-conditions")
	b.ReportMetric(step/n, "ms-step")
	b.ReportMetric(one/n, "ms-expr")
	b.ReportMetric(one/conditions, "expr/conditions")
}

// oneByOne is the CPU time of expr.Run of all rules over groups whose views are there.
func (f *fleet) oneByOne(b *testing.B, groups []*groupState) (seconds float64) {
	views := make([]*View, len(groups))
	for _, rule := range f.set.Rules {
		for i, g := range groups {
			verdict, err := f.ask(rule, g, f.at)
			if err != nil {
				b.Fatal(err)
			}
			views[i] = verdict.view
		}
		began := cpuSeconds(b)
		for range manyTimes {
			for _, view := range views {
				if _, err := isTrue(rule.program, *view); err != nil {
					b.Fatal(err)
				}
			}
		}
		seconds += (cpuSeconds(b) - began) / manyTimes
	}
	return seconds
}

// manyTimes is how often each expression is run, so that the look at the clock costs little beside.
const manyTimes = 20
