package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/weirmq/weir/control"
)

// maxControlBody bounds what is posted. Not smaller: a hundred commands have that; not larger: it is held in memory.
const maxControlBody = 1 << 20

// readControlBody reads {"commands": [...], "routes": [...]}, of which the author is who is known to post it.
func readControlBody(body io.Reader, author string) (commands []control.Command, routes []control.Route, err error) {
	text, err := io.ReadAll(io.LimitReader(body, maxControlBody+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read what is posted: %w", err)
	case len(text) > maxControlBody:
		return nil, nil, fmt.Errorf("more than %d bytes are posted", maxControlBody)
	}
	posted, err := readPosted(text)
	if err != nil {
		return nil, nil, fmt.Errorf(`want {"commands": [...], "routes": [...]}: %w`, err)
	}
	for key, items := range posted {
		for i, item := range items {
			var faults control.Faults
			var err error
			switch key {
			case "commands":
				var command control.Command
				command, faults, err = control.DecodeCommand(item)
				faults = append(faults, posts(command.Author, author, filledCommand(&command))...)
				command.Author = author
				commands = append(commands, command)
			case "routes":
				var route control.Route
				route, faults, err = control.DecodeRoute(item)
				faults = append(faults, posts(route.Author, author, route.Schema != 0 || route.Revision != 0 || route.Source != "" || route.Spec != "")...)
				route.Author = author
				routes = append(routes, route)
			default:
				err = errors.New("unknown key; allowed are commands and routes")
			}
			if err == nil && len(faults) > 0 {
				err = faults
			}
			if err != nil {
				return nil, nil, fmt.Errorf("%s[%d]: %w", key, i, err)
			}
		}
	}
	return commands, routes, postedTwice(commands, routes)
}

// postedTwice says that two of what is posted have one record: only one of them could be in force.
func postedTwice(commands []control.Command, routes []control.Route) error {
	seen := map[string]bool{}
	for i := range commands {
		c := &commands[i]
		if seen[c.Key()] {
			return fmt.Errorf("commands[%d]: %q is there twice", i, c.Name)
		}
		seen[c.Key()] = true
	}
	for i := range routes {
		r := &routes[i]
		if seen[r.Key()] {
			return fmt.Errorf("routes[%d]: %q is there twice in env %q and lane %q", i, r.ID, r.Env, r.Lane)
		}
		seen[r.Key()] = true
	}
	return nil
}

// readPosted reads an object of lists. A key that is there twice is refused: encoding/json would keep the second alone.
func readPosted(text []byte) (map[string][]json.RawMessage, error) {
	var lists map[string][]json.RawMessage
	if err := json.Unmarshal(text, &lists); err != nil {
		return nil, err
	}
	if lists == nil {
		return nil, errors.New("got null")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	_, _ = decoder.Token() // the brace; all of it is valid JSON
	seen := map[string]bool{}
	for decoder.More() {
		token, _ := decoder.Token()
		key, _ := token.(string)
		var list json.RawMessage
		if err := decoder.Decode(&list); err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, fmt.Errorf("%s is there twice", key)
		}
		seen[key] = true
	}
	return lists, nil
}

func filledCommand(c *control.Command) bool {
	return c.Schema != 0 || c.Revision != 0 || c.Source != "" || c.Spec != "" || c.Ended != nil
}

// posts says what is wrong with what a caller gives that is not the caller's to say.
func posts(given, author string, filled bool) control.Faults {
	var faults control.Faults
	if given != "" && given != author {
		faults = append(faults, control.Fault{Path: "author", Message: fmt.Sprintf("got %q, and the token is of %q: leave it out", given, author)})
	}
	if filled {
		faults = append(faults, control.Fault{Message: "schema, revision, source, spec and ended are filled in when it is written: leave them out"})
	}
	return faults
}
