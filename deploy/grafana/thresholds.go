package grafana

// Thresholds are those of the shipped rules (rules.d), so that a colour and an alert mean the same. A test compares them.
var (
	heartbeatLimits   = limits{{1000, orange}, {5000, red}}              // HeartbeatSlow, ms
	failureLimits     = limits{{1, orange}, {3, red}}                    // HeartbeatFailed, in a row
	latencyLimits     = limits{{500, yellow}, {800, orange}}             // SendSlow and ConsumeSlow, ms
	errorLimits       = limits{{0.001, yellow}, {0.01, red}}             // SendErrors, ratio
	lagLimits         = limits{{60, yellow}, {300, orange}, {1800, red}} // BacklogHigh of S1, S2, and S3 and S4, seconds
	diskLimits        = limits{{0.75, orange}, {0.85, red}}              // DiskWatermark, ratio
	sizeLimits        = limits{{10 << 10, yellow}, {1 << 20, orange}}    // LargeMessage, and LargeMessageP99, bytes
	queueLimits       = limits{{0.2, red}}                               // FlowControlRisk, seconds
	rebalanceLimits   = limits{{8, orange}}                              // RebalanceStorm, in ten minutes
	underLimits       = limits{{1, orange}}                              // ReplicaHealth, partitions
	leaderlessLimits  = limits{{1, red}}                                 // ReplicaHealthCritical, partitions
	noticeLimits      = limits{{1, orange}}                              // of what should not be at all
	firingLimits      = limits{{1, red}}                                 // alerts
	storedLimits      = limits{{30, yellow}, {120, red}}                 // of Weir itself: seconds after the minute
	retentionSeconds  = 3600.                                            // RetentionRisk, below it
	volatilityLimits  = limits{{0.5, yellow}, {2, red}}                  // ClusterWriteVolatile, ratio
	completenessFloor = 0.99                                             // of an evaluation: below it sources were missing
)

// below colours a value that must not fall: red under the floor.
func below(floor float64) limits { return limits{{floor, green}} }
