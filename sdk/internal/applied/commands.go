package applied

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// Config says what may be applied, and to whom it is told.
type Config struct {
	Registry *meter.Registry
	Log      *slog.Logger
	Enabled  []control.Capability // by the program; nothing else is ever applied
}

// Commands are those that one program has read, and the clients that they apply to. Its methods may be
// called from any goroutine.
type Commands struct {
	config Config
	codec  *codec
	kick   chan struct{} // something has changed that Refresh looks at

	unreadable atomic.Uint64 // values that were compressed and could not be opened

	mu            sync.Mutex
	read          *control.Set // of weir.control
	turnover      control.Turnover
	former        *control.Set // of a topic that was made anew since, while the new one does not count; nil is none
	badFiles      uint64       // local files that were refused
	file          File
	lifted        bool // for good
	clients       []*Client
	refused       []refusal         // records, for clients to tell of
	warned        time.Time         // of an SDK that is too old, the last time
	sampled       []control.Command // what is sampled otherwise than the program says
	sampledRoutes routed            // when that was found

	resources *control.Resources
	routed    routed // of which resources are
}

// routed are routes: of a set, up to an offset.
type routed struct {
	of     *control.Set
	offset int64
}

// File is what a local file says of commands. The zero value is no file.
type File struct {
	Path string
	// Off are switched off: no command for them is applied, wherever it is from.
	Off []control.Capability
	// Commands are applied in place of those of weir.control; nil where the file has none.
	Commands *control.Set
}

// refusal is a record that is not valid.
type refusal struct {
	what, why string
	at        time.Time
}

// maxRefusals bounds those that wait for a client to tell of them. Not smaller: one mistake of a
// writer is told of whole; not larger: each is an event of each client.
const maxRefusals = 32

// New returns Commands that hold none.
func New(config Config) (*Commands, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	return &Commands{config: config, codec: codec, kick: make(chan struct{}, 1), read: control.NewSet(), resources: control.ResourcesOf(nil)}, nil
}

// Feed takes records of weir.control in their order, and whether its end is behind them. Before its end was reached once, none of it applies: see control.Turnover.
func (c *Commands) Feed(records []control.Record, end bool, now time.Time) {
	c.mu.Lock()
	for _, record := range records {
		c.note(c.read.Feed(record, now), now)
	}
	c.turnover.Read(len(records), end)
	c.mu.Unlock()
	c.Kick()
}

func (c *Commands) note(change control.Change, now time.Time) {
	if change.Outcome != control.OutcomeRefused {
		return
	}
	what := change.Key
	if change.Command.Name != "" {
		what = change.Command.Name
	}
	c.config.Log.Warn("a record of weir.control is refused as a whole", "key", change.Key, "reason", string(change.Reason), "error", change.Err)
	c.refuse(refusal{what, change.Err.Error(), now})
}

// refuse has each client tell of a record or a file that is not valid; c.mu is held.
func (c *Commands) refuse(one refusal) {
	if len(c.refused) < maxRefusals {
		c.refused = append(c.refused, one)
	}
}

// UseFile has a local file's word from now on.
func (c *Commands) UseFile(file File) {
	c.mu.Lock()
	c.file = file
	c.mu.Unlock()
	c.Kick()
}

// RefuseFile notes that a local file cannot be read: what it said before stays.
func (c *Commands) RefuseFile(path string, err error, now time.Time) {
	c.mu.Lock()
	c.badFiles++
	c.refuse(refusal{path, err.Error(), now})
	c.mu.Unlock()
	c.Kick()
}

// RefusedFiles is how often a local file was refused.
func (c *Commands) RefusedFiles() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.badFiles
}

// Kick has Refresh called soon.
func (c *Commands) Kick() {
	select {
	case c.kick <- struct{}{}:
	default: // one is waiting
	}
}

// Kicked tells whoever calls Refresh that it is time.
func (c *Commands) Kicked() <-chan struct{} { return c.kick }

// Offset is the one after the newest record that was read.
func (c *Commands) Offset() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read.Offset()
}

// Restart begins with a topic that was made anew. What the former one said counts until what is read of the new one does.
func (c *Commands) Restart(now time.Time) {
	c.mu.Lock()
	if c.turnover.Counts(now) {
		c.former = c.read
	}
	c.turnover.Anew(now)
	c.read = control.NewSet()
	c.mu.Unlock()
	c.Kick()
}

// nothing is what is in force before weir.control was read.
var nothing = control.NewSet()

// File is what the local file says.
func (c *Commands) File() File {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.file
}

// inForce is the set that counts at a time; c.mu is held.
func (c *Commands) inForce(now time.Time) *control.Set {
	if c.file.Commands != nil {
		return c.file.Commands
	}
	return c.counted(now)
}

// counted is what weir.control says at a time; c.mu is held.
func (c *Commands) counted(now time.Time) *control.Set {
	switch {
	case c.turnover.Counts(now):
		c.former = nil
		return c.read
	case c.former != nil:
		return c.former
	}
	return nothing
}

// resource is the id of the route that leads to a client's topic, empty where none does; c.mu is held.
func (c *Commands) resource(of *control.Who, now time.Time) string {
	set := c.counted(now)
	if at := (routed{set, set.Offset()}); c.routed != at {
		c.routed, c.resources = at, set.Resources()
	}
	return c.resources.Newest(of)
}

// permit says why a capability must not be used, and "" where it may be; c.mu is held.
func (c *Commands) permit(of control.Capability) string {
	switch {
	case !slices.Contains(c.config.Enabled, of):
		return "the program has not enabled " + string(of)
	case slices.Contains(c.file.Off, of):
		return string(of) + " is switched off by " + c.file.Path
	}
	return ""
}

// Refresh applies what is in force at a time to every client. It says when it must be called again, at the
// latest: then a command ends by itself.
func (c *Commands) Refresh(now time.Time) (next time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lifted {
		return time.Time{}, false
	}
	for _, client := range c.clients {
		c.refresh(client, now)
	}
	c.refused = c.refused[:0]
	c.steerReports(now)
	return c.inForce(now).NextExpiry(now)
}

// refresh applies what is in force to one client; c.mu is held. A panic is this package's own mistake: the
// host goes on with what was applied before.
func (c *Commands) refresh(client *Client, now time.Time) {
	defer client.measured.Recover()
	client.refresh(now)
}
