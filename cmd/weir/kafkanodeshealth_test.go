package main

import (
	"fmt"
	"time"
)

// expectHealth waits until weir health has lines with all of these words, and returns how it exits.
func (f *faultHouse) expectHealth(lines ...[]string) (code int) {
	f.t.Helper()
	began := time.Now()
	var got ended
	eventually(f.t, func() bool {
		got = call(f.t, f.dir, "health", "--url", f.weir.url, "--cluster", watched, "--all")
		for _, words := range lines {
			if !hasLine(got.stdout, words...) {
				return false
			}
		}
		return true
	}, func() string {
		return fmt.Sprintf("health exits %d, and has no lines with %q:\n%s%s", got.code, lines, got.stdout, got.stderr)
	})
	f.t.Logf("health, after %s:\n%s", time.Since(began).Round(100*time.Millisecond), got.stdout)
	return got.code
}

// expectAwayInHealth wants the tree to name the node that is away, and what is wrong because of it.
func (f *faultHouse) expectAwayInHealth(node string) {
	f.t.Helper()
	code := f.expectHealth([]string{"cluster " + watched + ": score 0, "}, []string{"bad      nodes 2, bad below 3 (-40)"},
		[]string{"bad      node " + node + ": score "}, []string{"bad      heartbeat_failures ", "[HeartbeatFailed]"},
		[]string{"bad      leaderless_partitions "}, []string{"bad      under_min_isr_partitions "},
		[]string{"bad      topic strict: "}, []string{"bad      in_sync_replicas 2 of partition 0, bad below 3 (-40)"},
		[]string{"bad      group billing (S1): "})
	if code != exitFaults {
		f.t.Errorf("health exits %d while a node is away, want %d", code, exitFaults)
	}
}
