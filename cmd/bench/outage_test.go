package main

import (
	"testing"
	"time"
)

// TestOutage has the real engine be away from a weir behind a real Kafka, killed and stopped: each cell is there once, and the audit finds all.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, stopped := range map[string]bool{"killed": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			c := outageCommand{Rate: 800, For: time.Minute, Before: cellPane, Stopped: stopped, Heap: "512m", Keep: t.TempDir()}
			if err := c.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
