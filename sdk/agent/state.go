package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
)

// State is what the agent knows and applies.
type State struct {
	Offset   int64     // after the newest record of weir.control that was read
	ReadAt   time.Time // when its cluster answered last; zero: never
	Fault    error     // why it cannot be read; nil while it can, and while nothing is known
	File     string    // the local file that is followed; empty is none
	Off      []control.Capability
	Replaced bool // the file's commands count, and those of weir.control do not
	Clients  []ClientState
}

// ClientState is what applies to one client.
type ClientState struct {
	Client, System, Group string
	Applies               []AppliedCommand
	Refuses               map[string]string // NAME@REVISION of commands that touch the client and may not be applied: why
	Delayed, Flagged      uint64            // messages: that a send limit made wait, and that were larger than flag_bytes
	Compressed, TooLarge  uint64
	WouldTouch            uint64 // that commands in shadow would have delayed, compressed or refused
}

// AppliedCommand is a command that applies, with who wants it, why and until when.
type AppliedCommand struct {
	Name     string
	Revision uint64
	Action   string // as in the command's JSON
	Shadow   bool   // it is only counted
	Topics   []string
	Author   string
	Reason   string
	Expires  time.Time
}

// State says what is known and applied now.
func (a *Agent) State() State {
	var s State
	s.ReadAt, s.Fault = a.reader.State()
	s.Offset = a.commands.Offset()
	file := a.commands.File()
	s.File, s.Off, s.Replaced = file.Path, slices.Clone(file.Off), file.Commands != nil
	for _, client := range a.commands.Clients() {
		labels, counts := client.Measured().Labels(), client.Counts()
		of := ClientState{Client: labels.Client, System: labels.System, Group: labels.Group, Refuses: client.Refuses(), Delayed: counts.Delayed,
			Flagged: counts.Flagged, Compressed: counts.Compressed, TooLarge: counts.TooLarge, WouldTouch: counts.WouldTouch}
		for _, one := range client.Applies() {
			c := &one.Command
			of.Applies = append(of.Applies, AppliedCommand{Name: c.Name, Revision: c.Revision, Action: c.Action(), Shadow: one.Shadow,
				Topics: one.Topics, Author: c.Author, Reason: c.Reason, Expires: c.ExpiresAt})
		}
		s.Clients = append(s.Clients, of)
	}
	slices.SortFunc(s.Clients, func(a, b ClientState) int { return cmp.Compare(a.Client, b.Client) })
	return s
}
