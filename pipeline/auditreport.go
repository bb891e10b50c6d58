package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// What an audit says of a table and a day.
const (
	auditComplete = "complete"
	auditShort    = "short"   // a part of it has fewer than it should
	auditOver     = "over"    // some part has more, and none has fewer
	auditUnknown  = "unknown" // what it is held against is not there any more, or it is not made yet
	auditBehind   = "behind"  // the rest is yet to be stored
)

// auditLine says of a table and a day whether all is there.
type auditLine struct {
	Day      string      `json:"day"`
	From     time.Time   `json:"from"`
	To       time.Time   `json:"to"`
	Table    string      `json:"table"`
	Against  string      `json:"against"`  // what it is held against
	Expected uint64      `json:"expected"` // reports; of the ledger, records
	Stored   uint64      `json:"stored"`
	Short    uint64      `json:"short"`   // that parts lack
	Surplus  uint64      `json:"surplus"` // that parts have too many
	State    string      `json:"state"`
	Differ   uint64      `json:"differ"`          // parts that do
	Parts    []auditPart `json:"parts,omitempty"` // the first of them
	Notes    []string    `json:"notes,omitempty"`
}

// auditPart is a segment, or a step of a rollup, that does not hold what it should.
type auditPart struct {
	Source   string    `json:"source,omitempty"`
	Block    *uint64   `json:"segment_block,omitempty"`
	Begin    time.Time `json:"begin"`
	Expected uint64    `json:"expected"`
	Stored   uint64    `json:"stored"`
}

func newAuditLine(day string, of *clickhouse.AuditedTable, against string) auditLine {
	line := auditLine{Day: day, From: of.From, To: of.To, Table: of.Table, Against: against, Expected: of.Expected, Stored: of.Stored,
		Short: of.Short, Surplus: of.Surplus, State: auditComplete, Differ: of.Differ}
	switch {
	case of.Short > 0:
		line.State = auditShort
	case of.Surplus > 0:
		line.State = auditOver
	case !of.From.Before(of.To):
		line.State = auditUnknown
	}
	for _, part := range of.Parts {
		p := auditPart{Begin: part.Begin, Expected: part.Expected, Stored: part.Stored}
		if part.Source != "" {
			p.Source, p.Block = part.Source, &part.Block
		}
		line.Parts = append(line.Parts, p)
	}
	return line
}

// differs says whether something is missing, or there that must not be.
func (l *auditLine) differs() bool { return l.State == auditShort || l.State == auditOver }

// fault says in a line what differs.
func (l *auditLine) fault() string {
	return fmt.Sprintf("%s is %d short and %d over in %d parts, held against %s from %s to %s", l.Table, l.Short, l.Surplus, l.Differ, l.Against,
		l.From.Format(time.TimeOnly), l.To.Format(time.TimeOnly))
}

func writeAuditJSON(out io.Writer, lines []auditLine) error {
	encoder := json.NewEncoder(out)
	for i := range lines {
		if err := encoder.Encode(&lines[i]); err != nil {
			return fmt.Errorf("write the audit: %w", err)
		}
	}
	return nil
}

func writeAudit(out io.Writer, lines []auditLine) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "day\tuntil\ttable\theld against\texpected\tstored\tstate")
	for _, l := range lines {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", l.Day, l.To.Format("15:04"), l.Table, l.Against, l.Expected, l.Stored, l.State)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	for i := range lines {
		lines[i].explain(out)
	}
	return nil
}

// explain names what differs, a line each.
func (l *auditLine) explain(out io.Writer) {
	if l.differs() {
		fmt.Fprintf(out, "\n%s of %s differs in %d parts:\n", l.Table, l.Day, l.Differ)
	}
	for _, part := range l.Parts {
		of := part.Begin.Format("15:04")
		if part.Block != nil {
			of = fmt.Sprintf("source %s, minute %s, block %d", telemetry.Printable(part.Source), of, *part.Block)
		}
		fmt.Fprintf(out, "  %s: %d of %d\n", of, part.Stored, part.Expected)
	}
	if more := l.Differ - uint64(len(l.Parts)); more > 0 {
		fmt.Fprintf(out, "  and %d more: --all names up to %d\n", more, clickhouse.MaxAllParts)
	}
	for _, note := range l.Notes {
		fmt.Fprintf(out, "note on %s of %s: %s\n", l.Table, l.Day, note)
	}
}
