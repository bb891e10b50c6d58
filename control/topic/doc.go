// Package topic reads weir.control: it is the one reader of everybody who does, the role control, the directory and the agent of services.
//
// In: a cluster. Out: records in their order, and word of a topic that was made anew, which is read from its start. It reads by position and
// not by records, so that a topic is read to its end whatever is there: the last record may be the end of a transaction, and compaction or an operator may
// have taken the newest records away. Faults are told to a log, and reading goes on. It has no goroutine of its own besides those of franz-go.
package topic
