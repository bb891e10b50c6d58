package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/boundedfile"
	"github.com/weirmq/weir/sdk/internal/applied"
)

// maxFileBytes bounds a local file. Not less: hundreds of commands fit; not more: it is read into the host's memory.
const maxFileBytes = 1 << 20

// readFile reads a local file. What it says is taken as a whole or not at all.
func readFile(path string, now time.Time) (applied.File, error) {
	value, err := boundedfile.Read(path, maxFileBytes)
	if err != nil {
		return applied.File{}, fmt.Errorf("%w: %w", errUnread, err)
	}
	file, err := parseFile(value, now)
	if err != nil {
		return applied.File{}, fmt.Errorf("%s: %w", path, err)
	}
	file.Path = path
	return file, nil
}

// parseFile reads the JSON of a local file: off are capabilities that are switched off, and commands are applied in place of those of weir.control, also where the
// list is empty.
func parseFile(value []byte, now time.Time) (file applied.File, err error) {
	lists, err := control.Lists(value, "off", "commands")
	if err != nil {
		return file, err
	}
	if off := lists["off"]; off != nil {
		if err := json.Unmarshal(off, &file.Off); err != nil {
			return file, fmt.Errorf("off: %w; known are %v", err, control.Capabilities)
		}
	}
	for _, capability := range file.Off {
		if !slices.Contains(control.Capabilities, capability) {
			return file, fmt.Errorf("off has %q: known are %v", capability, control.Capabilities)
		}
	}
	if lists["commands"] == nil {
		return file, nil
	}
	var commands []json.RawMessage
	if err := json.Unmarshal(lists["commands"], &commands); err != nil {
		return file, fmt.Errorf("commands: %w", err)
	}
	file.Commands, err = setOf(commands, now)
	return file, err
}

// setOf is a set of commands, of which each is valid.
func setOf(values []json.RawMessage, now time.Time) (*control.Set, error) {
	set := control.NewSet()
	for i, value := range values {
		command, err := control.ParseCommand(value)
		if err != nil {
			return nil, fmt.Errorf("commands[%d]: %w", i, err)
		}
		record := control.Record{Key: []byte(command.Key()), Value: value, Offset: int64(i)}
		switch change := set.Feed(record, now); change.Outcome {
		case control.OutcomeApplied:
		case control.OutcomeRefused:
			return nil, fmt.Errorf("commands[%d]: %w", i, change.Err)
		default:
			return nil, fmt.Errorf("commands[%d]: %q is there twice", i, command.Name)
		}
	}
	return set, nil
}

// fileWatch remembers a local file as it was read last.
type fileWatch struct {
	path     string
	modified time.Time
	bytes    int64
	present  bool
	began    bool
	unread   string // why it could not be read, and is tried again; empty where it was
}

// errUnread is of a file whose bytes could not be read: it may be readable later, unchanged.
var errUnread = errors.New("it cannot be read")

// watch reads the local file where it has changed. While it cannot be read, what it said before stays; if nothing was
// read before, everything is switched off: somebody wanted something, and what is not known.
func (a *Agent) watch(w *fileWatch, now time.Time) {
	defer a.config.Telemetry.Registry().Recover()
	if w.path == "" {
		return
	}
	info, err := os.Stat(w.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if w.present || !w.began {
			a.commands.UseFile(applied.File{})
		}
		*w = fileWatch{path: w.path, began: true}
		return
	case err == nil && w.present && w.unread == "" && info.ModTime().Equal(w.modified) && info.Size() == w.bytes:
		return
	case err != nil && w.present:
		return // it is asked again
	}
	first, told := !w.began, w.unread
	*w = fileWatch{path: w.path, present: true, began: true}
	if err == nil {
		w.modified, w.bytes = info.ModTime(), info.Size()
	}
	file, err := readFile(w.path, now)
	if err == nil {
		a.config.Log.Info("commands follow a local file", "file", w.path, "off", file.Off, "replaces", file.Commands != nil)
		a.commands.UseFile(file)
		return
	}
	if errors.Is(err, errUnread) {
		w.unread = err.Error()
	}
	if w.unread == "" || w.unread != told { // it is told once
		a.refuse(w.path, err, first, now)
	}
}

func (a *Agent) refuse(path string, err error, first bool, now time.Time) {
	a.config.Log.Error("the local file of commands is refused as a whole", "file", path, "error", err, "everything_off", first)
	a.commands.RefuseFile(path, err, now)
	if first {
		a.commands.UseFile(applied.File{Path: path, Off: control.Capabilities})
	}
}
