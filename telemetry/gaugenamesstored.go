package telemetry

// Names of gauges that no field of rules is made of: queries and health read them. They are named and left out like the others.
const (
	GaugeMinInSyncReplicas = "min_in_sync_replicas"  // of a topic, that producers may want
	GaugeRetention         = "retention_seconds"     // of a topic; absent where nothing expires by time
	GaugeMaxMessage        = "max_message_bytes"     // of a topic: of the largest batch that is taken
	GaugeCompacted         = "compacted"             // 1 where a topic keeps the newest message of each key, else 0
	GaugeDiskSize          = "disk_size_bytes"       // of the fullest disk of a node
	GaugeDiskFree          = "disk_free_bytes"       // of that disk, as far as brokers may use it
	GaugeThrottle          = "throttle_seconds"      // the longest that a broker made the collector wait by a quota
	GaugeReplicationLag    = "replication_lag_bytes" // of a slave of RocketMQ: what its master has written and it has not

	// Of a client that reads weir.control. Those of messages count since the client was opened, and are absent where they are 0.

	GaugeControlOffset     = "control_offset"               // after the newest record of weir.control that it has read
	GaugeControlCommands   = "control_commands"             // that apply to it
	GaugeControlShadowed   = "control_shadowed"             // of those: that are only counted
	GaugeControlRefused    = "control_refused"              // records that are not valid, and commands that the client cannot or may not carry out
	GaugeControlOutdated   = "control_outdated"             // 1 where a command wants a newer SDK; absent otherwise
	GaugeControlDelayed    = "control_delayed_messages"     // that a send limit made wait
	GaugeControlFlagged    = "control_flagged_messages"     // larger than a command's flag_bytes
	GaugeControlCompressed = "control_compressed_messages"  // by a command's compress_bytes
	GaugeControlTooLarge   = "control_too_large_messages"   // refused by a command's refuse_bytes
	GaugeControlUnreadable = "control_unreadable_messages"  // compressed on their way, that could not be opened
	GaugeControlWouldTouch = "control_would_touch_messages" // that a command in shadow would have delayed, compressed or refused
)
