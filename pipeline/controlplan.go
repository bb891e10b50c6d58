package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

// What becomes of a command or a route.
const (
	changeNew     = "new"
	changeChanged = "changed"
	changeRemoved = "removed"
	changeEnded   = "ended"
	changeSame    = "same"    // it is as it shall be
	changeSkipped = "skipped" // and the note says why
)

// controlChange is what becomes of one command or route.
type controlChange struct {
	Change   string           `json:"change"`
	Kind     string           `json:"kind"` // command or route
	Name     string           `json:"name"`
	Revision uint64           `json:"revision,omitempty"` // that it will have
	Note     string           `json:"note,omitempty"`
	Command  *control.Command `json:"command,omitempty"`
	Route    *control.Route   `json:"route,omitempty"`
	Touched  *controlTouched  `json:"touched,omitempty"`

	key  string
	anew bool // behind a tombstone, since no higher revision is possible
	done bool // it was written, and whoever reads the topic has it so
	// refused is why whoever reads the topic refuses it, nil where that was not tried or it is taken.
	refused error
}

const (
	kindCommand = "command"
	kindRoute   = "route"
)

// writes says whether there is something to write.
func (c *controlChange) writes() bool { return c.Change != changeSame && c.Change != changeSkipped }

// records are what is written of a change, none for nothing. The last one says it: before it stands a tombstone where no higher revision is possible.
func (c *controlChange) records() ([]*kgo.Record, error) {
	if !c.writes() {
		return nil, nil
	}
	record := func() *kgo.Record {
		return &kgo.Record{Topic: control.Topic, Partition: controlPartition, Key: []byte(c.key)}
	}
	if c.Change == changeRemoved {
		return []*kgo.Record{record()}, nil
	}
	var records []*kgo.Record
	if c.Revision > control.MaxRevision {
		c.beginAnew()
	}
	if c.anew {
		records = append(records, record())
	}
	says := record()
	var err error
	if c.Command != nil {
		says.Value, err = c.Command.Encode()
	} else {
		says.Value, err = c.Route.Encode()
	}
	return append(records, says), err
}

// beginAnew has the change be the first revision.
func (c *controlChange) beginAnew() {
	c.Revision, c.anew = 1, true
	if c.Command != nil {
		command := *c.Command
		command.Revision = 1
		c.Command = &command
		return
	}
	route := *c.Route
	route.Revision = 1
	c.Route = &route
}

// controlPlan says whose files they are, and what to do about what no file has.
type controlPlan struct {
	by    control.Source   // SourceFile of the role's folder, SourceApply of what somebody applies
	prune []control.Source // take away what these made
	names []string         // take away these, whoever made them
	now   time.Time
}

var errNothingToPrune = errors.New("there is no file of commands and routes: nothing is taken away for that, since the folder may just not be there; put an empty file there to take away all")

// plan compares files with what is held.
func (p controlPlan) plan(files *controlFiles, set *control.Set) ([]controlChange, error) {
	if len(p.prune) > 0 && files.files == 0 {
		return nil, errNothingToPrune
	}
	var changes []controlChange
	kept := map[string]bool{}
	for i := range files.commands {
		changes = append(changes, p.command(files.commands[i].Command, p.by, set))
		kept[files.commands[i].Key()] = true
	}
	for i := range files.routes {
		changes = append(changes, p.route(files.routes[i].Route, p.by, set))
		kept[files.routes[i].Key()] = true
	}
	removed, err := p.removals(kept, set)
	return append(changes, removed...), err
}

// command says what becomes of a command that somebody gives.
func (p controlPlan) command(given control.Command, by control.Source, set *control.Set) controlChange {
	held, found := set.Command(given.Name)
	over := !given.ExpiresAt.IsZero() && !given.ExpiresAt.After(p.now)
	fillIn(&given, held, p.now)
	given.Source = by
	if given.SendLimit != nil && held.SendLimit != nil && given.SendLimit.Shared {
		limit := *given.SendLimit
		limit.Clients = held.SendLimit.Clients
		given.SendLimit = &limit
	}
	change := controlChange{Kind: kindCommand, Name: given.Name, Revision: given.Revision, Command: &given, key: given.Key()}
	switch {
	case found && held.InForce(p.now) && held.Source != by && !bothOfFiles(held.Source, by):
		change.skip("is kept by %s: end it there, or by `weir control expire %s`, before it is kept elsewhere", whereKept(held.Source), given.Name)
	case found && held.Spec == given.Spec && held.Ended != nil && ofFiles(by):
		change.skip("was ended by %s at %s: it stays so until the file says something else", held.Ended.Author, shownTime(held.Ended.At))
	case found && held.Spec == given.Spec && held.Ended == nil && held.InForce(p.now) && takenIn(held.Source, by):
		held.Revision, held.Source = given.Revision, by // all else stays, also created_at
		change.Change, change.Command = changeChanged, &held
	case found && held.Spec == given.Spec && held.Ended == nil:
		change.Change, change.Revision, change.Command = changeSame, held.Revision, &held
	case over && !(found && held.InForce(p.now)):
		change.skip("is over since %s", shownTime(given.ExpiresAt))
	case !found:
		change.Change = changeNew
	default:
		change.Change = changeChanged
		change.warn(held.Source, by)
	}
	return change
}

