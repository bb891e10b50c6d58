package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

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
}

// diffsOf are the comparisons that somebody asks for: of one command or, for "", of all; all is also where the two agree.
func diffsOf(diffs []clientDiff, name string, all bool, at time.Time) controlDiffs {
	out := controlDiffs{At: at.UTC(), Clients: []clientDiff{}}
	for _, one := range diffs {
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
	out.Agree = out.Differ == 0
	return out
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

// ask compares, or has a running Weir do so.
func (d *ControlDiff) ask(ctx context.Context, config *Config) (answer controlDiffs, err error) {
	if d.URL != "" {
		client, err := newAlertClient(config, d.URL)
		if err != nil {
			return answer, err
		}
		asked := url.Values{}
		if d.Name != "" {
			asked.Set("name", d.Name)
		}
		if d.All {
			asked.Set("all", "true")
		}
		err = client.get(ctx, controlPath+"/diff?"+asked.Encode(), &answer)
		return answer, err
	}
	now := time.Now()
	at := storeOf(config)
	if d.DSN != "" {
		at.DSN, at.by = d.DSN, "--dsn"
	}
	err = withControlLog(ctx, config, func(log *controlLog) error {
		diffs, err := compareApplied(ctx, at, log.set, now)
		answer = diffsOf(diffs, d.Name, d.All, now)
		return err
	})
	return answer, err
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
	_, err := fmt.Fprintf(out, "%d of %d differ%s\n", d.Differ, d.Compared, more)
	return err
}
