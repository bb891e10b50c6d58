package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/telemetry"
)

// maxTouchedShown is of how many clients a dry run tells one by one. Not more: a screen.
const maxTouchedShown = 20

// printControlChanges prints what was done, or of a dry run would be.
func printControlChanges(out io.Writer, changes []controlChange, now time.Time, dry, asJSON bool) error {
	if asJSON {
		if changes == nil {
			changes = []controlChange{}
		}
		return json.NewEncoder(out).Encode(map[string]any{"dry_run": dry, "changes": changes})
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	written, same := 0, 0
	for i := range changes {
		c := &changes[i]
		if c.Change == changeSame {
			same++
			continue
		}
		if c.writes() {
			written++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.Change, c.Kind, strings.TrimSpace(c.Name+" "+telemetry.Printable(c.says(now))))
		if c.writes() && c.Note != "" {
			fmt.Fprintf(table, "\t\t  %s\n", c.Note)
		}
		for _, line := range c.Touched.lines(c.Command) {
			fmt.Fprintf(table, "\t\t  %s\n", telemetry.Printable(line))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	verb := "written"
	if dry {
		verb = "would be written"
	}
	_, err := fmt.Fprintf(out, "%d %s, %d the same, %d skipped\n", written, verb, same, len(changes)-written-same)
	return err
}

// says is a change in words.
func (c *controlChange) says(now time.Time) string {
	switch {
	case c.Change == changeSkipped:
		return c.Note
	case c.Change == changeRemoved && c.Command != nil:
		return fmt.Sprintf("(was @%d: %s)", c.Revision, c.Command.Describe())
	case c.Change == changeRemoved:
		return fmt.Sprintf("(was @%d)", c.Revision)
	case c.Change == changeEnded:
		return fmt.Sprintf("@%d by %s", c.Revision, c.Command.Ended.Author)
	case c.Command != nil:
		return fmt.Sprintf("@%d %s, until %s, %s: %s", c.Revision, c.Command.Describe(), untilText(c.Command.ExpiresAt, now), c.Command.Author, c.Command.Reason)
	}
	return fmt.Sprintf("@%d %s topic %s of %s at %s", c.Revision, c.Route.System, c.Route.Topic, c.Route.Cluster, strings.Join(c.Route.Endpoints, ","))
}

// lines say whom a change touches, none where that was not asked.
func (t *controlTouched) lines(c *control.Command) []string {
	if t == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("touches %s, %s msg/s of the last %s", counted(t.Clients, "client"), rateText(t.MessagesPerSecond), touchedSpan)}
	if t.Partial {
		lines[0] += ", and more that were not looked at"
	}
	for i := range t.Of[:min(len(t.Of), maxTouchedShown)] {
		of := &t.Of[i]
		lines = append(lines, fmt.Sprintf("%s  %s %s %s msg/s", of.Client, of.Op, strings.TrimSpace(of.Topic+" "+of.Group), rateText(of.MessagesPerSecond)))
	}
	if more := len(t.Of) - maxTouchedShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	if c.Pause == nil {
		return lines
	}
	if t.RetentionLeftPartial {
		return append(lines, "retention left is not known: there are more groups than were looked at")
	}
	if t.RetentionLeftSeconds == nil {
		return append(lines, "retention left is not known: no collector reports it")
	}
	left := time.Duration(*t.RetentionLeftSeconds * float64(time.Second))
	text := fmt.Sprintf("retention left: %s until the oldest message that is not consumed is deleted (%s)", shortDuration(left), t.RetentionLeftOf)
	if c.ExpiresAt.Sub(c.CreatedAt) > left {
		text += ": THE PAUSE IS LONGER, messages would be lost"
	}
	return append(lines, text)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func rateText(rate float64) string { return decimal(2, rate) }

// untilText is when something ends, and in how long.
func untilText(at, now time.Time) string {
	if !at.After(now) {
		return shownTime(at)
	}
	return fmt.Sprintf("%s (in %s)", shownTime(at), shortDuration(at.Sub(now)))
}

// endText is when a command ends, or since when it is over and by whom.
func endText(c *control.Command, now time.Time) string {
	switch {
	case c.Ended != nil && c.Ended.Reason != "":
		return fmt.Sprintf("over since %s, ended by %s: %s", shownTime(c.Ended.At), c.Ended.Author, c.Ended.Reason)
	case c.Ended != nil:
		return fmt.Sprintf("over since %s, ended by %s", shownTime(c.Ended.At), c.Ended.Author)
	case !c.InForce(now):
		return fmt.Sprintf("over since %s, expired", shownTime(c.ExpiresAt))
	}
	return untilText(c.ExpiresAt, now)
}

// shortDuration is a duration in its two largest units.
func shortDuration(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return d.Round(time.Second).String()
}

// writeText prints what is held.
func (s *controlState) writeText(out io.Writer, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(s.Commands) > 0 {
		fmt.Fprintln(table, "COMMAND\tSTATE\tASKS\tUNTIL\tAUTHOR\tREASON")
	}
	over := 0
	for _, shown := range []bool{true, false} { // what is over comes last
		for i := range s.Commands {
			c := &s.Commands[i]
			if c.InForce(now) != shown {
				continue
			}
			if !shown {
				over++
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Command.String(), c.State, telemetry.Printable(c.Command.Describe()), telemetry.Printable(endText(&c.Command, now)),
				telemetry.Printable(c.Author), telemetry.Printable(c.Reason))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(s.Routes) > 0 {
		fmt.Fprintln(table, "ROUTE\tSYSTEM\tCLUSTER\tTOPIC\tENDPOINTS")
	}
	for i := range s.Routes {
		r := &s.Routes[i]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", strings.TrimPrefix(r.String(), "route/"), r.System, telemetry.Printable(r.Cluster), telemetry.Printable(r.Topic), strings.Join(r.Endpoints, ","))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	text := counted(len(s.Commands)-over, "command")
	if over > 0 {
		text += fmt.Sprintf(" in force and %d over", over)
	}
	text += fmt.Sprintf(", %s, offset %d", counted(len(s.Routes), "route"), s.Offset)
	if s.Over > over {
		text += fmt.Sprintf("; %d more are over, which --all shows", s.Over-over)
	}
	for _, reason := range control.Reasons {
		if n := s.Refused[reason]; n > 0 {
			text += fmt.Sprintf(", %d records refused as %s", n, reason)
		}
	}
	_, err := fmt.Fprintln(out, text)
	return err
}
