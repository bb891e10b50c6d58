package pipeline

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// controlStoreTick is how often it is looked whether the store lacks records of weir.control. Not smaller: it opens a connection where it does; not larger: history lags by it.
const controlStoreTick = 2 * time.Second

// controlKeeper keeps the store's history of weir.control. One goroutine uses it.
type controlKeeper struct {
	c      *controller
	anew   int    // the topic that is kept: how often it was made anew before
	source string // topic id and partition, "" where it is not known yet
	next   int64  // offset that is not stored yet, -1 where it is not known
	said   outage
}

func (c *controller) storeKeeper() *controlKeeper {
	return &controlKeeper{c: c, next: -1, said: outage{log: c.log, begun: "the history of commands waits for the store", over: "the history of commands is written again", anyNumber: true}}
}

// keep brings the store up to date. What fails is tried at the next tick.
func (k *controlKeeper) keep(ctx context.Context) {
	offset, anew := k.c.topic.tail.end()
	if k.anew != anew {
		k.anew, k.source, k.next = anew, "", -1
	}
	if k.next >= offset {
		return
	}
	err := askStore(ctx, storeOf(&k.c.p.config), func(ctx context.Context, store *clickhouse.Store) error {
		if err := k.write(ctx, store); err != nil {
			return because(ctx, "write the history of commands", err)
		}
		return nil
	})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		k.c.p.metrics.stage(RoleControl).failed("store")
	}
	k.said.note(err)
}

// write writes the records from the first that the store lacks.
func (k *controlKeeper) write(ctx context.Context, store *clickhouse.Store) error {
	if k.source == "" {
		admin := kadm.NewClient(k.c.topic.client)
		detail, err := topicDetail(ctx, admin, control.Topic)
		if err != nil {
			return err
		}
		k.source = telemetry.Source{TopicID: detail.ID, Partition: controlPartition}.String()
	}
	if k.next < 0 {
		next, err := store.ControlOffset(ctx, k.source)
		if err != nil {
			return err
		}
		k.next = next
	}
	entries, next, err := k.lacking(ctx)
	if err != nil {
		return err
	}
	rows := make([]clickhouse.ControlRecord, 0, len(entries))
	for i := range entries {
		rows = append(rows, controlRecordOf(&entries[i].record, &entries[i].change, k.source))
	}
	if err := store.WriteControl(ctx, rows); err != nil {
		return err
	}
	k.stored(next)
	return nil
}

// lacking are the records that the store lacks, and the offset behind them: what the role has read, and where that does not go back far enough, what the topic
// has. Of a topic that was just made anew they are none: it has another source.
func (k *controlKeeper) lacking(ctx context.Context) (entries []controlEntry, next int64, err error) {
	entries, whole := k.c.topic.tail.since(k.next, k.anew)
	if whole {
		return entries, behind(entries, k.next), nil
	}
	log, err := openControlLog(k.c.p.config.Kafka, nil)
	if err != nil {
		return nil, 0, err
	}
	defer log.close()
	log.seen = func(entry controlEntry) {
		if entry.record.Offset >= k.next {
			entries = append(entries, entry)
		}
	}
	if err := log.catchUp(ctx); err != nil {
		return nil, 0, err
	}
	return entries, behind(entries, k.next), nil
}

// behind is the offset behind entries, or the one before which there are none.
func behind(entries []controlEntry, next int64) int64 {
	if len(entries) > 0 {
		return entries[len(entries)-1].record.Offset + 1
	}
	return next
}

// stored notes that the store has all before an offset.
func (k *controlKeeper) stored(next int64) {
	k.next = next
	k.c.topic.tail.drop(next, k.anew)
}

// controlRecordOf is a record as the store has it.
func controlRecordOf(record *control.Record, change *control.Change, source string) clickhouse.ControlRecord {
	row := clickhouse.ControlRecord{At: record.AppendedAt, Source: source, Offset: record.Offset, Outcome: string(change.Outcome), Record: string(record.Value)}
	row.Kind, row.Name, _ = strings.Cut(string(record.Key), "/")
	if row.Kind != kindCommand && row.Kind != kindRoute {
		row.Kind, row.Name = "", string(record.Key)
	}
	if change.Err != nil {
		row.Refused = change.Err.Error()
	}
	if c := &change.Command; c.Revision > 0 {
		row.Revision, row.Action, row.Scope, row.Author, row.Reason = c.Revision, c.Action(), scopeLabels(c), c.Author, c.Reason
		row.CreatedAt, row.ExpiresAt, row.Shadow, row.Percent, row.MadeBy = c.CreatedAt, c.ExpiresAt, c.Shadow, c.Percent, string(c.Source)
		if c.Ended != nil {
			row.EndedBy, row.EndedReason = c.Ended.Author, c.Ended.Reason
		}
	}
	if r := &change.Route; r.Revision > 0 {
		row.Revision, row.Author, row.MadeBy = r.Revision, r.Author, string(r.Source)
		row.Scope = map[string]string{"env": r.Env, "lane": r.Lane, "system": r.System, "cluster": r.Cluster, "topic": r.Topic}
	}
	return row
}

// scopeLabels are the labels that a scope has.
func scopeLabels(c *control.Command) map[string]string {
	s, out := &c.Scope, map[string]string{}
	for name, value := range map[string]string{"env": s.Env, "cluster": s.Cluster, "system": s.System, "topic": s.Topic, "group": s.Group, "resource": s.Resource,
		"client": s.Client, "lane": s.Lane, "tier": s.Tier} {
		if value != "" {
			out[name] = value
		}
	}
	if len(s.Partitions) > 0 {
		var numbers []string
		for _, partition := range s.Partitions {
			numbers = append(numbers, strconv.Itoa(int(partition)))
		}
		out["partitions"] = strings.Join(numbers, ",")
	}
	if c.Everywhere {
		out["everywhere"] = "true"
	}
	return out
}
