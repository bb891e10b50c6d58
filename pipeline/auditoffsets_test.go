package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// auditedLog is a weir.telemetry of two partitions, and the ledger as it should be of it.
type auditedLog struct {
	t      *testing.T
	begin  time.Time // brokers stamp control records with the time of the day, which must not be before others
	config Config
	admin  *kadm.Client
	client *kgo.Client
	ledger []clickhouse.LedgerSegment
}

// newAuditedLog has records on so many minutes of partition 0, by minute, and some on partition 1.
func newAuditedLog(t *testing.T) *auditedLog {
	config := brokerConfig(t)
	l := &auditedLog{t: t, begin: time.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute), config: config, admin: openAdmin(t, &config)}
	makeTopic(t, l.admin, telemetry.TopicTelemetry, 2)
	var err error
	if l.client, err = kgo.NewClient(kgo.SeedBrokers(config.Kafka.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.Close)
	for minute, records := range []int64{3, 2, 0, 4} {
		l.append(0, minute, records)
	}
	l.append(1, 2, 5)
	return l
}

// append writes records of a minute, and what the ledger says of them.
func (l *auditedLog) append(partition int32, minute int, records int64) {
	l.t.Helper()
	at := l.begin.Add(time.Duration(minute) * time.Minute)
	segment := clickhouse.LedgerSegment{Segment: telemetry.Segment{MinuteUnix: at.Unix() / 60}, Reports: uint64(records), FirstOffset: -1, Closed: true}
	for i := range records {
		r := &kgo.Record{Topic: telemetry.TopicTelemetry, Partition: partition, Timestamp: at.Add(time.Duration(i) * time.Second), Value: []byte("report")}
		if err := l.client.ProduceSync(l.t.Context(), r).FirstErr(); err != nil {
			l.t.Fatal(err)
		}
		if segment.FirstOffset < 0 {
			segment.FirstOffset = r.Offset
		}
		segment.EndOffset = r.Offset + 1
	}
	if records == 0 {
		return
	}
	detail, err := topicDetail(l.t.Context(), l.admin, telemetry.TopicTelemetry)
	if err != nil {
		l.t.Fatal(err)
	}
	segment.Source = telemetry.Source{TopicID: detail.ID, Partition: partition}
	l.ledger = append(l.ledger, segment)
}