// ofFiles says whether a source is files: those of the role's folder, or that somebody applies.
func ofFiles(source control.Source) bool {
	return source == control.SourceFile || source == control.SourceApply
}

// bothOfFiles says that one may change what the other made: a file is moved into the folder, or applied before it is merged.
func bothOfFiles(held, by control.Source) bool { return ofFiles(held) && ofFiles(by) }

// takenIn says that what somebody applied is in the role's folder now, and so goes with it. The other way the folder keeps what it has.
func takenIn(held, by control.Source) bool {
	return held == control.SourceApply && by == control.SourceFile
}

// warn notes that somebody applies what the role's folder may have otherwise.
func (c *controlChange) warn(held, by control.Source) {
	if held == control.SourceFile && by == control.SourceApply {
		c.Note = "the folder of the role control made it: as long as that has it, the role writes it again as it is there"
	}
}

// route says what becomes of a route that somebody gives.
func (p controlPlan) route(given control.Route, by control.Source, set *control.Set) controlChange {
	held, found := set.HeldRoute(given.Key())
	given.Spec = given.Digest()
	given.Schema, given.Revision, given.Source = control.Schema, 1, by
	change := controlChange{Kind: kindRoute, Name: given.Key()[len("route/"):], Route: &given, key: given.Key()}
	switch {
	case !found:
		change.Change = changeNew
	case held.Source != by && !bothOfFiles(held.Source, by):
		change.skip("is kept by %s", whereKept(held.Source))
	case held.Spec == given.Spec && !takenIn(held.Source, by):
		change.Change, change.Route, given.Revision = changeSame, &held, held.Revision
	default:
		change.Change, given.Revision = changeChanged, held.Revision+1
		change.warn(held.Source, by)
	}
	change.Revision = given.Revision
	return change
}

// removals are what no file has any more.
func (p controlPlan) removals(kept map[string]bool, set *control.Set) ([]controlChange, error) {
	var changes []controlChange
	named := map[string]bool{}
	add := func(change controlChange, source control.Source) {
		byName := slices.Contains(p.names, change.Name)
		named[change.Name] = named[change.Name] || byName
		if byName || slices.Contains(p.prune, source) && !kept[change.key] {
			changes = append(changes, change)
		}
	}
	for _, held := range set.Commands() {
		add(controlChange{Change: changeRemoved, Kind: kindCommand, Name: held.Name, Revision: held.Revision, Command: &held, key: held.Key()}, held.Source)
	}
	for _, held := range set.Routes() {
		add(controlChange{Change: changeRemoved, Kind: kindRoute, Name: held.Key()[len("route/"):], Revision: held.Revision, Route: &held, key: held.Key()}, held.Source)
	}
	for _, name := range p.names {
		if !named[name] {
			return nil, fmt.Errorf("there is no command or route %q to take away: %s", name, insteadOf(name, "commands and routes", heldIn(set)))
		}
	}
	return changes, nil
}

// end says what becomes of a command that somebody ends now.
func (p controlPlan) end(name, author, reason string, set *control.Set) (controlChange, error) {
	held, found := set.Command(name)
	switch {
	case !found:
		return controlChange{}, fmt.Errorf("there is no command %q: %s", name, insteadOf(name, "commands in force", inForceIn(set, p.now)))
	case held.Ended != nil:
		return controlChange{}, fmt.Errorf("%s was ended by %s at %s already", &held, held.Ended.Author, shownTime(held.Ended.At))
	case !held.InForce(p.now):
		return controlChange{}, fmt.Errorf("%s is over since %s already", &held, shownTime(held.ExpiresAt))
	}
	held = held.End(control.Ended{Author: author, Reason: reason, At: p.now.UTC().Truncate(time.Second)})
	return controlChange{Change: changeEnded, Kind: kindCommand, Name: name, Revision: held.Revision, Command: &held, key: held.Key()}, nil
}

func (c *controlChange) skip(format string, args ...any) {
	c.Change, c.Note = changeSkipped, fmt.Sprintf(format, args...)
}

func whereKept(source control.Source) string {
	switch source {
	case control.SourceFile, control.SourceApply:
		return "files"
	case control.SourceAPI:
		return "the API"
	case control.SourceRule:
		return "a rule"
	}
	return "another writer"
}

func shownTime(at time.Time) string { return at.UTC().Format(time.RFC3339) }
