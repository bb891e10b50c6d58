package control

import (
	"encoding/json"
	"errors"
	"fmt"
)

var (
	// ErrSchema is in the error for a record that a newer writer wrote.
	ErrSchema = errors.New("newer schema")
	// ErrOversized is in the error for a record whose value is longer than MaxRecordBytes.
	ErrOversized = errors.New("oversized")
)

// ParseCommand reads and validates the JSON of a command. The error is Faults with all that is wrong, or has ErrSchema or ErrOversized in it.
func ParseCommand(value []byte) (Command, error) {
	command, faults, err := DecodeCommand(value)
	if err == nil && len(faults) == 0 {
		faults = command.faults()
	}
	if err == nil {
		err = faults.err()
	}
	if err != nil {
		return Command{}, fmt.Errorf("command: %w", err)
	}
	return command, nil
}

// ParseRoute reads and validates the JSON of a route, as ParseCommand does.
func ParseRoute(value []byte) (Route, error) {
	route, faults, err := DecodeRoute(value)
	if err == nil && len(faults) == 0 {
		faults = route.faults()
	}
	if err == nil {
		err = faults.err()
	}
	if err != nil {
		return Route{}, fmt.Errorf("route: %w", err)
	}
	return route, nil
}

// DecodeCommand reads the JSON of a command that may lack what a writer fills in, with the defaults of what is left out: faults are fields that do not fit.
// It is not validated.
func DecodeCommand(value []byte) (Command, Faults, error) {
	var command Command
	if err := readable(value); err != nil {
		return command, nil, err
	}
	faults := strict(value, &command)
	command.inUTC()
	return command, faults, nil
}

// inUTC has all times be of one zone: a time is the same whichever zone it is written in, and so is what is asked.
func (c *Command) inUTC() {
	c.CreatedAt, c.ExpiresAt = c.CreatedAt.UTC(), c.ExpiresAt.UTC()
	if c.Ended != nil {
		c.Ended.At = c.Ended.At.UTC()
	}
}

// DecodeRoute reads the JSON of a route, as DecodeCommand does.
func DecodeRoute(value []byte) (Route, Faults, error) {
	var route Route
	if err := readable(value); err != nil {
		return route, nil, err
	}
	faults := strict(value, &route)
	return route, faults, nil
}

// readable says whether a value can be one of this schema. A newer one is told before its fields are looked at, which are not known.
func readable(value []byte) error {
	if len(value) > MaxRecordBytes {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrOversized, len(value), MaxRecordBytes)
	}
	var version struct {
		Schema int `json:"schema"`
	}
	if json.Unmarshal(value, &version) == nil && version.Schema > Schema {
		return fmt.Errorf("%w: schema is %d, and this reader knows %d: upgrade it", ErrSchema, version.Schema, Schema)
	}
	return nil
}

// Encode returns the value of the command's record, or why it cannot be one.
func (c *Command) Encode() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return encode(c, "command "+c.String())
}

// Encode returns the value of the route's record, or why it cannot be one.
func (r *Route) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return encode(r, "route "+r.String())
}

func encode(value any, what string) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if len(text) > MaxRecordBytes {
		return nil, fmt.Errorf("%s: %w: %d bytes, at most %d are allowed", what, ErrOversized, len(text), MaxRecordBytes)
	}
	return text, nil
}
