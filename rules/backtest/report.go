package backtest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a backtest tells.
type Report struct {
	Head     *Timeline
	Base     *Timeline // nil where nothing is compared
	BaseName string    // as it was asked for
	Hours    Hours
	Notes    []string // what the history lacks
}

// Differs says whether alerts fired otherwise than under the base's rules.
func (r *Report) Differs() bool { return r.Base != nil && len(Diff(r.Base, r.Head).Changes) > 0 }

// Formats are the names that Write takes.
var Formats = []string{"text", "json", "markdown"}

// Write prints the report in one of Formats.
func (r *Report) Write(out io.Writer, format string) error {
	switch format {
	case "text":
		return r.writeText(out)
	case "json":
		return r.writeJSON(out)
	case "markdown":
		return r.writeMarkdown(out)
	}
	return fmt.Errorf("print a backtest: format %q is none of %s", format, strings.Join(Formats, ", "))
}

// table is rows of cells with a heading, which text and Markdown print each in its way.
type table struct {
	heading []string
	rows    [][]string // nothing is printed of no rows
}

func (r *Report) writeText(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.summary())
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "Note: %s\n", note)
	}
	for _, t := range r.tables() {
		if len(t.rows) == 0 {
			continue
		}
		b.WriteString("\n")
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, strings.Join(t.heading, "\t"))
		for _, row := range t.rows {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("print a backtest: %w", err)
		}
	}
	if quiet := r.quiet(); quiet != "" {
		fmt.Fprintf(&b, "\n%s\n", quiet)
	}
	var lines strings.Builder
	for line := range strings.Lines(b.String()) {
		lines.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return written(out, lines.String())
}

func written(out io.Writer, text string) error {
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("print a backtest: %w", err)
	}
	return nil
}

// writeMarkdown prints a comment for a pull request.
func (r *Report) writeMarkdown(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### Rules against history\n\n%s\n", r.summary())
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	for _, t := range r.tables() {
		if len(t.rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.Join(t.heading, " | "), strings.Repeat(" --- |", len(t.heading)))
		for _, row := range t.rows {
			cells := slices.Clone(row)
			for i := range cells {
				cells[i] = inTable.Replace(cells[i])
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	if quiet := r.quiet(); quiet != "" {
		fmt.Fprintf(&b, "\n%s\n", quiet)
	}
	return written(out, b.String())
}

// inTable escapes what ends a cell of a Markdown table, or is markup in it.
var inTable = strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`)

// summary is the report in a sentence or two.
func (r *Report) summary() string {
	span := fmt.Sprintf("%s to %s", r.Head.From.Format(time.RFC3339), r.Head.To.Format(time.RFC3339))
	if r.Base == nil {
		return fmt.Sprintf("%s: %s fired %s.", span, amount(len(r.Head.Rules), "rule"), amount(len(r.Head.fired()), "time"))
	}
	d := Diff(r.Base, r.Head)
	return fmt.Sprintf("%s, against %s: %d new, %d gone, %d longer, %d shorter, %d moved, %d the same.",
		span, r.BaseName, d.Count(New), d.Count(Gone), d.Count(Longer), d.Count(Shorter), d.Count(Moved), d.Same)
}

func amount(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// tables are the alerts or changes, and the noise of the rules that fired.
func (r *Report) tables() []table {
	if r.Base == nil {
		return []table{r.livesTable(), r.asksTable(), r.noiseTable()}
	}
	return []table{r.changesTable(), r.asksTable(), r.noiseDifference()}
}

func (r *Report) livesTable() table {
	t := table{heading: []string{"Alert", "Group", "Pending", "Fired", "Over", "Lasted"}}
	for i := range r.Head.Lives {
		l := &r.Head.Lives[i]
		t.rows = append(t.rows, []string{l.Rule, l.Group, clock(l.Began), clock(l.Fired), clock(l.Over), lasted(l)})
	}
	return t
}

// asksTable is what rules would have proposed to ask of clients. For how long it was in force is no matter of rules alone.
func (r *Report) asksTable() table {
	t := table{heading: []string{"Alert", "Fired", "Asks"}}
	for _, l := range r.Head.fired() {
		for _, asks := range l.Asks {
			t.rows = append(t.rows, []string{l.Rule, clock(l.Fired), asks})
		}
	}
	return t
}

// clock is a time as people read it in a table, - where there is none.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("01-02 15:04:05")
}

func lasted(l *Life) string {
	switch {
	case l == nil || l.Fired.IsZero():
		return "-"
	case l.Over.IsZero():
		return shortDuration(l.Firing()) + " so far"
	}
	return shortDuration(l.Firing())
}

// shortDuration is a duration in whole seconds without units that are 0.
func shortDuration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (r *Report) changesTable() table {
	t := table{heading: []string{"Change", "Alert", "Group", "Fired", "Lasted", "Fired before", "Lasted before"}}
	d := Diff(r.Base, r.Head)
	for i := range d.Changes {
		c := &d.Changes[i]
		row := []string{string(c.Kind), c.life().Rule, c.life().Group, "-", "-", "-", "-"}
		if c.Head != nil {
			row[3], row[4] = clock(c.Head.Fired), lasted(c.Head)
		}
		if c.Base != nil {
			row[5], row[6] = clock(c.Base.Fired), lasted(c.Base)
		}
		t.rows = append(t.rows, row)
	}
	return t
}
