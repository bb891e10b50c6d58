package control

import (
	"fmt"
	"net/url"
	"strings"
)

const (
	commandKey = "command/"
	routeKey   = "route/"
)

// CommandKey is the key of the record of the command with that name: command/NAME.
func CommandKey(name string) string { return commandKey + url.PathEscape(name) }

// RouteKey is the key of a route's record: route/ENV/LANE/ID, each part percent-encoded where it has a slash or the like. env and lane may be empty.
func RouteKey(env, lane, id string) string {
	return routeKey + url.PathEscape(env) + "/" + url.PathEscape(lane) + "/" + url.PathEscape(id)
}

// Key is the key of the command's record.
func (c *Command) Key() string { return CommandKey(c.Name) }

// Key is the key of the route's record.
func (r *Route) Key() string { return RouteKey(r.Env, r.Lane, r.ID) }

// key is what a record's key names.
type key struct {
	command       bool
	name          string // of a command
	env, lane, id string // of a route
}

// parseKey reads a key, which must be written as this package does: otherwise one thing had two records.
func parseKey(text string) (key, error) {
	parts := strings.Split(text, "/")
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil {
			return key{}, fmt.Errorf("key %q: %w", text, err)
		}
		parts[i] = part
	}
	switch {
	case len(parts) == 2 && parts[0] == "command" && parts[1] != "" && CommandKey(parts[1]) == text:
		return key{command: true, name: parts[1]}, nil
	case len(parts) == 4 && parts[0] == "route" && parts[3] != "" && RouteKey(parts[1], parts[2], parts[3]) == text:
		return key{env: parts[1], lane: parts[2], id: parts[3]}, nil
	}
	return key{}, fmt.Errorf("key %q: want command/NAME or route/ENV/LANE/ID, with parts percent-encoded as Go's url.PathEscape does", text)
}
