package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// StoreFill says what of the store to fill in.
type StoreFill struct {
	From, To time.Time // event time
	Kafka    bool      // insert the cells of weir.cells again before
	DryRun   bool      // say what would be done
	UnderWay bool      // also steps that are not over yet
	JSON     bool
	Out      io.Writer // the report
	Progress io.Writer // how far it is
}

// FillReport is what was lacking.
type FillReport struct {
	From   time.Time           `json:"from"`
	To     time.Time           `json:"to"`
	DryRun bool                `json:"dry_run"`
	Cells  *FilledCells        `json:"cells,omitempty"`
	Tables []clickhouse.Filled `json:"tables"`
}

// FilledCells are what weir.cells held of the time.
type FilledCells struct {
	Records uint64 `json:"records"`
	Cells   uint64 `json:"cells"` // versions, those of other times in the same records among them
	// Reports is how many the store has now that it had not before, 0 in a dry run.
	Reports uint64 `json:"new_reports"`
	// Unreadable is how many records nobody can read; they are passed over.
	Unreadable uint64 `json:"unreadable_records,omitempty"`
	// Since is from when on weir.cells has all, where that is after the begin of the time.
	Since *time.Time `json:"complete_since,omitempty"`
}

// FillStore makes anew what the tables of longer steps lack. It changes nothing where nothing is lacking. A store that cannot be asked
// is an error at once.
func FillStore(ctx context.Context, config *Config, f StoreFill) error {
	if !f.To.After(f.From) {
		return fmt.Errorf("the time from %s to %s is empty: --from must be before --to", f.From.UTC().Format(time.RFC3339), f.To.UTC().Format(time.RFC3339))
	}
	report := &FillReport{From: f.From.UTC(), To: f.To.UTC(), DryRun: f.DryRun}
	err := askStore(ctx, storeOf(config), func(ctx context.Context, store *clickhouse.Store) (err error) {
		if f.Kafka {
			if report.Cells, err = f.insertCells(ctx, config, store); err != nil {
				return because(ctx, "insert cells again", err)
			}
		}
		report.Tables, err = store.FillIn(ctx, clickhouse.FillIn{From: f.From, To: f.To, DryRun: f.DryRun, UnderWay: f.UnderWay, Told: f.tell})
		if err != nil {
			return because(ctx, "fill in", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return report.write(f.Out, f.JSON)
}

func (f *StoreFill) tell(day time.Time, so []clickhouse.Filled) {
	fmt.Fprintf(f.Progress, "looked at %s:", day.Format(time.DateOnly))
	for _, table := range so {
		fmt.Fprintf(f.Progress, " %d of %d steps of %s lack something;", table.Lacking, table.Steps, table.Table)
	}
	fmt.Fprintln(f.Progress)
}

// cellInserter inserts records of weir.cells again.
type cellInserter struct {
	ctx       context.Context
	store     *clickhouse.Store
	fill      *StoreFill
	tolerance time.Duration // of the event time of reports from when they were written
	table     telemetry.CellTable
	details   int // items in the table that are not added up
	bytes     int // of the records' values that are in the table
	out       FilledCells
	progress  time.Time
}

// insertCells inserts those records that have anything of the time, as the stage clickhouse did.
func (f *StoreFill) insertCells(ctx context.Context, config *Config, store *clickhouse.Store) (*FilledCells, error) {
	client, err := stretchClient(config.Kafka, kgo.FetchMaxPartitionBytes(maxRecordBytes))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := reachKafka(ctx, config, client); err != nil {
		return nil, err
	}
	log := newCellLog(f.From, f.To, 0)
	of, err := log.find(ctx, kadm.NewClient(client), config.Telemetry.Tolerance)
	if err != nil {
		return nil, err
	}
	before, err := store.Reports(ctx, f.From, f.To)
	if err != nil {
		return nil, err
	}
	i := &cellInserter{ctx: ctx, store: store, fill: f, tolerance: config.Telemetry.Tolerance, progress: time.Now()}
	if log.since.After(f.From) {
		i.out.Since = &log.since
	}
	if err := readStretches(ctx, client, of, i.take); err != nil {
		return nil, err
	}
	if err := i.write(); err != nil {
		return nil, err
	}
	after, err := store.Reports(ctx, f.From, f.To)
	if err != nil {
		return nil, err
	}
	i.out.Reports = max(after, before) - before
	return &i.out, nil
}

// take takes a record that has anything of the time. One that a newer Weir wrote ends it; what nobody can read is counted, as the stage
// sets it aside.
func (i *cellInserter) take(record *kgo.Record) error {
	var one telemetry.CellTable
	if err := one.Add(record.Value); err != nil {
		err = fmt.Errorf("read %s partition %d offset %d: %w", record.Topic, record.Partition, record.Offset, err)
		if errors.Is(err, telemetry.ErrNewerSchema) {
			return err
		}
		if i.out.Unreadable++; i.out.Unreadable <= maxUnreadableNamed {
			fmt.Fprintf(i.fill.Progress, "passed over a record: %v\n", err)
		}
		if i.out.Unreadable == maxUnreadableNamed {
			fmt.Fprintln(i.fill.Progress, "others that cannot be read are counted from here on")
		}
		return nil
	}
	if !i.asks(&one) {
		return nil
	}
	i.out.Records++
	i.out.Cells += uint64(one.Len())
	if i.fill.DryRun {
		return nil
	}
	if err := i.table.Add(record.Value); err != nil {
		return err
	}
	i.details, i.bytes = i.details+one.Records[0].Items(), i.bytes+len(record.Value)
	if !mostStored.reached(i.table.Len()+i.details, len(i.table.Records), i.bytes) {
		return nil
	}
	return i.write()
}

// asks says whether a record has cells of the time, or a ledger or single messages of a segment whose reports may be of it: their event
// time is off by the tolerance at most.
func (i *cellInserter) asks(one *telemetry.CellTable) bool {
	for _, pane := range one.Panes {
		if at := time.Unix(int64(pane), 0); !at.Before(i.fill.From) && at.Before(i.fill.To) {
			return true
		}
	}
	of := &one.Records[0]
	begin := of.Segment.Begin()
	return (of.Ledger != nil || len(of.Details) > 0) && !begin.Before(i.fill.From.Add(-i.tolerance)) && begin.Before(i.fill.To.Add(i.tolerance))
}

func (i *cellInserter) write() error {
	if err := i.store.WriteCells(i.ctx, &i.table); err != nil {
		return err
	}
	if err := i.store.WriteDetails(i.ctx, i.table.Records); err != nil {
		return err
	}
	i.table.Reset()
	i.details, i.bytes = 0, 0
	if time.Since(i.progress) >= storeFillTold {
		i.progress = time.Now()
		fmt.Fprintf(i.fill.Progress, "inserted %d records with %d cells of %s\n", i.out.Records, i.out.Cells, telemetry.TopicCells)
	}
	return nil
}

// maxUnreadableNamed is how many records that nobody can read are named. Not fewer: a few tell which writer they are of; not more: all three
// days may be of it, and the report has their number.
const maxUnreadableNamed = 20

// storeFillTold is how often it is told how far cells are inserted. Not more often: a line for each insert; not less: people wonder.
const storeFillTold = 5 * time.Second

func (r *FillReport) write(out io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	done, inserted := "made again", "inserted again"
	if r.DryRun {
		done, inserted = "to be made again", "to be inserted again"
	}
	if c := r.Cells; c != nil {
		found := fmt.Sprintf(", %d reports new", c.Reports)
		if r.DryRun { // which of them the store has is not known
			found = ""
		}
		fmt.Fprintf(out, "%-10s  %d records with %d cells of %s %s%s\n", "rollup_10s", c.Records, c.Cells, telemetry.TopicCells, inserted, found)
		if c.Unreadable > 0 {
			fmt.Fprintf(out, "%-10s  %d records of %s cannot be read and were passed over\n", "", c.Unreadable, telemetry.TopicCells)
		}
		if c.Since != nil {
			fmt.Fprintf(out, "%-10s  %s is complete from %s on only\n", "", telemetry.TopicCells, c.Since.Format(time.RFC3339))
		}
	}
	for _, t := range r.Tables {
		fmt.Fprintf(out, "%-10s  %d of %d steps %s\n", t.Table, t.Lacking, t.Steps, done)
		if t.Kept > 0 {
			fmt.Fprintf(out, "%-10s  %d rows kept that hold more than what is left of their cells\n", "", t.Kept)
		}
	}
	return nil
}
