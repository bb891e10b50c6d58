package control_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/internal/golden"
)

// began is when every case begins.
var began = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// TestScripts feeds the records of testdata/*.txt and holds what each line says, the lines that begin with ">".
//
//	case NAME                            a new Set, at 12:00:00
//	at 1h                                what follows is so long after the begin
//	command {"name":"a",...}             a record of a command: of what is left out, revision 1, an author, a reason, created_at now, expires_at an hour
//	                                     later; null takes a field out of these, and +1h stands for a time
//	route {"id":"a",...}                 a record of a route: of what is left out, revision 1, kafka, a cluster and an endpoint
//	record KEY VALUE                     a record as it stands
//	tombstone KEY                        one that takes away
//	again                                the record before once more
//	ask pause client=a topic=b partition=3
//	                                     what applies to that
//	where ID ENV LANE                    which route is found; - for an empty one
//	held                                 what is held, in the order of the log
func TestScripts(t *testing.T) {
	t.Parallel()
	golden.Scripts(t, "testdata/*.txt", play)
}

// player is one case of a script.
type player struct {
	t    *testing.T
	set  *control.Set
	now  time.Time
	last control.Record
}

func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	p := &player{t: t, set: control.NewSet(), now: began}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		out.WriteString(line)
		line = strings.TrimSpace(line)
		head, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || head == "#":
		case head == "case":
			p = &player{t: t, set: control.NewSet(), now: began}
		case head == "at":
			p.now = p.time("+" + rest)
		default:
			fmt.Fprintf(&out, "> %s\n", strings.ReplaceAll(p.line(head, rest), "\n", "\n> "))
		}
	}
	return out.String()
}

// line plays one line and returns what is said.
func (p *player) line(head, rest string) string {
	p.t.Helper()
	switch head {
	case "command":
		value := p.filled(rest, map[string]any{"schema": 1, "revision": 1, "author": "li", "reason": "a test", "created_at": "+0s", "expires_at": "+1h"})
		return p.feed(control.CommandKey(fmt.Sprint(value["name"])), p.json(value))
	case "route":
		value := p.filled(rest, map[string]any{"schema": 1, "revision": 1, "system": "kafka", "cluster": "c", "endpoints": []string{"k1:9092"}})
		text := func(name string) string {
			text, _ := value[name].(string)
			return text
		}
		return p.feed(control.RouteKey(text("env"), text("lane"), text("id")), p.json(value))
	case "record":
		key, value, _ := strings.Cut(rest, " ")
		return p.feed(key, []byte(value))
	case "tombstone":
		return p.feed(rest, nil)
	case "again":
		return p.feed(string(p.last.Key), p.last.Value)
	case "ask":
		return p.ask(rest)
	case "where":
		return p.where(strings.Fields(rest))
	case "held":
		return p.held()
	}
	p.t.Fatalf("no such line: %s %s", head, rest)
	return ""
}

// filled is a JSON object over what is in it otherwise, with times for what is written as +1h.
func (p *player) filled(text string, defaults map[string]any) map[string]any {
	p.t.Helper()
	var given map[string]any
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	for name, value := range given {
		if defaults[name] = value; value == nil {
			delete(defaults, name)
		}
	}
	for _, name := range []string{"created_at", "expires_at"} {
		if offset, ok := defaults[name].(string); ok && strings.ContainsAny(offset[:1], "+-") {
			defaults[name] = p.after(p.now, offset).Format(time.RFC3339)
		}
	}
	return defaults
}

// after is a time so long after another, as +1h or -1h.
func (p *player) after(at time.Time, offset string) time.Time {
	p.t.Helper()
	duration, err := time.ParseDuration(offset)
	if err != nil {
		p.t.Fatal(err)
	}
	return at.Add(duration)
}

func (p *player) time(offset string) time.Time { return p.after(began, offset) }

func (p *player) json(value any) []byte {
	p.t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

func (p *player) feed(key string, value []byte) string {
	p.last = control.Record{Key: []byte(key), Value: value, Offset: p.set.Offset(), AppendedAt: p.now}
	change := p.set.Feed(p.last, p.now)
	said := string(change.Outcome)
	switch {
	case change.Outcome == control.OutcomeRefused:
		var faults control.Faults
		if !errors.As(change.Err, &faults) {
			return fmt.Sprintf("refused as %s: %v", change.Reason, change.Err)
		}
		said = fmt.Sprintf("refused as %s", change.Reason)
		for _, fault := range faults {
			said += "\n  " + fault.String()
		}
		return said
	case change.Command.Revision > 0:
		said += " " + change.Command.String()
	case change.Route.Revision > 0:
		said += " " + change.Route.String()
	}
	if change.Same {
		said += ", the same"
	}
	return said
}

func (p *player) ask(rest string) string {
	p.t.Helper()
	capability, rest, _ := strings.Cut(rest, " ")
	who := control.Who{Partition: control.AllPartitions}
	texts := map[string]*string{"env": &who.Env, "cluster": &who.Cluster, "system": &who.System, "client": &who.Client, "lane": &who.Lane, "tier": &who.Tier,
		"topic": &who.Topic, "group": &who.Group, "resource": &who.Resource, "lang": &who.SDKLang}
	for field := range strings.FieldsSeq(rest) {
		name, value, _ := strings.Cut(field, "=")
		if name == "partition" {
			number, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				p.t.Fatal(err)
			}
			who.Partition = int32(number)
			continue
		}
		if texts[name] == nil {
			p.t.Fatalf("no such label: %s", name)
		}
		*texts[name] = value
	}
	resolution, said := p.set.Resolve(control.Capability(capability), &who, p.now), "nothing"
	if resolution.Applies != nil {
		said = resolution.Applies.Action() + " by " + resolution.Applies.String()
		if limit := resolution.Applies.SendLimit; limit != nil {
			said += fmt.Sprintf(", %g/s each", limit.PerClientMessagesPerSecond())
			if cold := limit.PerClientColdFactor(); cold != limit.ColdFactor {
				said += fmt.Sprintf(", begins %g times lower and not %g", cold, limit.ColdFactor)
			}
		}
	}
	if resolution.Shadow != nil {
		said += "; in shadow " + resolution.Shadow.String()
	}
	return said
}

func (p *player) where(asked []string) string {
	p.t.Helper()
	for i := range asked {
		if asked[i] == "-" {
			asked[i] = ""
		}
	}
	route, found := p.set.Route(asked[0], asked[1], asked[2])
	if !found {
		return "nowhere"
	}
	return fmt.Sprintf("%s of %s at %s, by %s", route.Topic, route.Cluster, strings.Join(route.Endpoints, ","), &route)
}

func (p *player) held() string {
	lines := []string{fmt.Sprintf("offset %d, ignored %d", p.set.Offset(), p.set.Ignored())}
	for _, reason := range control.Reasons {
		if refused := p.set.Refused(reason); refused > 0 {
			lines[0] += fmt.Sprintf(", refused as %s %d", reason, refused)
		}
	}
	for _, command := range p.set.Commands() {
		state := "in force"
		if !command.InForce(p.now) {
			state = "over"
		}
		lines = append(lines, fmt.Sprintf("%s %s", &command, state))
	}
	for _, route := range p.set.Routes() {
		lines = append(lines, route.String())
	}
	return strings.Join(lines, "\n")
}