// audit says in text what an audit of a ledger finds.
func (l *auditedLog) audit(ledger []clickhouse.LedgerSegment) string {
	l.t.Helper()
	offsets, err := openOffsetAudit(l.t.Context(), l.config.Kafka, l.client, time.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	held, err := offsets.hold(l.t.Context(), ledger, clickhouse.AuditRange{From: l.begin, To: l.begin.Add(time.Hour), MaxParts: clickhouse.MaxShortParts})
	if err != nil {
		l.t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d of %d", held.Stored, held.Expected)
	for _, part := range held.Parts {
		_, partition, _ := strings.Cut(part.Source, "/")
		fmt.Fprintf(&out, "; partition %s minute %d: %d of %d", partition, part.Begin.Sub(l.begin)/time.Minute, part.Stored, part.Expected)
	}
	for _, segment := range held.moved {
		fmt.Fprintf(&out, "; partition %d minute %d moved", segment.Source.Partition, segment.Segment.Begin().Sub(l.begin)/time.Minute)
	}
	if held.gone > 0 {
		fmt.Fprintf(&out, "; %d gone", held.gone)
	}
	if held.behind > 0 {
		fmt.Fprintf(&out, "; %d behind", held.behind)
	}
	if held.deleted {
		out.WriteString("; some deleted")
	}
	return out.String()
}

// TestLedgerBesideOffsets holds ledgers with one fault each against what a broker has.
func TestLedgerBesideOffsets(t *testing.T) {
	t.Parallel()
	log := newAuditedLog(t)
	for _, test := range []struct {
		name  string
		fault func([]clickhouse.LedgerSegment) []clickhouse.LedgerSegment
		want  string
	}{
		{"none", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment { return l }, "14 of 14"},
		{"refused records count", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment {
			l[0].Reports, l[0].Refused = 1, 2
			return l
		}, "14 of 14"},
		{"one in the middle is missing", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment { return slices.Delete(l, 1, 2) },
			"12 of 14; partition 0 minute 1: 0 of 2"},
		{"the first is missing", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment { return l[1:] }, "11 of 14; partition 0 minute 0: 0 of 3"},
		{"the last is missing", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment { return slices.Delete(l, 2, 3) },
			"10 of 14; partition 0 minute 3: 0 of 4"},
		{"all of a source is missing", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment { return l[:3] }, "9 of 14; partition 1 minute 2: 0 of 5"},
		{"all is missing", func([]clickhouse.LedgerSegment) []clickhouse.LedgerSegment { return nil },
			"0 of 14; partition 0 minute 0: 0 of 3; partition 0 minute 1: 0 of 2; partition 0 minute 3: 0 of 4; partition 1 minute 2: 0 of 5"},
		{"a segment lacks a report", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment {
			l[2].Reports--
			return l
		}, "13 of 14; partition 0 minute 3: 3 of 4"},
		{"a segment has one too many", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment {
			l[2].Reports++
			return l
		}, "15 of 14; partition 0 minute 3: 5 of 4"},
		{"a record is in the segment of another minute", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment {
			l[0].Reports, l[0].EndOffset = l[0].Reports+1, l[0].EndOffset+1
			l[1].Reports, l[1].FirstOffset = l[1].Reports-1, l[1].FirstOffset+1
			return l
		}, "14 of 14; partition 0 minute 1 moved"},
		{"of a topic that is gone", func(l []clickhouse.LedgerSegment) []clickhouse.LedgerSegment {
			gone := l[0]
			gone.Source.TopicID[0]++
			return append(l, gone)
		}, "14 of 14; 1 gone"},
	} {
		if got := log.audit(test.fault(slices.Clone(log.ledger))); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	t.Run("a source is yet to be aggregated", func(t *testing.T) {
		var committed kadm.Offsets
		committed.AddOffset(telemetry.TopicTelemetry, 0, 9, -1)
		committed.AddOffset(telemetry.TopicTelemetry, 1, 0, -1)
		if err := log.admin.CommitAllOffsets(t.Context(), groupAggregate, committed); err != nil {
			t.Fatal(err)
		}
		if got, want := log.audit(log.ledger[:3]), "9 of 9; 5 behind"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := log.audit(slices.Delete(slices.Clone(log.ledger), 2, 3)), "10 of 14; partition 0 minute 3: 0 of 4"; got != want {
			t.Errorf("of one that is aggregated, and not in the ledger: got %q, want %q", got, want)
		}
	})
	t.Run("the broker deleted some", func(t *testing.T) {
		var before kadm.Offsets
		before.Add(kadm.Offset{Topic: telemetry.TopicTelemetry, Partition: 0, At: 4})
		if _, err := log.admin.DeleteRecords(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		if got, want := log.audit(log.ledger), "10 of 10; some deleted"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestAsManySegmentsAreNamedAsAsked, and the others are counted.
func TestAsManySegmentsAreNamedAsAsked(t *testing.T) {
	t.Parallel()
	log := newAuditedLog(t)
	offsets, err := openOffsetAudit(t.Context(), log.config.Kafka, log.client, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int]int{0: 0, 1: 1, 3: 3, clickhouse.MaxAllParts: 4} {
		held, err := offsets.hold(t.Context(), nil, clickhouse.AuditRange{From: log.begin, To: log.begin.Add(time.Hour), MaxParts: most})
		if err != nil || len(held.Parts) != want || held.Differ != 4 || held.Short != 14 {
			t.Errorf("at most %d: got %d of %d parts with %d records, %v; want %d of 4 with 14", most, len(held.Parts), held.Differ, held.Short, err, want)
		}
	}
}

// TestControlRecordsAreNoReports: a transaction has a record that nobody is given, and that the ledger need not have.
func TestControlRecordsAreNoReports(t *testing.T) {
	t.Parallel()
	log := newAuditedLog(t)
	writer, err := kgo.NewClient(kgo.SeedBrokers(log.config.Kafka.Brokers...), kgo.TransactionalID("telemetry"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	committed := log.client
	log.client = writer
	for minute := range 2 {
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		log.append(1, 4+minute, 2)
		if err := writer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	log.client = committed
	if got, want := log.audit(log.ledger), "18 of 18"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// Which minute the last two are of is not known to the broker here: its control records bear the time of the day.
	if got := log.audit(log.ledger[:5]); !strings.HasPrefix(got, "16 of 18; partition 1 minute ") || !strings.HasSuffix(got, ": 0 of 2") {
		t.Errorf("without the last segment: got %q", got)
	}
}
