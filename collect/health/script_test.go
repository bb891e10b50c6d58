package health

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/telemetry"
)

// began is when every script begins.
var began = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// TestScripts plays the polls of testdata/*.txt and holds the trees that are printed, the lines that begin with ">".
//
//	case NAME [SYSTEM]           a cluster of which nothing is known
//	policy nodes=5 lag_age.S1=60 what the fleet has set
//	poll 0s..5m every 5s         polls, each with the reports of the lines below it, which are indented
//	  op=probe node=b1 heartbeat=5ms members=2
//	misses 10s: TEXT             a poll with those reports that did not find all out
//	probes 10s                   what canaries found out between polls
//	fails 10s..1m every 10s: TEXT
//	                             polls that find nothing out
//	ask 5m all kind=group name=b*
//	                             prints the tree as it is then
func TestScripts(t *testing.T) {
	golden.Scripts(t, "testdata/*.txt", play)
}

// player is one case of a script.
type player struct {
	*testing.T
	cluster *Cluster
	system  string
	limits  Limits
	reports []telemetry.Report // of the newest poll
}

func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	var p *player
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if strings.HasPrefix(lines[i], ">") {
			continue
		}
		out.WriteString(lines[i] + "\n")
		words := strings.Fields(lines[i])
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		switch words[0] {
		case "case":
			p = &player{T: t, cluster: NewCluster("eu", 5*time.Second), system: "kafka"}
			if strings.HasSuffix(lines[i], " rocketmq") {
				p.system = "rocketmq"
			}
		case "policy":
			p.policy(words[1:])
		case "poll", "misses", "probes":
			p.reports = nil
			for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  "); i++ {
				out.WriteString(lines[i+1] + "\n")
				p.reports = append(p.reports, p.report(lines[i+1]))
			}
			if words[0] == "probes" {
				p.cluster.TakeProbes(began.Add(p.duration(words[1])), p.reports)
			} else {
				p.poll(words[1:], p.reports, words[0] == "misses")
			}
		case "fails":
			p.poll(words[1:], nil, true)
		case "ask":
			for line := range strings.SplitSeq(strings.TrimSuffix(p.ask(words[1:]), "\n"), "\n") {
				out.WriteString("> " + line + "\n")
			}
		default:
			t.Fatalf("line %d: %s", i+1, lines[i])
		}
	}
	return out.String()
}

func (p *player) policy(words []string) {
	p.Helper()
	for _, word := range words {
		name, text, _ := strings.Cut(word, "=")
		value := p.number(text)
		switch name {
		case "nodes":
			p.limits.Nodes = &value
		case "brokers":
			p.limits.Brokers = &value
		case "capacity_tps":
			p.limits.CapacityPerSecond = &value
		default:
			tier, is := strings.CutPrefix(name, "lag_age.")
			if !is {
				p.Fatalf("policy: %s", word)
			}
			if p.limits.LagAgeSeconds == nil {
				p.limits.LagAgeSeconds = map[string]float64{}
			}
			p.limits.LagAgeSeconds[tier] = value
		}
	}
}

func (p *player) number(text string) float64 {
	p.Helper()
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.Fatal(err)
	}
	return value
}

func (p *player) duration(text string) time.Duration {
	p.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		p.Fatal(err)
	}
	return d
}

func (p *player) report(line string) telemetry.Report {
	p.Helper()
	r := telemetry.Report{Schema: telemetry.Schema, LengthMillis: 1, Labels: telemetry.Labels{Cluster: "eu", System: p.system}}
	labels := map[string]*string{"op": &r.Labels.Op, "node": &r.Labels.Node, "topic": &r.Labels.Topic, "partition": &r.Labels.Partition,
		"group": &r.Labels.Group, "tier": &r.Labels.Tier, "client": &r.Labels.Client}
	for word := range strings.FieldsSeq(line) {
		name, text, _ := strings.Cut(word, "=")
		switch label := labels[name]; {
		case label != nil:
			*label = text
		case name == "heartbeat":
			r.HeartbeatMicros.Observe(uint64(p.duration(text).Microseconds()))
		default:
			r.Gauges = append(r.Gauges, telemetry.Gauge{Name: name, Value: p.number(text)})
		}
	}
	return r
}

// poll takes polls in, as "10s..1m every 5s: what was not found out".
func (p *player) poll(words []string, reports []telemetry.Report, fails bool) {
	p.Helper()
	var err error
	when, text, _ := strings.Cut(strings.Join(words, " "), ":")
	if fails {
		err = errors.New(strings.TrimSpace(text))
	}
	when, step, _ := strings.Cut(when, " every ")
	from, to, many := strings.Cut(when, "..")
	first := p.duration(from)
	last, every := first, time.Second
	if many {
		last, every = p.duration(to), p.duration(step)
	}
	for at := first; at <= last; at += every {
		p.cluster.Take(Poll{At: began.Add(at), Reports: reports, Err: err})
	}
}

func (p *player) ask(words []string) string {
	p.Helper()
	q := Question{Limits: p.limits, Now: began.Add(p.duration(words[0]))}
	for _, word := range words[1:] {
		name, text, _ := strings.Cut(word, "=")
		switch name {
		case "all":
			q.All = true
		case "kind":
			q.Kind = Kind(text)
		case "name":
			q.Name = text
		default:
			p.Fatalf("ask: %s", word)
		}
	}
	tree := p.cluster.Tree(q)
	var out strings.Builder
	if err := tree.WriteText(&out, q.All, q.Now); err != nil {
		p.Fatal(err)
	}
	return out.String()
}
