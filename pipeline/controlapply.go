package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
)

// ControlApply is a wish to have in force what files say.
type ControlApply struct {
	Path   string   // a folder or one file; "" is the configuration's control.dir
	Prune  bool     // take away what files made and no file has; of a folder alone
	Names  []string // take away these, whoever made them
	DryRun bool
	DSN    string // of the store that a dry run asks; "" is the configuration's
	JSON   bool
	Out    io.Writer
}

// ApplyControl writes to weir.control what differs from files, and prints what it did, or of a dry run would do and whom that touches.
func ApplyControl(ctx context.Context, config *Config, a ControlApply) error {
	now := time.Now()
	path := a.Path
	if path == "" {
		path = config.Control.Dir
	}
	pruned, err := a.pruned(path, config)
	if err != nil {
		return err
	}
	files, err := readControlFiles(path, now, config.Telemetry)
	if err != nil {
		return err
	}
	if files.files == 0 && len(a.Names) == 0 {
		return fmt.Errorf("there is no *.yaml file in %s: name another folder, or a file", path)
	}
	return withControlLog(ctx, config, func(log *controlLog) error {
		plan := func(done []controlChange) ([]controlChange, error) {
			names := slices.DeleteFunc(slices.Clone(a.Names), func(name string) bool {
				return slices.ContainsFunc(done, func(c controlChange) bool { return c.Change == changeRemoved && c.Name == name })
			})
			return controlPlan{by: control.SourceApply, prune: pruned, names: names, now: now}.plan(files, log.set)
		}
		var changes []controlChange
		if !a.DryRun {
			changes, err = log.settle(ctx, plan)
		} else if changes, err = plan(nil); err == nil {
			err = askTouched(ctx, config, a.DSN, changes, log.set.Routes(), now)
		}
		if err != nil {
			return errors.Join(err, printPartly(a.Out, changes, err, a.JSON))
		}
		return printControlChanges(a.Out, changes, now, a.DryRun, a.JSON)
	})
}

// pruned are the sources of which what no file has is taken away. What the role's folder made only that folder takes away: the role would write it again.
func (a *ControlApply) pruned(path string, config *Config) ([]control.Source, error) {
	if !a.Prune {
		return nil, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // there are no files then, which the plan refuses
		return []control.Source{control.SourceApply}, nil
	case err != nil:
		return nil, fmt.Errorf("read commands: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("--prune is of a folder, and %s is a file: what other files have would be taken away; name their folder, or with --prune-name what to take away", path)
	}
	if own, err := os.Stat(config.Control.Dir); err == nil && os.SameFile(own, info) {
		return []control.Source{control.SourceFile, control.SourceApply}, nil
	}
	return []control.Source{control.SourceApply}, nil
}

// withControlLog opens weir.control, reads it, and asks.
func withControlLog(ctx context.Context, config *Config, ask func(*controlLog) error) error {
	log, err := openControlLog(config.Kafka, nil)
	if err != nil {
		return err
	}
	defer log.close()
	if err := reachKafka(ctx, config, log.client); err != nil {
		return fmt.Errorf("read %s: %w", control.Topic, err)
	}
	bounded, cancel := context.WithTimeout(ctx, log.patience)
	defer cancel()
	if err := log.catchUp(bounded); err != nil {
		return log.late(ctx, bounded, err)
	}
	return ask(log)
}

// askTouched finds out whom each change touches.
func askTouched(ctx context.Context, config *Config, dsn string, changes []controlChange, routes []control.Route, now time.Time) error {
	if !slices.ContainsFunc(changes, func(c controlChange) bool { return c.writes() && c.Command != nil }) {
		return nil
	}
	return askStore(ctx, storeAt(config, dsn), func(ctx context.Context, store *clickhouse.Store) error {
		traffic, err := askTraffic(ctx, toldOf{store, config.Telemetry.Pane}, now)
		if err == nil {
			traffic.retention, traffic.moreRetention, err = store.RetentionLeft(ctx, now.Add(-touchedSpan))
		}
		if err != nil {
			return because(ctx, "ask whom commands touch", err)
		}
		resources := control.ResourcesOf(routes)
		for i := range changes {
			if c := &changes[i]; c.writes() && c.Command != nil {
				c.Touched = traffic.touched(c.Command, resources)
			}
		}
		return nil
	})
}

// ControlExpire is a wish to end a command now.
type ControlExpire struct {
	Name, Author, Reason string
	JSON                 bool
	Out                  io.Writer
}

// ExpireControl ends a command now, wherever it came from.
func ExpireControl(ctx context.Context, config *Config, e ControlExpire) error {
	now := time.Now()
	return withControlLog(ctx, config, func(log *controlLog) error {
		changes, err := log.settle(ctx, func([]controlChange) ([]controlChange, error) {
			change, err := controlPlan{now: now}.end(e.Name, e.Author, e.Reason, log.set)
			return []controlChange{change}, err
		})
		if err != nil {
			return err
		}
		return printControlChanges(e.Out, changes, now, false, e.JSON)
	})
}

// ControlList is a wish to see what is in force.
type ControlList struct {
	All  bool // also what is over
	JSON bool
	Out  io.Writer
}

// controlState is what is held of weir.control.
type controlState struct {
	Offset   int64                     `json:"offset"`
	Commands []controlCommand          `json:"commands"`
	Routes   []control.Route           `json:"routes"`
	Refused  map[control.Reason]uint64 `json:"refused"`
	Ignored  uint64                    `json:"ignored"`
	Over     int                       `json:"over"` // how many commands are, listed or not
}

// controlCommand is a command and how it is.
type controlCommand struct {
	control.Command
	State string `json:"state"` // in force, shadow, ended, over
}

func stateOfCommand(c *control.Command, now time.Time) string {
	switch {
	case c.Ended != nil:
		return "ended"
	case !c.InForce(now):
		return "over"
	case c.Shadow:
		return "shadow"
	}
	return "in force"
}

// controlHeld is a copy of what a set holds.
type controlHeld struct {
	of       *control.Set
	offset   int64
	commands []control.Command
	routes   []control.Route
	refused  map[control.Reason]uint64
	ignored  uint64
}

func heldOf(set *control.Set) controlHeld {
	held := controlHeld{of: set, offset: set.Offset(), commands: set.Commands(), routes: set.Routes(), refused: map[control.Reason]uint64{}, ignored: set.Ignored()}
	for _, reason := range control.Reasons {
		if n := set.Refused(reason); n > 0 {
			held.refused[reason] = n
		}
	}
	return held
}

// state is how it is at a time; all is also of what is over.
func (h *controlHeld) state(all bool, now time.Time) controlState {
	state := controlState{Offset: h.offset, Commands: []controlCommand{}, Routes: h.routes, Refused: h.refused, Ignored: h.ignored}
	for _, command := range h.commands {
		if !command.InForce(now) {
			state.Over++
		}
		if all || command.InForce(now) {
			state.Commands = append(state.Commands, controlCommand{command, stateOfCommand(&command, now)})
		}
	}
	return state
}

// ListControl prints what is in force.
func ListControl(ctx context.Context, config *Config, l ControlList) error {
	return withControlLog(ctx, config, func(log *controlLog) error {
		now := time.Now()
		held := heldOf(log.set)
		state := held.state(l.All, now)
		if l.JSON {
			return json.NewEncoder(l.Out).Encode(state)
		}
		return state.writeText(l.Out, now)
	})
}
