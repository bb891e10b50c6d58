package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/applied"
)

// maxFileBytes bounds a local file. Not less: hundreds of commands fit; not more: it is read into the host's memory.
const maxFileBytes = 1 << 20

// localFile is the JSON of a local file.
type localFile struct {
	// Off are switched off.
	Off []control.Capability `json:"off,omitempty"`
	// Commands are applied in place of those of weir.control, also where the list is empty.
	Commands *[]json.RawMessage `json:"commands,omitempty"`
}

// readFile reads a local file. What it says is taken as a whole or not at all.
func readFile(path string, now time.Time) (applied.File, error) {
	value, err := readBounded(path)
	if err != nil {
		return applied.File{}, err
	}
	var read localFile
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return applied.File{}, fmt.Errorf("%s: %w; want {\"off\": [...]}, {\"commands\": [...]} or both", path, err)
	}
	for _, capability := range read.Off {
		if !slices.Contains(control.Capabilities, capability) {
			return applied.File{}, fmt.Errorf("%s: off has %q: known are %v", path, capability, control.Capabilities)
		}
	}
	file := applied.File{Path: path, Off: read.Off}
	if read.Commands == nil {
		return file, nil
	}
	if file.Commands, err = setOf(*read.Commands, now); err != nil {
		return applied.File{}, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	value, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err == nil && len(value) > maxFileBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFileBytes)
	}
	return value, err
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
}

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
	case err == nil && w.present && info.ModTime().Equal(w.modified) && info.Size() == w.bytes:
		return
	case err != nil && w.present:
		return // it is asked again
	}
	first := !w.began
	*w = fileWatch{path: w.path, present: true, began: true}
	if err == nil {
		w.modified, w.bytes = info.ModTime(), info.Size()
	}
	a.use(w.path, first, now)
}

func (a *Agent) use(path string, first bool, now time.Time) {
	file, err := readFile(path, now)
	if err == nil {
		a.config.Log.Info("commands follow a local file", "file", path, "off", file.Off, "replaces", file.Commands != nil)
		a.commands.UseFile(file)
		return
	}
	a.config.Log.Error("the local file of commands is refused as a whole", "file", path, "error", err, "everything_off", first)
	a.commands.RefuseFile(path, err, now)
	if first {
		a.commands.UseFile(applied.File{Path: path, Off: control.Capabilities})
	}
}
