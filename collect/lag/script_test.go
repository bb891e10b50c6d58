package lag

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/golden"
)

// began is when every script begins.
var began = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// TestScripts plays the polls of testdata/*.txt and holds what is said after each line, the lines that begin with ">".
//
//	case NAME             a log and a group, new ones
//	spacing 2s            a new group, whose commits are judged so far apart
//	0s: end=9 commit=5    a poll, 0 s after the begin; what a line does not name stays as it was
//	5s..1m every 5s: end+=10 commit+=10
//	                      a poll every 5 s, each adding 10
//	found 30s: asked=5 offset=7 stored=10s
//	                      a reader answers, 30 s after the begin; partly=yes where it looked no further
//	at 40s                nothing but time
//
// Fields: start, end, open, commit (none: never committed), retention, keep (bytes of it), bytes, topic; made and stored (a time;
// now: that of each poll; unknown); owner (yes, no, unknown), paused (yes, no); ends and commits (why they could not be read, this
// once); clock: how far it is set off.
func TestScripts(t *testing.T) {
	golden.Scripts(t, "testdata/*.txt", play)
}

// player is one case of a script.
type player struct {
	t         *testing.T
	log       *Log
	partition *Partition
	ends      Ends
	commit    Commit
	made      string // a time, "now" or ""
	stored    string
	clock     time.Duration
}

func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	var p *player
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		out.WriteString(line)
		line = strings.TrimSpace(line)
		switch head, rest, _ := strings.Cut(line, " "); {
		case line == "" || head == "#":
		case head == "case":
			log := &Log{}
			p = &player{t: t, log: log, partition: Spaced(log, DefaultSpacing)}
		case head == "spacing":
			p.partition = Spaced(p.log, p.duration(rest))
		default:
			out.WriteString(p.say(p.line(line, head, rest)))
		}
	}
	return out.String()
}

// line plays one line and returns the time that it ends at.
func (p *player) line(line, head, rest string) time.Time {
	p.t.Helper()
	switch head {
	case "at":
		return p.time(rest)
	case "found":
		at, fields, _ := strings.Cut(rest, ":")
		found := Found{At: p.time(at)}
		for field := range strings.FieldsSeq(fields) {
			switch name, value, _ := strings.Cut(field, "="); name {
			case "asked":
				found.Asked = p.number(value)
			case "offset":
				found.Offset = p.number(value)
			case "stored":
				found.Stored = began.Add(p.duration(value))
			case "partly":
				found.Partly = value == "yes"
			default:
				p.t.Fatalf("field %s in %q", name, line)
			}
		}
		p.partition.Found(found)
		return found.At
	}
	when, fields, _ := strings.Cut(line, ":")
	span, every, repeats := strings.Cut(when, " every ")
	from, to, _ := strings.Cut(span, "..")
	begin, step := p.duration(from), time.Duration(1)
	end := begin
	if repeats {
		end, step = p.duration(to), p.duration(every)
	}
	at := begin
	for ; at <= end; at += step {
		p.poll(at, fields)
	}
	return began.Add(at - step + p.clock)
}

// poll plays one poll.
func (p *player) poll(at time.Duration, fields string) {
	p.t.Helper()
	p.ends.Failed, p.commit.Failed = NotPolled, NotPolled
	for field := range strings.FieldsSeq(fields) {
		name, value, _ := strings.Cut(field, "=")
		if base, adds := strings.CutSuffix(name, "+"); adds {
			*p.counter(base) += p.number(value)
			continue
		}
		p.set(name, value)
	}
	now := began.Add(at + p.clock)
	p.ends.At, p.commit.At = now, now
	p.commit.Made, p.commit.LastStored = p.stamp(p.made, at), p.stamp(p.stored, at)
	p.log.Poll(p.ends)
	p.partition.Poll(p.commit)
}

// stamp is a time by the broker's clock, which nobody sets off.
func (p *player) stamp(value string, at time.Duration) time.Time {
	switch value {
	case "", "unknown":
		return time.Time{}
	case "now":
		return began.Add(at)
	}
	return began.Add(p.duration(value))
}

func (p *player) counter(name string) *int64 {
	p.t.Helper()
	switch name {
	case "start":
		return &p.ends.Start
	case "end":
		return &p.ends.End
	case "open":
		return &p.ends.Open
	case "commit":
		return &p.commit.Offset
	case "bytes":
		return &p.ends.Bytes
	case "keep":
		return &p.ends.RetentionBytes
	}
	p.t.Fatalf("field %s", name)
	return nil
}

func (p *player) set(name, value string) {
	p.t.Helper()
	switch name {
	case "made":
		p.made = value
	case "stored":
		p.stored = value
	case "retention":
		if p.ends.Retention = Forever; value != "forever" {
			p.ends.Retention = p.duration(value)
		}
	case "topic":
		p.ends.Topic[0] = byte(p.number(value))
	case "owner":
		p.commit.Owner = map[string]Owner{"yes": Owned, "no": Unowned}[value]
	case "paused":
		p.commit.Paused = value == "yes"
	case "ends":
		p.ends.Failed = p.reason(value)
	case "commits":
		p.commit.Failed = p.reason(value)
	case "clock":
		p.clock = p.duration(value)
	default:
		number := int64(NoOffset)
		if value != "none" {
			number = p.number(value)
		}
		*p.counter(name) = number
	}
}

func (p *player) reason(value string) Reason {
	p.t.Helper()
	for reason, words := range reasons {
		if strings.ReplaceAll(words, " ", "-") == value {
			return Reason(reason)
		}
	}
	p.t.Fatalf("reason %s", value)
	return 0
}

func (p *player) time(value string) time.Time { return began.Add(p.duration(value) + p.clock) }

func (p *player) duration(value string) time.Duration {
	p.t.Helper()
	d, err := time.ParseDuration(value)
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p *player) number(value string) int64 {
	p.t.Helper()
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// say is the assessment in lines.
func (p *player) say(now time.Time) string {
	a := p.partition.At(now)
	line := fmt.Sprintf("> %v: %s\n> lag=%s lost=%s", a.State, a.Explain(), say(a.Messages), say(a.Lost))
	if a.Open > 0 {
		line += fmt.Sprintf(" open=%d", a.Open)
	}
	line += " seconds=" + say(a.Seconds)
	if _, ok := a.Seconds.Get(); !ok && a.Messages.reason == known {
		line += fmt.Sprintf(" from=%s to=%s", say(a.AtLeast), say(a.AtMost))
	}
	line += fmt.Sprintf(" drain=%s left=%s", say(a.Drain), say(a.RetentionLeft))
	if offset, ok := a.Ask(); ok {
		line += fmt.Sprintf(" ask=%d", offset)
	}
	return line + fmt.Sprintf("\n> consumed/s=%s commit=%s\n", say(a.ConsumedPerSecond), say(a.CommitAge))
}

func say[T int64 | float64](v Value[T]) string {
	number, ok := v.Get()
	if !ok {
		why, _ := v.Why()
		return "(" + why.String() + ")"
	}
	return strconv.FormatFloat(float64(number), 'f', -1, 64)
}
