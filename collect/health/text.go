package health

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// WriteText prints a tree for people: what is beyond its limit first, what is unknown by its reason, what is fine as a number unless all is
// wanted.
func (t *Tree) WriteText(to io.Writer, all bool, now time.Time) error {
	var out strings.Builder
	out.WriteString(t.headline(now) + "\n")
	var lines []branch
	if t.NoMatch != "" {
		lines = append(lines, branch{text: t.NoMatch})
	}
	beyond, rest := partLines(t.Parts, all)
	for _, line := range beyond {
		lines = append(lines, branch{text: line})
	}
	for i := range t.Children {
		beyond, rest := partLines(t.Children[i].Parts, all)
		lines = append(lines, branch{t.Children[i].headline(), append(beyond, rest...)})
	}
	for _, line := range append(rest, t.summaries()...) {
		lines = append(lines, branch{text: line})
	}
	for i := range lines {
		lines[i].draw(&out, i == len(lines)-1)
	}
	_, err := io.WriteString(to, out.String())
	return err
}

// branch is a line with the lines below it.
type branch struct {
	text  string
	below []string
}

func (b *branch) draw(out *strings.Builder, last bool) {
	corner, before := "├─ ", "│  "
	if last {
		corner, before = "└─ ", "   "
	}
	out.WriteString(corner + telemetry.Printable(b.text) + "\n")
	for i, text := range b.below {
		corner := "├─ "
		if i == len(b.below)-1 {
			corner = "└─ "
		}
		out.WriteString(before + corner + telemetry.Printable(text) + "\n")
	}
}

func (t *Tree) headline(now time.Time) string {
	text := telemetry.Printable(t.Thing.headline())
	if t.PolledAt != nil {
		text += fmt.Sprintf(", polled %s ago", max(now.Sub(*t.PolledAt), 0).Round(time.Second))
	}
	if t.NotFoundOut != "" {
		text += "\n│  not found out: " + telemetry.Printable(strings.ReplaceAll(t.NotFoundOut, "\n", "; "))
	}
	return text
}

func (t *Thing) headline() string {
	name := string(t.Kind) + " " + t.Name
	if t.Tier != "" {
		name += " (" + t.Tier + ")"
	}
	score := "no score"
	if t.Score != nil {
		score = fmt.Sprintf("score %d", *t.Score)
	}
	return fmt.Sprintf("%-7s  %s: %s, %d of %d parts known", t.State, name, score, t.KnownParts, t.AllParts)
}

// partLines are a line for each part that is beyond its limit, and the rest: what is unknown for one reason, and how many are fine, each on
// a line unless all is wanted.
func partLines(parts []Part, all bool) (beyond, rest []string) {
	var fine int
	var reasons []string
	names := map[string][]string{}
	for i := range parts {
		p := &parts[i]
		switch {
		case p.State == Bad || p.State == Warn:
			beyond = append(beyond, fmt.Sprintf("%-7s  %s", p.State, p))
		case all:
			rest = append(rest, fmt.Sprintf("%-7s  %s", p.State, p))
		case p.State == OK:
			fine++
		default:
			if names[p.Why] == nil {
				reasons = append(reasons, p.Why)
			}
			names[p.Why] = append(names[p.Why], p.Name)
		}
	}
	for _, why := range reasons {
		rest = append(rest, fmt.Sprintf("%-7s  %s: %s", Unknown, strings.Join(names[why], ", "), why))
	}
	if fine > 0 {
		rest = append(rest, fmt.Sprintf("%-7s  %s", OK, plural(fine, "part")))
	}
	return beyond, rest
}

func plural(count int, what string) string {
	if count == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", count, what)
}

// Worst is what is beyond its limit, at most so many lines: the cluster's own parts, and the worst of what is below it.
func (t *Tree) Worst(most int) []string {
	var out []string
	for i := range t.Parts {
		if p := &t.Parts[i]; p.State == Bad || p.State == Warn {
			out = append(out, p.String())
		}
	}
	for i := range t.Children {
		if c := &t.Children[i]; c.State == Bad || c.State == Warn {
			out = append(out, telemetry.Printable(fmt.Sprintf("%s %s: %s", c.Kind, c.Name, &c.Parts[0])))
		}
	}
	return out[:min(len(out), most)]
}

