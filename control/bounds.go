package control

import "time"

// Topic is where commands and routes are: compacted, with one partition, so that all have one order.
const Topic = "weir.control"

// Schema is the version of a record that this package reads and writes.
const Schema = 1

// Weir's own topics and groups are exempt from every command, so that none can cut the way by which it would be taken back.
const (
	ExemptTopicPrefix = "weir."
	ExemptGroupPrefix = "weir-"
)

// MaxLifetime is how far expires_at may be behind created_at. Not smaller: a long weekend and a migration have that; not larger: nobody
// remembers next month why a group stands still.
const MaxLifetime = 7 * 24 * time.Hour

// MaxClockSkew is how far created_at may be ahead of the time at which the broker appended the record. Not smaller: clocks of machines differ by minutes;
// not larger: a created_at next year would be an expiry next year.
const MaxClockSkew = 10 * time.Minute

// Bounds of what a command may ask.
const (
	// MinMessagesPerSecond is the least that a send limit leaves each client. Not smaller: only a pause stops, and a limit that lets nothing through
	// makes senders give up messages; not larger: a client that sends rarely is to be held to less.
	MinMessagesPerSecond = 1.0
	// MaxMessagesPerSecond bounds what a send limit may say. Not smaller: a fleet has that; not larger: it is no limit.
	MaxMessagesPerSecond = 1e9
	// MinRefuseBytes is the least size from which messages may be refused. Not smaller: it would stop a topic like a pause that nobody sees; not larger:
	// topics of small events want a bound near their size.
	MinRefuseBytes = 16 << 10
	// MinFlagBytes is the least size from which messages may be flagged or compressed. Not smaller: headers alone have that.
	MinFlagBytes = 1 << 10
	// MaxBytes is the largest size that may be named. Not larger: no broker takes it.
	MaxBytes = 1 << 30
	// MaxRampSeconds bounds how long a limit or a release takes to open. Not larger: nobody waits for it.
	MaxRampSeconds = 3600.0
	// DefaultReleaseSeconds is over how long a release opens that does not say. Not smaller: a backlog comes as a surge; not larger: who
	// resumes wants to see that it runs.
	DefaultReleaseSeconds = 30.0
	// DefaultColdFactor is by how much a limit is lower when it begins: Sentinel's warm-up has 3 (core/flow/tc_warm_up.go).
	DefaultColdFactor = 3.0
	// MaxColdFactor bounds that. Not larger: the beginning would be a stop.
	MaxColdFactor = 100.0
	// DefaultRampSeconds is how long a limit takes to open; Sentinel's warm-up has 10 s.
	DefaultRampSeconds = 10.0
	// MinReportSeconds and MaxReportSeconds bound the report interval. Not less: it costs the service; not more: a pane is not longer.
	MinReportSeconds = 0.1
	MaxReportSeconds = 60.0
	// MaxOneIn bounds sampling. Not larger: nobody sees one.
	MaxOneIn = 1_000_000_000
	// MaxSlowSeconds bounds what counts as slow. Not larger: a day is no latency.
	MaxSlowSeconds = 86400.0
)

// Bounds of records and of what a Set holds.
const (
	// MaxRevision is the highest revision. Not larger: readers whose numbers are floats, as those of JSON are in many languages, tell no two revisions beyond 2^53
	// apart; not smaller: no writer gets there by rising. Beyond it a command begins anew behind a tombstone.
	MaxRevision = 1 << 53
	// MaxRecordBytes is the largest value of a record. Not smaller: a thousand partitions and a reason have that; not larger: every client reads all.
	MaxRecordBytes = 16 << 10
	// MaxCommands is how many commands a Set holds. Not smaller: a night of trouble has dozens; not larger: each is asked for each topic of each client.
	MaxCommands = 1000
	// MaxRoutes is how many routes a Set holds. Not smaller: large fleets have thousands of topics; not larger: every client holds all.
	MaxRoutes = 20000
	// MaxPartitions is how many partitions a scope may name. Not larger: then name the topic.
	MaxPartitions = 1024
	// MaxEndpoints is how many endpoints a route may have. Not larger: seeds, not all brokers.
	MaxEndpoints = 64
	// MaxNameBytes is the longest name of a command. Not larger: it stands in tables and keys.
	MaxNameBytes = 63
	// MaxLabelBytes is the longest value of a label: as the wire contract has it.
	MaxLabelBytes = 256
	// MaxReasonBytes is the longest reason. Not larger: it is a sentence and a link.
	MaxReasonBytes = 1024
)
