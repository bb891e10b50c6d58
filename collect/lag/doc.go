// Package lag is the one lag model of Weir: what a consumer group has left unread of a log, be it a partition of Kafka or a queue
// of RocketMQ. In flow offsets that a poller has read, with the time of reading; out flow assessments. It does no I/O and asks no
// clock. It promises that a number is known or says why not, and is never a guessed 0. A log and its groups belong to one
// goroutine.
//
// A [Log] is the history of one partition's ends, and all groups share it. A [Partition] is one group in it. In each round a poller
// feeds the log, then its groups, and asks: for a state that would wake people, and for an age that is not known, an assessment
// names an offset to look at ([Assessment.Ask]), and is asked again with the answer. [Sum] adds partitions up.
//
// # What is unread
//
// Messages are end - max(commit, start), as Kafka's tools have it but for the start: they count what retention has taken as lag
// (redpanda#30624), which here is Lost. Brokers' own lag is not used: kadm's is of classic groups alone, RocketMQ's request 208 has
// 0 for a group that never committed, and share groups have none. Of a partition with no message nothing is unread, whoever has
// committed. Any other that a group never committed is unknown (kafka_exporter#28, kafka-lag-exporter#45), and so is one whose
// commit is past the end of a log that was read after it. An end that was read before the commit may be below it: nothing is unread
// then (kafka_exporter#76, #287: negative lag).
//
// Transactions: a reader of committed messages cannot pass the last stable offset. Which groups read so no broker says, so that
// messages end there (librdkafka's consumer_lag), until a group commits past it and shows that it does not wait. What lies beyond
// is Open. Markers of transactions take an offset each, and what compaction took leaves gaps: only who reads the log can say that
// nothing else is there, see [Found].
//
// # How old it is
//
// A message was written between the last poll that found the end at or before it and the first that found it past it. In between
// the age is interpolated (kafka-lag-exporter's idea), and never extrapolated: that gave years (kafka-lag-exporter#496), or at most
// what the table holds (klag#30). Of a stretch without writes both ends are kept (kafka-lag-exporter#121), and old points are
// thinned by their age, so that no age is cut off. Bounds too far apart are not averaged: the age is unknown, and
// [Assessment.AtLeast] and AtMost are the bounds. RocketMQ's lastTimestamp is the time of the last consumed message, which makes it
// a bound of what is unread and no more: rocketmq-exporter takes it for the age, and a message that comes after a quiet night is a
// night old. Times are the collector's, as those of producers may be anything.
//
// # How the group gets on
//
// States are Burrow's, found in its order (linkedin/Burrow, core/internal/evaluator/caching.go): STOP, REWIND, OK, STALL, WARN, and
// only where lag is above what is allowed. It differs where Burrow is known to be wrong: a window that is not full makes no STALL
// and no WARN, a lag of 0 is kept where commits are merged, a second fall is seen, lag counts as of commits and not as it
// was found between two, what a pause froze is not judged, and a STOP
// wants a message that has waited for as long as ten commits take. Burrow reads commits in __consumer_offsets. A collector that
// reads offsets alone cannot tell a commit that repeats one from no commit: there an offset that stands still counts as committed
// again while a live member owns the partition, and as not committed where none does or nobody knows.
//
// # What is reported
//
// Rules merge the partitions of a topic, so that gauges are made of all of them: [Sum] them, and take [Group.PartitionGauges] and
// [Group.TopicGauges]. While one is unknown for a passing reason, others say what is bad of them and not what is good, since their
// zeros would resolve its alerts.
//
// # What happens to logs and clocks
//
// At the first poll messages, what is lost and OK where nothing is unread are known; ages as far as RocketMQ or a reader says; the
// rest comes with the window. A topic deleted and made again is another log: its id, a start that falls, or an end below the old
// start tells. An end that falls otherwise lost its newest messages (an unclean election): older points and commits stay. Steps of
// the collector's clock do nothing where times have a monotonic reading; otherwise a step back counts as no time, and a step
// forward as time.
//
// # What it takes
//
// A log takes 1.3 KiB at most, of which RingPoints times 16 bytes are its points, and a partition 0.5 KiB: 90 MB for 50,000
// partitions that no two groups share, however long it runs. BenchmarkRound has what a round of polls costs.
package lag