// Brief is the score of a cluster, with the worst that is wrong.
func (t *Tree) Brief() string {
	score := "no score yet"
	if t.Score != nil {
		score = fmt.Sprintf("score %d", *t.Score)
	}
	return strings.Join(append([]string{score}, t.Worst(1)...), ", ")
}

// Value is what a part of the thing says, with its unit: "unknown" where nobody knows.
func (t *Thing) Value(part string) string {
	for i := range t.Parts {
		if p := &t.Parts[i]; p.Name == part && p.Value != nil {
			return quantity(*p.Value, p.Unit)
		}
	}
	return string(Unknown)
}

// String is the part on a line, without its state.
func (p *Part) String() string {
	text := p.Name
	if p.Value != nil {
		text += " " + quantity(*p.Value, p.Unit)
	}
	if p.Where != "" && p.State != OK {
		text += " of " + p.Where
	}
	if limit := p.Limit.text(p.Unit); limit != "" {
		text += ", " + limit
	}
	if p.Penalty > 0 {
		text += fmt.Sprintf(" (-%d)", p.Penalty)
	}
	if p.Why != "" {
		text += ": " + p.Why
	} else if p.State != OK {
		text += ": " + p.Means
	}
	if p.Rule != "" && p.State != OK && p.State != Unknown {
		text += " [" + p.Rule + "]"
	}
	return text
}

// text says from where on a value is what.
func (l *Limit) text(unit string) string {
	word := map[string]string{above: "above", atLeast: "from", below: "below"}[l.Beyond]
	var out []string
	if l.Warn != nil {
		out = append(out, "warn "+word+" "+quantity(*l.Warn, unit))
	}
	if l.Bad != nil {
		out = append(out, "bad "+word+" "+quantity(*l.Bad, unit))
	}
	return strings.Join(out, ", ")
}

// quantity is a value for people; what it counts stands in the name of its part.
func quantity(value float64, unit string) string {
	switch unit {
	case "seconds":
		return duration(value)
	case "ratio":
		return decimal(100*value, 1) + "%"
	case "times":
		return decimal(value, 2) + " times"
	case "messages_per_second":
		if value < 10 {
			return decimal(value, 2) + " msg/s"
		}
		return strconv.FormatFloat(value, 'f', 0, 64) + " msg/s"
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}

// decimal is a number with at most so many digits behind the point.
func decimal(value float64, digits int) string {
	text := strconv.FormatFloat(value, 'f', digits, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") // digits is not 0: there is a point
}

const (
	day = 24 * time.Hour
	// maxDays bounds what is printed as a duration: what is longer is forever.
	maxDays = 36_500
)

// duration is one for people.
func duration(seconds float64) string {
	d := time.Duration(min(seconds, maxDays*day.Seconds()) * float64(time.Second))
	switch {
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d >= 2*day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
	text := d.Round(time.Second).String()
	if whole, is := strings.CutSuffix(text, "m0s"); is {
		text = whole + "m"
	}
	if whole, is := strings.CutSuffix(text, "h0m"); is {
		text = whole + "h"
	}
	return text
}

// summaries count what is below the cluster and not printed, by kind.
func (t *Tree) summaries() []string {
	var out []string
	for _, s := range t.Summary {
		shown := map[State]int{}
		for i := range t.Children {
			if t.Children[i].Kind == s.Kind {
				shown[t.Children[i].State]++
			}
		}
		text := ""
		for _, of := range []struct {
			state State
			count int
		}{{Bad, s.Bad}, {Warn, s.Warn}, {Unknown, s.Unknown}, {OK, s.OK}} {
			more := of.count - shown[of.state]
			switch {
			case more <= 0:
			case text != "":
				text += fmt.Sprintf(", %d %s", more, of.state)
			case s.Shown > 0:
				text = fmt.Sprintf("%s %s", plural(more, "more "+string(s.Kind)), of.state)
			default:
				text = fmt.Sprintf("%s %s", plural(more, string(s.Kind)), of.state)
			}
		}
		if text != "" {
			out = append(out, text)
		}
	}
	return out
}
