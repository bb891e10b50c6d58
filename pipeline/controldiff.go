package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// ControlDiff is a wish to know what clients apply of what they are asked to.
type ControlDiff struct {
	Name string // of one command; "" of all
	All  bool   // also where the two agree
	URL  string // of a running Weir to ask, in place of Kafka and the store
	DSN  string // of the store; "" is the configuration's
	JSON bool
	Out  io.Writer
}

// clientDiff is what one client is asked to do, and does.
type clientDiff struct {
	Command string `json:"command"` // name and revision
	Name    string `json:"name"`
	Env     string `json:"env,omitempty"`
	Cluster string `json:"cluster"`
	Client  string `json:"client"`
	State   string `json:"state"`
	Why     string `json:"why,omitempty"`
	// Since is when it was there last, of one that is gone.
	Since time.Time `json:"since,omitzero"`
}

// agrees says that there is nothing to look after: who is gone can apply nothing.
func (d *clientDiff) agrees() bool {
	return d.State == doesApply || d.State == doesShadow || d.State == doesMaybe || d.State == isGone
}

// maxDiffsListed is how many comparisons are told one by one. Not fewer: a large group has thousands of clients; not more: they are for a person to read.
const maxDiffsListed = 10_000

// controlDiffs is what clients that are there do of what they are asked to. Its JSON is the answer of the API.
type controlDiffs struct {
	At       time.Time    `json:"at"`             // as of when
	Agree    bool         `json:"agree"`          // all that were compared do what they are asked to
	Compared int          `json:"compared"`       // how many there are of a command and a client that is there
	Differ   int          `json:"differ"`         // of those
	Gone     int          `json:"gone,omitempty"` // how many more there are of a client that has gone
	Clients  []clientDiff `json:"clients"`
	More     bool         `json:"more,omitempty"` // there are others, not listed
	// Partial says that there are clients that were not looked at: whether all agree is not known then.
	Partial bool `json:"partial,omitempty"`
	// Unknown is said where a command was asked for that is none: which there are.
	Unknown string `json:"unknown,omitempty"`
}

// controlComparison is what clients are asked to do held against what they say, at a time.
type controlComparison struct {
	at       time.Time
	commands []control.Command // all that are held
	diffs    []clientDiff
	partial  bool // there are clients that were not looked at
}

// answer is what somebody asks for: of one command or, for "", of all; all is also where the two agree.
func (c *controlComparison) answer(name string, all bool) controlDiffs {
	out := controlDiffs{At: c.at.UTC(), Clients: []clientDiff{}, Partial: c.partial, Unknown: c.unknown(name)}
	for _, one := range c.diffs {
		if name != "" && one.Name != name {
			continue
		}
		switch {
		case one.State == isGone:
			out.Gone++
		case !one.agrees():
			out.Differ++
			fallthrough
		default:
			out.Compared++
		}
		if one.agrees() && !all {
			continue
		}
		if out.More = len(out.Clients) == maxDiffsListed; !out.More {
			out.Clients = append(out.Clients, one)
		}
	}
	out.Agree = out.Differ == 0 && out.Unknown == "" && !out.Partial
	return out
}

// unknown says of a name that nobody knows which there are; "" where it is known.
func (c *controlComparison) unknown(name string) string {
	is := func(of string) bool { return name == "" || of == name }
	if slices.ContainsFunc(c.commands, func(one control.Command) bool { return is(one.Name) }) || slices.ContainsFunc(c.diffs, func(one clientDiff) bool { return is(one.Name) }) || name == "" {
		return ""
	}
	var known []string
	for i := range c.commands {
		if c.commands[i].InForce(c.at) {
			known = append(known, c.commands[i].Name)
		}
	}
	return fmt.Sprintf("there is no command %q, and no client tells of one: %s", name, insteadOf(name, "commands in force", known))
}

// DiffControl prints what clients that are there apply of what they are asked to, as they said last, and says whether all of them do.
func DiffControl(ctx context.Context, config *Config, d ControlDiff) (agree bool, err error) {
	answer, err := d.ask(ctx, config)
	if err != nil {
		return false, err
	}
	if d.JSON {
		return answer.Agree, json.NewEncoder(d.Out).Encode(answer)
	}
	return answer.Agree, answer.writeText(d.Out)
}

// ask compares once, or has a running Weir do so.
func (d *ControlDiff) ask(ctx context.Context, config *Config) (answer controlDiffs, err error) {
	err = d.asking(ctx, config, func(ctx context.Context, ask func(context.Context) (controlDiffs, error)) error {
		answer, err = ask(ctx)
		return err
	})
	return answer, err
}

// asking opens what is asked, and has look ask it as often as it likes.
func (d *ControlDiff) asking(ctx context.Context, config *Config, look func(ctx context.Context, ask func(context.Context) (controlDiffs, error)) error) error {
	if d.URL != "" {
		client, err := newAlertClient(config, d.URL)
		if err != nil {
			return err
		}
		return look(ctx, func(ctx context.Context) (answer controlDiffs, err error) {
			err = client.get(ctx, controlPath+"/diff?"+d.query().Encode(), &answer)
			return answer, err
		})
	}
	return withControlLog(ctx, config, func(log *controlLog) error {
		return askStore(ctx, storeAt(config, d.DSN), func(ctx context.Context, store *clickhouse.Store) error {
			return look(ctx, func(ctx context.Context) (controlDiffs, error) {
				if err := log.catchUp(ctx); err != nil {
					return controlDiffs{}, err
				}
				compared, err := compareApplied(ctx, toldOf{store, config.Telemetry.Pane}, log.set, time.Now())
				return compared.answer(d.Name, d.All), err
			})
		})
	})
}

// query is what a running Weir is asked.
func (d *ControlDiff) query() url.Values {
	asked := url.Values{}
	if d.Name != "" {
		asked.Set("name", d.Name)
	}
	if d.All {
		asked.Set("all", "true")
	}
	return asked
}

func (d *controlDiffs) writeText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(d.Clients) > 0 {
		fmt.Fprintln(table, "COMMAND\tCLIENT\tCLUSTER\tSTATE\tWHY")
	}
	for i := range d.Clients {
		one := &d.Clients[i]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", one.Command, telemetry.Printable(one.Client), telemetry.Printable(one.Cluster), one.State, telemetry.Printable(one.Why))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	more := ""
	if d.Gone > 0 {
		more = fmt.Sprintf(", %d gone", d.Gone)
	}
	if d.More {
		more += fmt.Sprintf("; more than the %d above are not listed: ask of one command by its name", len(d.Clients))
	}
	if d.Partial {
		more += ", and there are more clients that were not looked at"
	}
	if d.Unknown != "" {
		_, err := fmt.Fprintln(out, telemetry.Printable(d.Unknown))
		return err
	}
	_, err := fmt.Fprintf(out, "%d of %d differ%s\n", d.Differ, d.Compared, more)
	return err
}
