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
)
