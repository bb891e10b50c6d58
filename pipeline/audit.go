package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// Audit asks whether the store holds all that Kafka holds, or held.
type Audit struct {
	From, To time.Time // days, in UTC, both of them with
	Now      time.Time
	Settles  time.Duration // what came, or was written, later than so long ago is not asked about
	All      bool          // name up to clickhouse.MaxAllParts parts of each table and day that differ, and not the first hundred; so does JSON
	JSON     bool
	Out      io.Writer // the lines
	Progress io.Writer // how far it is
}

// DefaultAuditSettles is how old what is audited is. Not less: a pane closes late by the lateness, storage writes once a second, and
// rollups some time after; not more: what is missing is told later by it.
const DefaultAuditSettles = 2 * time.Minute

// RunAudit prints a line for each table and day. It says whether one of them is short, holds too much, or is yet to be stored. Kafka, or a
// store, that cannot be asked is an error.
func RunAudit(ctx context.Context, config *Config, a Audit) (differs bool, err error) {
	options, err := clientOptions(config.Kafka)
	if err != nil {
		return false, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return false, fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	if err := reachKafka(ctx, config, client); err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	var lines []auditLine
	err = askStore(ctx, storeOf(config), func(ctx context.Context, store *clickhouse.Store) error {
		offsets, err := openOffsetAudit(ctx, config.Kafka, client, a.Now.Add(-a.Settles))
		if err != nil {
			return because(ctx, "audit", err)
		}
		of := auditor{store: store, offsets: offsets, tolerance: config.Telemetry.Tolerance}
		of.most = clickhouse.MaxShortParts
		if a.All || a.JSON {
			of.most = clickhouse.MaxAllParts
		}
		for day := a.From; !day.After(a.To); day = day.Add(rules.Day) {
			span := auditSpan(day, day.Add(rules.Day), a.Now.Add(-a.Settles))
			if !span.From.Before(span.To) {
				return fmt.Errorf("audit %s: nothing of the day is older than %s: ask later, or lower --settles", day.Format(time.DateOnly), a.Settles)
			}
			fmt.Fprintf(a.Progress, "audit %s\n", day.Format(time.DateOnly))
			ofDay, err := of.audit(ctx, span)
			if err != nil {
				return because(ctx, "audit "+day.Format(time.DateOnly), err)
			}
			lines = append(lines, ofDay...)
		}
		return nil
	})
	for i := range lines {
		differs = differs || lines[i].differs() || lines[i].State == auditBehind
	}
	write := writeAudit
	if a.JSON {
		write = writeAuditJSON
	}
	if len(lines) > 0 {
		err = errors.Join(err, write(a.Out, lines)) // also of the days before one that could not be audited
	}
	return differs, err
}

// auditSpan cuts a time to whole minutes that ended before a moment.
func auditSpan(from, to, settled time.Time) clickhouse.AuditRange {
	if whole := settled.UTC().Truncate(telemetry.SegmentLength); whole.Before(to) {
		to = whole
	}
	return clickhouse.AuditRange{From: from, To: to, Settled: settled}
}

// auditor audits a store.
type auditor struct {
	store     *clickhouse.Store
	offsets   *offsetAudit
	tolerance time.Duration
	most      int // parts of a table that are named
}

// audit returns a line for the ledger, which is held against Kafka, for the cells, which are held against the ledger, and for each
// rollup. Of what cells that have expired were made into nothing is known.
func (a *auditor) audit(ctx context.Context, span clickhouse.AuditRange) ([]auditLine, error) {
	span.MaxParts = a.most
	ledger, err := a.ledger(ctx, span)
	if err != nil {
		return nil, err
	}
	lines := []auditLine{ledger}
	first, _, err := a.store.Held(ctx)
	if err != nil {
		return nil, err
	}
	expired := !first.IsZero() && !span.To.After(first.Truncate(rules.Day))
	for _, of := range auditedTables() {
		line := auditLine{Day: ledger.Day, From: span.From, To: span.To, Table: of.Table, Against: of.Of, State: auditUnknown, Notes: []string{cellsExpired}}
		if !expired {
			held, err := a.table(ctx, span, of)
			if err != nil {
				return nil, err
			}
			line = newAuditLine(ledger.Day, &held, of.Of)
			switch {
			case !held.Expired.IsZero():
				line.Notes = append(line.Notes, fmt.Sprintf(tiersExpired, held.Expired.Format(time.RFC3339)))
			case line.State == auditUnknown:
				line.Notes = append(line.Notes, nothingYet)
			}
		}
		lines = append(lines, line)
	}
	return lines, nil
}

const cellsExpired = "the store has no cells of that time any more, or had none"

// nothingYet says why nothing is held of a time that is not over for long.
const nothingYet = "there is nothing to hold yet: the table begins later, or what it has is younger than what settles, see --settles, or not made yet"

// tiersExpired says from when on rows of all tiers are kept.
const tiersExpired = "held from %s on: rows of what is before have expired, or will within the hour, by the lifetimes of their tables or tiers"

// auditedTables are the cells and all rollups.
func auditedTables() []clickhouse.Rollup {
	return append([]clickhouse.Rollup{{Table: "rollup_10s", Of: auditedLedger}}, clickhouse.Rollups...)
}

const auditedLedger = "ledger"

func (a *auditor) table(ctx context.Context, span clickhouse.AuditRange, of clickhouse.Rollup) (clickhouse.AuditedTable, error) {
	if of.Of == auditedLedger {
		return a.store.AuditCells(ctx, span, a.tolerance)
	}
	return a.store.AuditRollup(ctx, span, of)
}

// ledger holds the ledger against Kafka.
func (a *auditor) ledger(ctx context.Context, span clickhouse.AuditRange) (auditLine, error) {
	segments, err := a.store.ReadLedger(ctx, span.From, span.To)
	if err != nil {
		return auditLine{}, err
	}
	held, err := a.offsets.hold(ctx, segments, span)
	if err != nil {
		return auditLine{}, err
	}
	line := newAuditLine(span.From.Format(time.DateOnly), &held.AuditedTable, telemetry.TopicTelemetry)
	switch {
	case line.State == auditComplete && held.behind > 0:
		line.State = auditBehind
	case line.State == auditComplete && held.deleted && held.Expected == 0:
		line.State = auditUnknown
	}
	if held.behind > 0 {
		line.Notes = append(line.Notes, fmt.Sprintf("%d records are not stored yet: see the lag of the stages", held.behind))
	}
	if line.State == auditComplete && held.Expected == 0 {
		line.Notes = append(line.Notes, "Kafka has no records of that time")
	}
	for _, segment := range held.moved {
		line.Notes = append(line.Notes, fmt.Sprintf("the segment of %s at %s begins at offset %d, which is not where Kafka has the minute",
			segment.Source, segment.Segment.Begin().Format(time.TimeOnly), segment.FirstOffset))
	}
	if held.gone > 0 {
		line.Notes = append(line.Notes, fmt.Sprintf("%d segments are of a topic that is gone", held.gone))
	}
	if held.deleted {
		line.Notes = append(line.Notes, "Kafka does not hold it from its begin on any more: of what it has deleted the ledger alone knows")
	}
	return line, nil
}
