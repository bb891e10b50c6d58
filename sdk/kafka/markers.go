package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// takeMarkers takes the ends of transactions out of what was polled, which handlers are not given. It returns those that are the last
// record of their partition: without them a group that has handled all of a topic would never have committed its end.
func takeMarkers(fetches kgo.Fetches) []marker {
	var out []marker
	for f := range fetches {
		for t := range fetches[f].Topics {
			partitions := fetches[f].Topics[t].Partitions
			for i := range partitions {
				p := &partitions[i]
				if len(p.Records) == 0 {
					continue
				}
				last := p.Records[len(p.Records)-1]
				p.Records = withoutMarkers(p.Records)
				if !last.Attrs.IsControl() {
					continue
				}
				m := marker{record: last}
				if len(p.Records) > 0 {
					m.before = p.Records[len(p.Records)-1]
				}
				out = append(out, m)
			}
		}
	}
	return out
}

// withoutMarkers are records without the ends of transactions, in memory of their own where there are such.
func withoutMarkers(records []*kgo.Record) []*kgo.Record {
	for i, r := range records {
		if !r.Attrs.IsControl() {
			continue
		}
		out := append([]*kgo.Record(nil), records[:i]...)
		for _, r := range records[i:] {
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
		}
		return out
	}
	return records
}

// marker is the end of a transaction behind all else of its partition that was polled.
type marker struct {
	record *kgo.Record
	before *kgo.Record // the message before it; nil where none was polled with it
}

// passMarkers marks the ends of transactions that were polled in a turn, behind messages that are done with. Partitions that
// were lost since are another member's.
func (r *receiver) passMarkers(client *kgo.Client, turn uint64, markers []marker) {
	if len(markers) > 0 {
		r.pass(client, turn, r.waitMarkers(markers))
	}
}

func (r *receiver) pass(client *kgo.Client, turn uint64, markers []marker) {
	r.attempting.RLock() // a rebalance commits what is marked when it is let go on
	defer r.attempting.RUnlock()
	var pass []*kgo.Record
	for _, m := range markers {
		if r.owns(m.record.Partition, turn) && (m.before == nil || isMarked(client, m.before)) {
			pass = append(pass, m.record)
		}
	}
	client.MarkCommitRecords(pass...)
}

// owns says that a partition was not lost since a turn.
func (r *receiver) owns(partition int32, turn uint64) bool {
	r.lostMu.Lock()
	defer r.lostMu.Unlock()
	lost, ok := r.lost[partition]
	return !ok || lost < turn
}

// isMarked says that a record is marked or committed.
func isMarked(client *kgo.Client, record *kgo.Record) bool {
	for _, of := range []map[string]map[int32]kgo.EpochOffset{client.MarkedOffsets(), client.CommittedOffsets()} { // in the order in which they are
		if at, ok := of[record.Topic][record.Partition]; ok && at.Offset > record.Offset {
			return true
		}
	}
	return false
}
