package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/rules"
)

// Checked is what a look at one folder found.
type Checked struct {
	Dir      string
	Rules    int // 0 where some are refused
	Problems []Problem
	Since    string        // the revision whose rules' problems are left out, "" where none are
	Changed  int           // rules since then
	Table    []*rules.Rule // the rules that are shown, none unless they are asked for
	Against  *Against      // nil where no store was asked
	Error    string        // why the folder has no rules to check, "" where it has
}

// Against is what a store says of a folder's rules.
type Against struct {
	Seen  *Seen
	Pane  time.Duration
	Rules []*rules.Rule
}

// count is how many problems have a severity.
func (c *Checked) count(severity Severity) (n int) {
	for _, p := range c.Problems {
		if p.Severity == severity {
			n++
		}
	}
	return n
}

// Faulty says that something is wrong with the folder: a fault, or with strict a warning.
func (c *Checked) Faulty(strict bool) bool {
	return c.count(Error) > 0 || strict && c.count(Warning) > 0
}

// Formats are the ways to print what was found.
var Formats = []string{"text", "json", "sarif", "checkstyle", "github"}

// Printer prints what was found. Paths are printed as they are.
type Printer struct {
	Format  string    // one of Formats
	Version string    // of the program, for SARIF
	Out     io.Writer // all formats
	Err     io.Writer // problems as text
}

// Print prints all folders' problems, in one document where the format is one.
func (p *Printer) Print(all []Checked) error {
	switch p.Format {
	case "json":
		return p.json(all)
	case "sarif":
		return p.sarif(all)
	case "checkstyle":
		return p.checkstyle(all)
	case "github":
		return p.github(all)
	}
	return p.text(all)
}

func (p *Printer) text(all []Checked) error {
	for _, c := range all {
		for _, problem := range c.Problems {
			if _, err := fmt.Fprintln(p.Err, problem); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		if err := p.table(&c); err != nil {
			return err
		}
		if c.Error != "" || c.count(Error) > 0 {
			continue
		}
		warnings := ""
		switch n := c.count(Warning); n {
		case 0:
		case 1:
			warnings = ", 1 warning"
		default:
			warnings = fmt.Sprintf(", %d warnings", n)
		}
		changed := ""
		if c.Since != "" {
			changed = fmt.Sprintf(", %d changed since %s", c.Changed, c.Since)
		}
		if _, err := fmt.Fprintf(p.Out, "%s: %d rules%s, no faults%s\n", c.Dir, c.Rules, changed, warnings); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// table shows what each rule looks at, and what the store says of it.
func (p *Printer) table(c *Checked) error {
	if len(c.Table) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	heads := []string{"RULE", "GROUPS BY", "LOOKS BACK", "READS", "FIRES EARLY"}
	if c.Against != nil {
		heads = slices.Insert(heads, 2, "GROUPS", "WRITES A DAY")
	}
	fmt.Fprintln(table, strings.Join(heads, "\t"))
	for _, rule := range c.Table {
		name := strings.TrimSpace(rule.Alert + " " + rule.Tier)
		cells := []string{name, orDash(rule.Grouping.By), rules.FormatDuration(rule.Lookback()), orDash(rule.Reads()), firesEarly(rule)}
		if c.Against != nil {
			groups := c.Against.Seen.Groups(rule)
			cells = slices.Insert(cells, 2, strconv.Itoa(groups), size(writtenPerDay(rule, groups, c.Against.Pane)))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// firesEarly says whether a rule fires before its pane is over, and why not.
func firesEarly(rule *rules.Rule) string {
	early, why := rule.FiresEarly()
	switch {
	case early:
		return "yes"
	case rule.CriticalEarly():
		return "only as critical: " + why
	}
	return "no: " + why
}

func orDash(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}

// jsonFolder is the line that JSON has for a folder.
type jsonFolder struct {
	Dir      string        `json:"dir"`
	Rules    int           `json:"rules"`
	Since    string        `json:"since,omitempty"`
	Changed  *int          `json:"changed,omitempty"`
	Faults   []rules.Fault `json:"faults"`
	Warnings []jsonWarning `json:"warnings"`
	Against  *jsonAgainst  `json:"against,omitempty"`
	Error    string        `json:"error,omitempty"`
}

type jsonAgainst struct {
	Span  string       `json:"span"`
	Rules []jsonGroups `json:"rules"`
}

type jsonGroups struct {
	Rule        string  `json:"rule"`
	Tier        string  `json:"tier,omitempty"`
	Groups      int     `json:"groups"`
	BytesPerDay float64 `json:"bytes_per_day"`
}

// json is what JSON has of it.
func (a *Against) json() *jsonAgainst {
	if a == nil {
		return nil
	}
	out := &jsonAgainst{Span: short(a.Seen.Span), Rules: []jsonGroups{}}
	for _, rule := range a.Rules {
		groups := a.Seen.Groups(rule)
		out.Rules = append(out.Rules, jsonGroups{rule.Alert, rule.Tier, groups, writtenPerDay(rule, groups, a.Pane)})
	}
	return out
}

type jsonWarning struct {
	Check string `json:"check"`
	rules.Fault
}

func (p *Printer) json(all []Checked) error {
	encoder := json.NewEncoder(p.Out)
	for _, c := range all {
		folder := jsonFolder{Dir: c.Dir, Rules: c.Rules, Against: c.Against.json(), Error: c.Error, Faults: []rules.Fault{}, Warnings: []jsonWarning{}}
		if folder.Since = c.Since; c.Since != "" {
			folder.Changed = &c.Changed
		}
		for _, problem := range c.Problems {
			if problem.Severity == Error {
				folder.Faults = append(folder.Faults, problem.Fault)
			} else {
				folder.Warnings = append(folder.Warnings, jsonWarning{problem.Check, problem.Fault})
			}
		}
		if err := encoder.Encode(folder); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// told is a problem's message with what was probably meant.
func told(f rules.Fault) string {
	if f.Hint == "" {
		return f.Message
	}
	return f.Message + "; " + f.Hint
}

var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// github prints the commands by which GitHub's runners annotate lines of files.
func (p *Printer) github(all []Checked) error {
	for _, c := range all {
		for _, problem := range c.Problems {
			place := ""
			if problem.Line > 0 {
				place = fmt.Sprintf(",line=%d,col=%d", problem.Line, problem.Column)
			}
			if _, err := fmt.Fprintf(p.Out, "::%s file=%s%s,title=%s::%s\n", problem.Severity, githubProperty.Replace(slashed(problem.File)), place,
				githubProperty.Replace(problem.Check), githubText.Replace(told(problem.Fault))); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		if c.Error == "" {
			continue
		}
		if _, err := fmt.Fprintf(p.Out, "::error::%s\n", githubText.Replace(c.Error)); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}
