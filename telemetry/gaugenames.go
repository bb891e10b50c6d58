package telemetry

// Names of the gauges that fields of rules are made of. A name ends in its unit: seconds, messages, ratio; one that ends in what
// it counts has none. A gauge is a value as it stood at the interval's end; what is not known is left out, never sent as 0.
const (
	// Of a partition that a consumer group reads.

	GaugeLagMessages      = "lag_messages"                 // end offset less committed offset
	GaugeLagSeconds       = "lag_seconds"                  // age of the oldest message that is not committed
	GaugeCommitAge        = "commit_age_seconds"           // for how long the commit has not moved while something was unread
	GaugeDrain            = "drain_seconds"                // until nothing is unread, of a topic that a consumer group reads
	GaugeConsumed         = "consumed_messages_per_second" // of a topic, by a consumer group
	GaugeRetentionLeft    = "retention_left_seconds"       // until the oldest message that is not committed expires
	GaugeStalled          = "stalled_partitions"           // 1 where Burrow says STALL, else 0
	GaugeStopped          = "stopped_partitions"           // 1 where Burrow says STOP, else 0
	GaugeRewound          = "rewound_partitions"           // 1 where Burrow says REWIND, else 0
	GaugeGrowing          = "growing_partitions"           // 1 where Burrow says WARN, else 0
	GaugeMembers          = "members"                      // of a consumer group
	GaugeRebalancing      = "rebalancing_groups"           // 1 while the coordinator says that a consumer group rebalances, else 0
	GaugeAssigned         = "assigned_partitions"          // that a client of a consumer group has
	GaugeMismatches       = "subscription_mismatches"      // members of a consumer group that subscribe to something else than the others
	GaugeLagMedian        = "lag_median_messages"          // over the partitions of a topic that a consumer group reads
	GaugePaused           = "paused"                       // 1 while a client has paused consumption; absent while it has not
	GaugePausedSeconds    = "paused_seconds"               // since a client has paused consumption; absent while it has not
	GaugePartitionRate    = "partition_messages_per_second"
	GaugeInSyncReplicas   = "in_sync_replicas" // of a partition
	GaugeUnderReplicated  = "under_replicated_partitions"
	GaugeUnderMinISR      = "under_min_isr_partitions"
	GaugeLeaderless       = "leaderless_partitions"
	GaugeUnderReplicatedR = "under_replicated_polls_ratio" // share 0-1 of the ten newest polls, a minute apart
	GaugeControllers      = "active_controllers"
	GaugeNodesAlive       = "nodes_alive" // all nodes of a cluster, whatever they do
	GaugeBrokersAlive     = "brokers_alive"
	GaugePreferredMisses  = "preferred_leader_misses" // partitions that another than their first replica leads
	GaugeLeaders          = "leaders"                 // partitions that a broker leads
	GaugePartitions       = "partitions"              // of which a broker has a replica
	GaugeDiskUsed         = "disk_used_ratio"         // of the fullest disk of a node, share 0-1
	GaugeSendQueueWait    = "send_queue_wait_seconds"
	GaugePageCacheLock    = "page_cache_lock_seconds"
	GaugeHeartbeatFailed  = "heartbeat_failures_in_a_row"
	GaugeRetryLag         = "retry_lag_messages"   // of a group: failed messages that it is to consume again
	GaugeDeadLetters      = "dead_letter_messages" // of a group: messages that it failed for good, and that are kept
	GaugeDeadLetterRate   = "dead_letter_messages_per_second"
	GaugeDelayLag         = "delay_level_lag_messages"    // of a delay level: messages that are not delivered yet
	GaugeDelayOverdue     = "delay_overdue_seconds"       // since when the oldest of them should be delivered
	GaugeDelayEarly       = "delay_early_seconds"         // how long before its time the newest of the others was passed
	GaugeHeartbeatPeers   = "heartbeat_peers_p50_seconds" // median round trip of the other brokers of the cluster
	GaugeHeartbeatCanary  = "heartbeat_is_canary"         // 1 where heartbeats are canaries, 0 where none can be sent; absent while none are wanted
	GaugeHeartbeatSend    = "heartbeat_send_seconds"      // of the newest canary, until the broker had taken it
)
