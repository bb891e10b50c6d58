package docs_test

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the answers on docs/sql.md")

// fleetPage is the page whose queries are of the fleet, and are followed by their answers.
const fleetPage = "docs/sql.md"

// pretty are the parameters of an answer that people read.
var pretty = url.Values{"default_format": {"PrettyCompactMonoBlock"}, "output_format_pretty_color": {"0"}, "output_format_pretty_row_numbers": {"0"},
	"output_format_pretty_single_large_number_tip_threshold": {"0"}, "output_format_pretty_display_footer_column_names": {"0"}}

// compare asks a query of the page, and compares the answer with the one that is shown below it. An answer has a row.
func (f *fleet) compare(t *testing.T, b *block) {
	t.Helper()
	shown := b.next()
	if !b.is("query") || shown == nil || !shown.is("output") {
		b.errorf(t, "want a query with a name, and its answer as output below it")
		return
	}
	if strings.Contains(b.text, "FINAL") || strings.Contains(b.text, "rollup") {
		b.errorf(t, "a view hides FINAL and the tables")
	}
	got, err := f.engine.ask(b.text, pretty)
	if err != nil {
		b.errorf(t, "%v", err)
		return
	}
	if got = f.anchored(strings.TrimRight(got, "\n")); strings.Count(got, "\n") < 2 {
		b.errorf(t, "query %s answers nothing", b.mark[1])
	}
	if *update {
		f.shown[shown.line] = got
		return
	}
	if diff := cmp.Diff(strings.TrimRight(shown.text, "\n"), got); diff != "" {
		b.errorf(t, "query %s answers something else; go test ./docs -run TestSQL -update writes it (-shown +got):\n%s", b.mark[1], diff)
	}
}

// next is the block that follows on the page.
func (b *block) next() *block {
	for i := range b.page.blocks {
		if b.page.blocks[i].line > b.line {
			return &b.page.blocks[i]
		}
	}
	return nil
}

var (
	aTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)
	aDay  = regexp.MustCompile(`\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?`)
	// anchor is the fleet's minute as the page has it.
	anchor = time.Date(2026, time.November, 26, 14, 5, 0, 0, time.UTC)
)

// anchored moves times as if the fleet's minute were the anchor, and days by as many days.
func (f *fleet) anchored(answer string) string {
	days := anchor.Truncate(24 * time.Hour).Sub(f.minute.Truncate(24 * time.Hour))
	return aDay.ReplaceAllStringFunc(answer, func(text string) string {
		layout, by := time.DateOnly, days
		if aTime.MatchString(text) {
			layout, by = time.DateTime, anchor.Sub(f.minute)
		}
		at, err := time.Parse(layout, text)
		if err != nil {
			return text
		}
		return at.Add(by).Format(layout)
	})
}

// rewritten writes the answers into the page.
func (f *fleet) rewritten(t *testing.T) {
	t.Helper()
	if !*update {
		return
	}
	p := readPage(t, fleetPage)
	lines := strings.Split(p.text, "\n")
	for _, b := range slices.Backward(p.blocks) {
		if answer, ok := f.shown[b.line]; ok {
			end := b.line + slices.Index(lines[b.line:], "```")
			lines = slices.Replace(lines, b.line, end, strings.Split(answer, "\n")...)
		}
	}
	if err := os.WriteFile(filepath.Join(root, fleetPage), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unitOf is what the page must say of a column that ends so; the longest ending counts.
var unitOf = []struct{ ending, unit string }{
	{"_per_second", "1/s"}, {"_seconds", "s"}, {"_ms", "ms"}, {"_us", "µs"}, {"bytes", "bytes"}, {"_ratio", "share 0-1"}, {"completeness", "share 0-1"},
	{"_messages", "messages"}, {"messages", "messages"}, {"errors", "messages"}, {"count", "messages"}, {"reports", "reports"}, {"clients", "clients"}, {"_partitions", "partitions"},
	{"_at", "UTC"}, {"window_start", "UTC"}, {"window_end", "UTC"},
}

// viewsOfStore are the views that docs/store.md has.
var viewsOfStore = []string{"control_history", "client_events", "inspections", "resources", "traces"}

// checkViews holds that the page has every view of the store, with each of its columns and no other, and their units.
func (f *fleet) checkViews(t *testing.T) {
	t.Helper()
	views, err := f.engine.query("SELECT name, empty(parameterized_view_parameters) FROM system.tables WHERE database = currentDatabase() AND engine = 'View' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	p := readPage(t, fleetPage)
	for line := range strings.SplitSeq(strings.TrimSpace(views), "\n") {
		view, plain, _ := strings.Cut(line, "\t")
		if slices.Contains(viewsOfStore, view) {
			continue
		}
		asked := view
		if plain == "0" {
			asked += "(from = now(), to = now(), step_seconds = 60)"
		}
		columns, err := f.engine.query("DESCRIBE (SELECT * FROM " + asked + ")")
		if err != nil {
			t.Fatal(err)
		}
		f.checkColumns(t, p, view, columns)
	}
}

func (f *fleet) checkColumns(t *testing.T, p *page, view, columns string) {
	t.Helper()
	described := p.columnsOf(view)
	if len(described) == 0 {
		described = p.columnsOf(strings.TrimSuffix(view, "_10s")) // the same by pane
	}
	for line := range strings.SplitSeq(strings.TrimSpace(columns), "\n") {
		column, _, _ := strings.Cut(line, "\t")
		unit, ok := described[column]
		if !ok {
			t.Errorf("%s does not describe the column %s of the view %s", p.path, column, view)
		}
		delete(described, column)
		for _, of := range unitOf {
			if strings.HasSuffix(column, of.ending) {
				if unit != of.unit {
					t.Errorf("%s says of %s of the view %s the unit %q, want %q", p.path, column, view, unit, of.unit)
				}
				break
			}
		}
	}
	for column := range described {
		t.Errorf("%s describes %s, which the view %s does not have", p.path, column, view)
	}
}

var inTicks = regexp.MustCompile("`([^`]+)`")

// columnsOf are the columns that a section of the page describes, with their units.
func (p *page) columnsOf(view string) map[string]string {
	out := map[string]string{}
	_, section, _ := strings.Cut(p.text, "\n### "+view+"\n")
	section, _, _ = strings.Cut(section, "\n### ")
	for line := range strings.SplitSeq(section, "\n") {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `") || len(cells) < 4 {
			continue
		}
		for _, match := range inTicks.FindAllStringSubmatch(cells[1], -1) {
			out[match[1]] = strings.TrimSpace(cells[2])
		}
	}
	return out
}
