package pipeline

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
)

const (
	// controlRefresh is how often a browser asks for the page of commands again. Not smaller: a page that is drawn anew cannot be read; not larger: people watch a command
	// take effect.
	controlRefresh = 2 * time.Second
	// controlPagePatience is how long a page waits for what clients apply. Not smaller: ClickHouse may need a second; not larger: the rest of the page waits for it.
	controlPagePatience = 3 * time.Second
)

// controlView is what pages show of commands.
type controlView struct {
	At             time.Time
	RefreshSeconds float64
	Commands       []commandView // in force, the newest last
	HeldBack       []heldBack
	Error          string    // of files
	Compared       time.Time // when it was asked what clients apply; zero where that is not known, and Why says why
	Why            string
}

// commandView is a command, and how many clients do what it asks.
type commandView struct {
	control.Command
	State, Asks           string
	Applied, Differ, Gone int
}

// viewControl is what pages show, nil where this process has not the role. What clients apply is asked only where something is in force.
func (p *Pipeline) viewControl(ctx context.Context) *controlView {
	c := p.controls.Load()
	if c == nil {
		return nil
	}
	held, now := c.shown(), time.Now()
	state := held.state(false, now)
	view := &controlView{At: now, RefreshSeconds: controlRefresh.Seconds()}
	for i := range state.Commands {
		one := &state.Commands[i]
		view.Commands = append(view.Commands, commandView{Command: one.Command, State: one.State, Asks: one.Describe()})
	}
	c.mu.Lock()
	view.HeldBack = slices.Clone(c.heldBack)
	if c.filesErr != nil {
		view.Error = c.filesErr.Error()
	}
	c.mu.Unlock()
	if len(view.Commands) == 0 {
		return view
	}
	ctx, cancel := context.WithTimeout(ctx, controlPagePatience)
	defer cancel()
	compared, err := p.applied.newest(ctx, c.compare)
	if err != nil {
		view.Why = err.Error()
		return view
	}
	view.count(&compared)
	return view
}

// count counts what clients do of each command. Who applies what nobody asks any more is not among them.
func (v *controlView) count(compared *controlComparison) {
	v.Compared = compared.at
	at := map[string]*commandView{}
	for i := range v.Commands {
		at[v.Commands[i].Name] = &v.Commands[i]
	}
	for i := range compared.diffs {
		one := &compared.diffs[i]
		of := cmp.Or(at[one.Name], &commandView{})
		switch {
		case one.State == isGone:
			of.Gone++
		case !one.agrees():
			of.Differ++
		case one.State != doesMaybe: // who may have none of its partitions does neither
			of.Applied++
		}
	}
}

// serveControlPage shows which commands are in force, again and again.
func (p *Pipeline) serveControlPage(w http.ResponseWriter, r *http.Request) {
	view := p.viewControl(r.Context())
	if view == nil {
		http.Error(w, errNotControl.Error(), http.StatusNotFound)
		return
	}
	render(w, http.StatusOK, "control.html", view)
}
