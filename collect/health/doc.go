// Package health says how one cluster is: a tree of the cluster, its nodes, its topics and its consumer groups, each with a score that
// is made of named parts. In flow the reports of polls, in the order of their time; out flows a [Tree]. It does no I/O and asks no
// clock. It reads nothing but labels and gauges of reports, so that clusters of Kafka and RocketMQ are judged alike.
//
// A [Part] is a value beside its limit, and takes points where it is beyond. A score is what is left of 100, and never stands alone: the
// parts say what took the points, and how many of them are known. What is not known takes none, and is not fine either: it shows as
// unknown, with the reason. Limits are those of the shipped rules, so that what is bad here is what wakes people; unlike a rule,
// health asks how things are now, and not for how long.
//
// The score of a node, a topic or a group is 100 less the points of its parts. From a cluster's own 100 its parts take theirs, the worst
// node all that it has lost, the worst topic and the worst group half of it: an average would hide one dead node among fifty, and a
// group that nobody misses is not the cluster.
//
// What is kept is the newest poll, by node, topic and group, and five minutes of rates: at most [MaxThings] of each kind.
package health
