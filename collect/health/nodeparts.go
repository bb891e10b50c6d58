package health

import (
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Checks of nodes.
var (
	failures = check{name: "heartbeat_failures", unit: "failures", rule: "HeartbeatFailed", limit: isBad(atLeast, badFailures),
		means: "the broker does not answer: look whether its process lives"}
	roundTrip = check{name: "heartbeat", unit: "seconds", rule: "HeartbeatSlow", limit: warnsThenBad(above, warnHeartbeat, badHeartbeat),
		means: "the broker answers slowly; above 5 s clients feel it"}
	disk = check{name: "disk_used", unit: "ratio", rule: "DiskWatermark", limit: warnsThenBad(atLeast, warnDisk, badDisk),
		means: "its fullest disk: shorten retention, or add disks"}
	queueWait = check{name: "send_queue_wait", unit: "seconds", rule: "FlowControlRisk", limit: isBad(above, badQueueWait),
		means: "it is about to refuse sends"}
	pageCacheLock = check{name: "page_cache_lock", unit: "seconds", rule: "FlowControlRisk", limit: isBad(above, badPageCacheLock),
		means: "it is about to refuse sends: the page cache is locked"}
)

// node judges a node.
func (c *Cluster) node(name string, n *nodeSeen, now time.Time) Thing {
	parts := []Part{failures.of(n.gauges, telemetry.GaugeHeartbeatFailed), c.heartbeat(name, now), disk.of(n.gauges, telemetry.GaugeDiskUsed)}
	if c.newest.system == rocketmq {
		parts = append(parts, queueWait.of(n.gauges, telemetry.GaugeSendQueueWait), pageCacheLock.of(n.gauges, telemetry.GaugePageCacheLock))
	}
	return newThing(KindNode, name, "", parts)
}

// heartbeat is the slowest round trip of the newest minute: of so few the 99th percentile is no other.
func (c *Cluster) heartbeat(name string, now time.Time) Part {
	if s := c.nodes[name]; s != nil {
		if slowest, ok := s.greatest(now, minuteSlots); ok {
			return roundTrip.known(slowest, "")
		}
	}
	return roundTrip.unknown("it has not answered for a minute")
}
