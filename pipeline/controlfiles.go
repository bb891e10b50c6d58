package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/boundedfile"
	"github.com/weirmq/weir/rules"
)

// maxControlFileBytes bounds one file of commands and routes. Not smaller: a directory of thousands of routes has that; not larger: nobody reviews more.
const maxControlFileBytes = 4 << 20

// controlFiles is what a folder of commands and routes says: as it is written, without what a writer fills in.
type controlFiles struct {
	files    int // that were read
	commands []fileCommand
	routes   []fileRoute
	// telemetry bounds how seldom clients may be asked to report.
	telemetry TelemetryConfig
}

// fileCommand is a command of a file.
type fileCommand struct {
	control.Command
	at filePlace
}

// fileRoute is a route of a file.
type fileRoute struct {
	control.Route
	at filePlace
}

// filePlace is where something begins in a file.
type filePlace struct {
	file string
	line int
}

func (p filePlace) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// readControlFiles reads every *.yaml and *.yml below a folder, or one file. The error is rules.Faults with all that is wrong in all files. A folder that is not
// there holds no files, and that is no error: control may be used without.
func readControlFiles(path string, now time.Time, telemetry TelemetryConfig) (*controlFiles, error) {
	paths, err := controlPaths(path)
	if err != nil {
		return nil, err
	}
	read := &controlFiles{files: len(paths), telemetry: telemetry}
	var faults rules.Faults
	for _, one := range paths {
		content, err := readBounded(one)
		if err != nil {
			return nil, err
		}
		faults = append(faults, read.parse(one, content, now)...)
	}
	if faults = append(faults, read.twice()...); len(faults) > 0 {
		return nil, faults
	}
	return read, nil
}

func controlPaths(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read commands: %w", err)
	case !info.IsDir():
		return []string{path}, nil
	}
	var paths []string
	root := path + string(filepath.Separator) // so that a link to a folder is followed
	err = filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && at != root
		switch {
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case !hidden && !entry.IsDir() && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(at)):
			paths = append(paths, filepath.Clean(at))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read commands: %w", err)
	}
	slices.Sort(paths)
	return paths, nil
}

func readBounded(path string) ([]byte, error) {
	content, err := boundedfile.Read(path, maxControlFileBytes)
	if err != nil {
		return nil, fmt.Errorf("read commands: %s: %w", path, err)
	}
	return content, nil
}

// parse adds what all documents of a file say, and returns what is wrong with it.
func (c *controlFiles) parse(path string, content []byte, now time.Time) rules.Faults {
	if faults := rules.Undecoded(path, content); faults != nil {
		return faults
	}
	p := &controlParser{path: path, lines: strings.Split(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n"), now: now, into: c}
	for documents := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var document yaml.Node
		switch err := documents.Decode(&document); {
		case errors.Is(err, io.EOF):
			return p.faults
		case err != nil:
			p.syntax(string(content), err)
			return p.faults
		case len(document.Content) > 0 && document.Content[0].Tag != "!!null":
			p.document(document.Content[0])
		}
	}
}

// twice says which names are in the files twice.
func (c *controlFiles) twice() rules.Faults {
	first := map[string]filePlace{}
	var faults rules.Faults
	check := func(what, key string, at filePlace) {
		if other, is := first[key]; is {
			faults = append(faults, rules.Fault{File: at.file, Line: at.line, Column: 1, Message: fmt.Sprintf("%s is already at %s", what, other), Hint: "remove one, or give it another name"})
			return
		}
		first[key] = at
	}
	for i := range c.commands {
		check(fmt.Sprintf("a command %q", c.commands[i].Name), c.commands[i].Key(), c.commands[i].at)
	}
	for i := range c.routes {
		check(fmt.Sprintf("a route %q of this env and lane", c.routes[i].ID), c.routes[i].Key(), c.routes[i].at)
	}
	return faults
}
