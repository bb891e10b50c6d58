package main

import (
	"syscall"
	"time"

	"github.com/weirmq/weir/pipeline"
)

// fault is what happens to one part.
type fault struct {
	name   string
	strike func(*chaos) // returns when what the part does is done again
	end    func(*chaos) // when all alerts are over; nil for nothing
}

var faults = []fault{
	{name: "weir: SIGKILL", strike: func(c *chaos) {
		i := c.random.IntN(len(c.weirs))
		c.weirs[i].Kill()
		c.launch(i)
	}},
	{name: "both weirs: SIGKILL", strike: func(c *chaos) {
		for i := range c.weirs {
			c.weirs[i].Kill()
		}
		for i := range c.weirs {
			c.launch(i)
		}
	}},
	{name: "weir: SIGSTOP, declared dead, SIGCONT", strike: func(c *chaos) {
		c.stopOne()
		c.wake()
	}},
	{name: "weir: SIGSTOP, SIGCONT when alerts are over", strike: (*chaos).stopOne, end: (*chaos).wake},
	{name: "kafka: SIGKILL", strike: func(c *chaos) {
		c.kafka.Kill()
		c.startKafka()
	}},
	{name: "clickhouse: SIGKILL, away", strike: func(c *chaos) {
		c.clickhouse.Kill()
		c.stay(away())
		c.clickhouse = c.startClickHouse()
	}},
	{name: "alertmanager: SIGKILL, away", strike: func(c *chaos) {
		c.alertmanager.Kill()
		c.stay(away())
		c.alertmanager = c.startAlertmanager()
	}},
}

// Time for which a store or an Alertmanager is away. Not shorter: writers must have failed and waited; longer where
// chaos goes on for longer.
const (
	shortAway = 5 * time.Second
	longAway  = time.Minute
)

func away() time.Duration {
	if *chaosFor > 0 {
		return longAway
	}
	return shortAway
}

// stopOne stops one weir until the other has what it had.
func (c *chaos) stopOne() {
	c.t.Helper()
	c.stopped = c.random.IntN(len(c.weirs))
	other := c.weirs[1-c.stopped].process
	sendSignal(c.t, c.weirs[c.stopped].Child, syscall.SIGSTOP)
	for _, role := range []string{pipeline.RoleAggregate, pipeline.RoleRules, pipeline.RoleAlertmanager} {
		awaitPartitions(c.t, role, housePartitions, other)
	}
}

// wake lets the stopped weir go on, until it has a part of everything again.
func (c *chaos) wake() {
	c.t.Helper()
	sendSignal(c.t, c.weirs[c.stopped].Child, syscall.SIGCONT)
	for _, role := range []string{pipeline.RoleAggregate, pipeline.RoleRules, pipeline.RoleAlertmanager} {
		c.weirs[c.stopped].awaitStage(role, "a part of the partitions", func(s pipeline.StageStatus) bool { return s.Partitions > 0 && s.Partitions < housePartitions })
	}
}
