package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/rules"
)

// filledIn are fields of records that a writer fills in: files do not have them.
var filledIn = []string{"schema", "revision", "source", "spec", "ended"}

// controlParser reads the documents of one file.
type controlParser struct {
	path   string
	lines  []string
	now    time.Time
	into   *controlFiles
	faults rules.Faults
}

func (p *controlParser) fault(node *yaml.Node, hint, format string, args ...any) {
	p.faults = append(p.faults, rules.Fault{File: p.path, Line: node.Line, Column: node.Column, Source: p.line(node.Line), Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *controlParser) line(number int) string {
	if number < 1 || number > len(p.lines) {
		return ""
	}
	return p.lines[number-1]
}

func (p *controlParser) syntax(text string, err error) {
	fault := rules.SyntaxFault(text, err)
	fault.File, fault.Line = p.path, max(fault.Line, 1)
	fault.Source = p.line(fault.Line)
	fault.Column = max(fault.Column, 1)
	fault.Message = "not YAML: " + fault.Message
	p.faults = append(p.faults, fault)
}

var controlKeys = []string{"commands", "routes"}

func (p *controlParser) document(node *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		p.fault(node, "begin with commands: or routes:", "want keys with values at the top of a file")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case !slices.Contains(controlKeys, key.Value):
			p.fault(key, rules.DidYouMean(key.Value, controlKeys), "unknown key %q, allowed are %s", key.Value, strings.Join(controlKeys, " and "))
			continue
		case seen[key.Value]:
			p.fault(key, "", "%s is there twice", key.Value)
			continue
		}
		seen[key.Value] = true
		if value.Tag == "!!null" {
			continue
		}
		if value.Kind != yaml.SequenceNode {
			p.fault(value, "begin each with - in a line of its own", "%s: want a list", key.Value)
			continue
		}
		for _, item := range value.Content {
			if key.Value == "commands" {
				p.command(item)
			} else {
				p.route(item)
			}
		}
	}
}

func (p *controlParser) command(node *yaml.Node) {
	value, places := p.json(node)
	if value == nil {
		return
	}
	command, faults, err := control.DecodeCommand(value)
	if err != nil {
		p.fault(node, "", "%s", err)
		return
	}
	if len(faults) == 0 {
		whole := command
		fillIn(&whole, control.Command{}, p.now)
		faults = append(faultsOf(whole.Validate()), aheadFaults(&command, p.now)...)
	}
	if len(faults) == 0 {
		faults = p.into.telemetry.reportFaults(&command, p.now)
	}
	if p.place(faults, node, places) {
		p.into.commands = append(p.into.commands, fileCommand{command, filePlace{p.path, node.Line}})
	}
}

func (p *controlParser) route(node *yaml.Node) {
	value, places := p.json(node)
	if value == nil {
		return
	}
	route, faults, err := control.DecodeRoute(value)
	if err != nil {
		p.fault(node, "", "%s", err)
		return
	}
	if len(faults) == 0 {
		whole := route
		whole.Schema, whole.Revision = control.Schema, 1
		faults = faultsOf(whole.Validate())
	}
	if p.place(faults, node, places) {
		p.into.routes = append(p.into.routes, fileRoute{route, filePlace{p.path, node.Line}})
	}
}

// fillIn gives a command as a file or a caller has it what a writer fills in, to be written in place of what is held, the zero command for nothing.
func fillIn(command *control.Command, held control.Command, now time.Time) {
	command.Spec = command.Digest()
	command.Schema, command.Revision, command.Ended = control.Schema, held.Revision+1, nil
	if command.CreatedAt.IsZero() {
		command.CreatedAt = now.UTC().Truncate(time.Second)
		if !command.ExpiresAt.IsZero() && !command.ExpiresAt.After(command.CreatedAt) { // it is over: of files that stay in git that is no fault
			command.CreatedAt = command.ExpiresAt.Add(-time.Second)
		}
	}
}

// aheadFaults says that a command is of the time to come, for which readers refuse it: they go by the broker's clock.
func aheadFaults(command *control.Command, now time.Time) control.Faults {
	if !command.CreatedAt.After(now.Add(control.MaxClockSkew)) {
		return nil
	}
	return control.Faults{{Path: "created_at", Message: fmt.Sprintf("got %s, and it is %s: at most %s ahead is allowed", shownTime(command.CreatedAt), shownTime(now), control.MaxClockSkew)}}
}

// faultsOf are the faults that an error is of.
func faultsOf(err error) control.Faults {
	var faults control.Faults
	if err != nil && !errors.As(err, &faults) {
		faults = control.Faults{{Message: err.Error()}}
	}
	return faults
}

// place says where in the file each fault is, and whether there is none.
func (p *controlParser) place(faults control.Faults, node *yaml.Node, places map[string]*yaml.Node) bool {
	for _, fault := range faults {
		at, path := node, fault.Path
		for path != "" {
			if found := places[path]; found != nil {
				at = found
				break
			}
			path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		}
		name := fault.Path[strings.LastIndex(fault.Path, ".")+1:]
		p.fault(at, rules.DidYouMean(name, fault.Known), "%s", fault.String())
	}
	return len(faults) == 0
}

// json is a mapping of a file as JSON, and where the value of each path stands; nil where something is wrong with it.
func (p *controlParser) json(node *yaml.Node) ([]byte, map[string]*yaml.Node) {
	before := len(p.faults)
	if node.Kind != yaml.MappingNode {
		p.fault(node, "", "want keys with values")
		return nil, nil
	}
	for i := 0; i < len(node.Content); i += 2 {
		if slices.Contains(filledIn, node.Content[i].Value) {
			p.fault(node.Content[i], "leave it out", "%s is filled in when it is written", node.Content[i].Value)
		}
	}
	places := map[string]*yaml.Node{}
	var out strings.Builder
	p.value(&out, node, "", places)
	if len(p.faults) > before {
		return nil, nil
	}
	return []byte(out.String()), places
}

// value writes a node as JSON. Aliases are not followed: a file of ten lines could stand for gigabytes.
func (p *controlParser) value(out *strings.Builder, node *yaml.Node, path string, places map[string]*yaml.Node) {
	places[path] = node
	switch node.Kind {
	case yaml.MappingNode:
		out.WriteByte('{')
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if i > 0 {
				out.WriteByte(',')
			}
			below := strings.TrimPrefix(path+"."+key.Value, ".")
			writeJSONText(out, key.Value)
			out.WriteByte(':')
			p.value(out, node.Content[i+1], below, places)
			places[below] = key
			if node.Content[i+1].Kind == yaml.ScalarNode {
				places[below] = node.Content[i+1]
			}
		}
		out.WriteByte('}')
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, item := range node.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			p.value(out, item, path+"["+strconv.Itoa(i)+"]", places)
		}
		out.WriteByte(']')
	case yaml.ScalarNode:
		p.scalar(out, node, path)
	default:
		p.fault(node, "write the values themselves", "aliases are not taken here")
	}
}

// scalar writes a number, true, false or null as such, and everything else as the text that it is: times, too.
func (p *controlParser) scalar(out *strings.Builder, node *yaml.Node, path string) {
	var value any
	switch node.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
		if err := node.Decode(&value); err != nil {
			p.fault(node, "", "%s: %s", path, err)
			return
		}
	default:
		value = node.Value
	}
	text, err := json.Marshal(value)
	if err != nil { // .inf and .nan
		p.fault(node, "", "%s: got %s, want a number", path, node.Value)
		return
	}
	out.Write(text)
}

func writeJSONText(out *strings.Builder, text string) {
	quoted, _ := json.Marshal(text) // a text always can be
	out.Write(quoted)
}
