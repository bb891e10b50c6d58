package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ended is how a command ended.
type ended struct {
	stdout, stderr string
	code           int
}

// call runs weir with arguments in a folder, and waits for its end.
func call(t *testing.T, dir string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stopLimit)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	command.Dir, command.Stdout, command.Stderr = dir, &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("weir %s: %v, %v", strings.Join(args, " "), err, ctx.Err())
	}
	return ended{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

// folder makes a folder of files, given as pairs of name and text.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const faultyRules = `groups:
  - name: test
    rules:
      - alert: Surge
        by: [topic]
        window: 3s
        expr: tpss > 1
      - alert: Lag
        by: [topic, gruop]
        expr: lag > 1
      - alert: Slow
        by: [topic]
        expr: p99 > 800ms
        annotations:
          summary: >
            sends to {{ .topic }} take
            {{ .p99 | humaniseDuration }}
`

const faultsFound = `faulty/rules.yaml:7:15: expr: unknown name tpss; did you mean "tps"?
            expr: tpss > 1
                  ^
faulty/rules.yaml:9:21: unknown label "gruop"; did you mean "group"?
            by: [topic, gruop]
                        ^
faulty/rules.yaml:17:23: annotation summary: unknown function humaniseDuration; did you mean "humanizeDuration"?
                {{ .p99 | humaniseDuration }}
                          ^
`

// TestCommandsThatEnd says what each prints and how it exits.
func TestCommandsThatEnd(t *testing.T) {
	t.Parallel()
	dir := folder(t, "faulty/rules.yaml", faultyRules, "good/rules.yaml", largeMessageRule, "empty/README", "",
		"good/tests/size_test.txt", largeMessageTest, "wrong_test.txt", wrongTest, "faulty_test.txt", "case a\nat 0s topic=a\n",
		"good.yaml", "rules: {dir: good}\n", "unknown.yaml", "kafka:\n  brokers: [a:1]\n  broker: b\nkakfa: {}\n",
		"policed/policy.yaml", "tiers: {S1: {lag_age: 60s}}\n", "policed/faulty.yaml", faultyRules,
		"policed/tier.yaml", "groups: [{name: g, rules: [{alert: A, by: [topic, tier], expr: 'lag_seconds > policy.tiers[tier].lag_age'}]}]\n",
		"faulty.yaml", "rules: {dir: faulty}\n", "replicas.yaml", "kafka: {brokers: [\"a:1\", \"b:2\"], replication_factor: 3}\n",
		"dsn.yaml", "rules: {dir: good}\nclickhouse:\n  dsn: htp://weir:hunter2@store/weir\n", "noreplicas.yaml", "kafka: {replication_factor: 0}\n",
		"away.yaml", "collect: {clusters: [{name: eu, system: kafka, brokers: [\"127.0.0.1:1\"]}]}\n",
		"soonaway.yaml", "telemetry: {pane: 1s}\ncollect: {clusters: [{name: eu, system: kafka, brokers: [\"127.0.0.1:1\"]}]}\n",
		"noca.yaml", "collect: {clusters: [{name: eu, system: kafka, brokers: [\"a:1\"], tls: {enabled: true, ca_file: nowhere.pem}}]}\n",
		"nokey.yaml", "collect: {clusters: [{name: shop, system: rocketmq, name_servers: [\"a:1\"], acl: {access_key: weir, secret_key_file: nowhere.txt}}]}\n",
		"rocketaway.yaml", "collect: {clusters: [{name: shop, system: rocketmq, name_servers: [\"127.0.0.1:1\"]}]}\n",
		"rocketnoca.yaml", "collect: {clusters: [{name: shop, system: rocketmq, name_servers: [\"a:1\"], tls: {enabled: true, ca_file: nowhere.pem}}]}\n")
	for _, c := range []struct {
		args, stdout, stderr string // parts of what is printed
		code                 int
	}{
		{"version", "weir dev\n", "", 0},
		{"rules check --pane 1s good", "good: 1 rules, no faults\n", "", 0},
		{"rules check good", "good: 1 rules, no faults, 1 warning\n", "good/rules.yaml:7:17: warning: window 3s is no whole number of panes of 10s, and covers 10s; write 10s [window-panes]\n", 0},
		{"rules check --strict good", "good: 1 rules, no faults, 1 warning\n", "", exitFaults},
		{"rules check --pane 7s good", "", "check rules: ", exitFailed},
		{"rules check --format xml good", "", "--format must be one of", exitUsage},
		{"rules check --format github good", "::warning file=good/rules.yaml,line=7,col=17,title=window-panes::window 3s is", "", 0},
		{"rules check policed/tier.yaml", "policed/tier.yaml: 1 rules, no faults", "", 0},
		{"rules check faulty", "", faultsFound, exitFaults},
		{"rules check --pane 1s good faulty", "good: 1 rules, no faults\n", faultsFound, exitFaults},
		{"rules check --json --pane 1s good faulty", `{"dir":"good","rules":1,"faults":[],"warnings":[]}` + "\n" + `{"dir":"faulty","rules":0,"faults":[{"file":"faulty/rules.yaml","line":7,"column":15,` +
			`"message":"expr: unknown name tpss","source":"        expr: tpss \u003e 1","hint":"did you mean \"tps\"?"},`, "", exitFaults},
		{"rules check empty", "", "folder empty has no *.yaml file; put one there, or name another folder", exitFailed},
		{"rules check nowhere", "", "nowhere: no such file or directory", exitFailed},
		{"rules check", "", "weir: read rules: lstat rules.d: no such file or directory\n", exitFailed},
		{"rules fmt --check", "", "rules.d: no such file or directory\n", exitFailed},
		{"rules check --pane 1s nowhere good", "good: 1 rules, no faults\n", "nowhere: no such file or directory", exitFailed},
		{"rules check --pane 1s --format json nowhere good", `{"dir":"nowhere","rules":0,"faults":[],"warnings":[],"error":"read rules: lstat nowhere: no such file or directory"}` + "\n" +
			`{"dir":"good","rules":1,"faults":[],"warnings":[]}` + "\n", "nowhere: no such file or directory", exitFailed},
		{"rules test good", "good: rule LargeMessage has no case that recovers\ngood: 2 cases passed; 0 of 1 rules have cases that fire, stay quiet and recover\n", "", 0},
		{"rules test --cover good", "good: rule LargeMessage has no case that recovers\n", "", exitFaults},
		{"rules test --cover --run small good", "good: 1 cases passed\n", "", 0},
		{"rules test --run smal.*er good", "good: 0 cases passed\n", "weir: --run: no case matches \"smal.*er\"; there are these, by file and name:\n  good/tests/size_test.txt ", exitFailed},
		{"rules test --run ( good", "", "weir: --run: error parsing regexp: missing closing ): `(`", exitFailed},
		{"rules test wrong_test.txt good", wrongPrinted, "", exitFaults},
		{"rules test --json wrong_test.txt", `{"path":"wrong_test.txt","cases":[{"file":"wrong_test.txt","line":1,"name":"fires at 5s","happened":["3s Large{topic=orders} firing messages=9"],` +
			`"failures":[{"file":"wrong_test.txt","line":5,"column":8,"message":"it does not happen; the nearest differs: at 3s, not 5s","source":"expect 5s Large firing",` +
			`"details":["+ 3s Large{topic=orders} firing messages=9"]}]}],"evaluations":1}` + "\n", "", exitFaults},
		{"rules test faulty_test.txt", "", "faulty_test.txt:2:14: a colon is missing between the times and what is reported; as in at 0s..10m: op=send topic=orders messages=100\n", exitFaults},
		{"rules test --json faulty_test.txt", `{"path":"faulty_test.txt","cases":[],"evaluations":0,"faults":[{"file":"`, "", exitFaults},
		{"rules test faulty", "", faultsFound, exitFaults},
		{"rules test nowhere", "", "weir: find tests of rules: stat nowhere: no such file or directory\n", exitFailed},
		{"rules backtest --config faulty.yaml", "", "weir: load rules: " + faultsFound, exitFaults},
		{"rules backtest good --base faulty", "", "weir: load the rules to compare with: faulty/rules.yaml:7:15: expr: unknown name tpss", exitFaults},
		{"rules backtest nowhere", "", "/nowhere: no such file or directory\n", exitFailed},
		{"rules inspect --config faulty.yaml", "", "weir: load rules: " + faultsFound, exitFaults},
		{"control expire pause-billing --author=", "", "weir: nobody is named who ends it, and $USER, which stands for --author, is empty here: give --author NAME\n", exitFailed},
		{"config check --config good.yaml", "rules:\n    dir: good\n", "", 0},
		{"config check --config unknown.yaml", "", "unknown.yaml:3: unknown key broker: allowed here are brokers, tls, sasl, replication_factor, create_topics", exitFailed},
		{"run --config unknown.yaml", "", "unknown.yaml:4: unknown key kakfa: allowed here are kafka, telemetry, rules, clickhouse, alertmanager, inspection, http, grafana, collect, control, roles", exitFailed},
		{"run --config nowhere.yaml", "", "nowhere.yaml: no such file or directory", exitFailed},
		{"run --config faulty.yaml", "", faultsFound, exitFailed},
		{"run --roles dance", "", `roles: got "dance", allowed are collect, aggregate, rules, clickhouse, alertmanager`, exitFailed},
		{"collect", "", "missing flags: --once", exitUsage},
		{"collect --once", "", "weir: collect.clusters: got none, name the cluster to poll there\n", exitFailed},
		{"collect --once --config away.yaml", "", "weir: poll cluster eu: ask for brokers and topics: unable to dial: dial tcp 127.0.0.1:1: connect: connection refused; start the cluster there, or name others in collect.clusters (eu).brokers (", exitFailed},
		{"collect --once --config away.yaml --cluster us", "", "weir: collect.clusters has no cluster \"us\": there are eu\n", exitFailed},
		{"collect --once --config noca.yaml", "", "weir: collect.clusters (eu).tls: read ca_file: open nowhere.pem: no such file or directory\n", exitFailed},
		{"collect --once --config nokey.yaml", "", "weir: collect.clusters (shop).acl: read secret_key_file: open nowhere.txt: no such file or directory\n", exitFailed},
		{"collect --once --config rocketnoca.yaml", "", "weir: collect.clusters (shop).tls: read ca_file: open nowhere.pem: no such file or directory\n", exitFailed},
		{"collect --once --config rocketaway.yaml", "", "weir: poll cluster shop: ask 127.0.0.1:1 for the brokers: connect: dial tcp 127.0.0.1:1: connect: connection refused; start the cluster there, or name others in collect.clusters (shop).name_servers (", exitFailed},
		{"health --once --config soonaway.yaml", "bad      cluster eu: score 60, 1 of 1 parts known\n│  not found out: poll cluster eu: ask for brokers and topics: ", "", exitFaults},
		{"health --once --config good.yaml", "", "weir: collect.clusters: got none, name the cluster to poll there\n", exitFailed},
		{"health --once --config away.yaml --kind broker", "", "weir: got the kind \"broker\", allowed are node, group and topic\n", exitFailed},
		{"collect --once --config unknown.yaml", "", "unknown.yaml:3: unknown key broker", exitFailed},
		{"topics create --config unknown.yaml", "", "unknown.yaml:3: unknown key broker", exitFailed},
		{"topics create --print", "kafka-topics --bootstrap-server 127.0.0.1:9092 --create --topic weir.telemetry --partitions 8 " +
			"--config cleanup.policy=delete --config max.message.bytes=2097152 --config message.timestamp.type=LogAppendTime --config retention.ms=259200000\n", "", 0},
		{"topics create --print --json", `{"name":"weir.telemetry","partitions":8,"settings":{"cleanup.policy":"delete","max.message.bytes":"2097152",` +
			`"message.timestamp.type":"LogAppendTime","retention.ms":"259200000"},"replication_factor":-1}` + "\n", "", 0},
		{"topics create --print --config replicas.yaml", "kafka-topics --bootstrap-server a:1,b:2 --create --topic weir.deadletter --partitions 1 --replication-factor 3 --config ", "", 0},
		{"config check --config noreplicas.yaml", "", "kafka.replication_factor: got 0, allowed are -1 (the brokers' default) and 1 to 32767", exitFailed},
		{"config check --config dsn.yaml", "", `dsn.yaml:3: clickhouse.dsn: got "htp://weir:********@store/weir": want http://, https:// or clickhouse://, with user:password@host:port/database`, exitFailed},
	} {
		got := call(t, dir, strings.Fields(c.args)...)
		if got.code != c.code || !strings.Contains(got.stdout, c.stdout) || !strings.Contains(got.stderr, c.stderr) {
			t.Errorf("weir %s exits %d and prints\n%s\n%s\nwant %d,\n%s\n%s", c.args, got.code, got.stdout, got.stderr, c.code, c.stdout, c.stderr)
		}
	}
}

// TestConfigCheckMasksSecrets wherever they may stand.
func TestConfigCheckMasksSecrets(t *testing.T) {
	t.Parallel()
	dir := folder(t, "weir.yaml", `kafka: {sasl: {mechanism: PLAIN, user: someone, password: hunter1}}
clickhouse: {dsn: "https://someone:hunter2@store:8443/weir?password=hunter3"}
alertmanager: {urls: ["http://plain:9093", "https://someone:hunter4@guarded:9093/prefix"]}
http: {token: hunter5}
`)
	got := call(t, dir, "config", "check", "--config", "weir.yaml")
	if got.code != 0 || strings.Contains(got.stdout+got.stderr, "hunter") {
		t.Errorf("exits %d and prints a secret:\n%s%s", got.code, got.stdout, got.stderr)
	}
	for _, shown := range []string{"user: someone", "store:8443/weir", "http://plain:9093", "guarded:9093/prefix"} {
		if !strings.Contains(got.stdout, shown) {
			t.Errorf("what is no secret is hidden: %q is not in\n%s", shown, got.stdout)
		}
	}
}

// TestTopicsCreate creates them, and finds them in order the second time.
func TestTopicsCreate(t *testing.T) {
	t.Parallel()
	brokers := embeddedBroker(t)
	dir := folder(t, "weir.yaml", "kafka: {brokers: ["+brokers[0]+"]}\ntelemetry: {partitions: 3}\n",
		"more.yaml", "kafka: {brokers: ["+brokers[0]+"]}\ntelemetry: {partitions: 5}\n",
		"other.yaml", "kafka: {brokers: ["+brokers[0]+"]}\ntelemetry: {pane: 20s}\n")
	const list = `weir.telemetry   3 partitions, HOW
weir.cells       3 partitions, HOW
weir.groups      3 partitions, HOW
weir.alerts      3 partitions, HOW
weir.deadletter  1 partitions, HOW
weir.parameters  1 partitions, HOW
weir.control     1 partitions, HOW
`
	for _, how := range []string{"created", "was there"} {
		want := strings.ReplaceAll(list, "HOW", how)
		if got := call(t, dir, "topics", "create", "--config", "weir.yaml"); got != (ended{want, "", 0}) {
			t.Errorf("got %+v, want\n%s", got, want)
		}
	}
	more := call(t, dir, "topics", "create", "--config", "more.yaml") // says what is there, not what it would create
	if more.code != 0 || more.stdout != strings.ReplaceAll(list, "HOW", "was there") || strings.Count(more.stderr, "3 partitions, telemetry.partitions makes it 5: ") != 4 {
		t.Errorf("got %+v, want 3 partitions each and a note that 5 are configured", more)
	}
	asJSON := call(t, dir, "topics", "create", "--config", "more.yaml", "--json")
	if want := `{"name":"weir.telemetry","partitions":3,"created":false,"settings":{"cleanup.policy":"delete","max.message.bytes":"2097152","message.timestamp.type":"LogAppendTime","retention.ms":"259200000"},"notes":["topic weir.telemetry has 3 partitions`; asJSON.code != 0 || !strings.HasPrefix(asJSON.stdout, want) {
		t.Errorf("got %+v, want %s", asJSON, want)
	}
	if id := topicID(t, brokers, "weir.deadletter"); id == [16]byte{} {
		t.Error("weir.deadletter was not created")
	}
	got := call(t, dir, "topics", "create", "--config", "other.yaml")
	if got.code != exitFailed || !strings.Contains(got.stderr, "Pane:20s") || !strings.Contains(got.stderr, "Pane:10s") {
		t.Errorf("got %+v, want a refusal of the other pane", got)
	}
}

// TestBrokerCommand serves until SIGTERM.
func TestBrokerCommand(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	h := newHouse(t, []string{addr}, largeMessageRule)
	running := h.startBroker(addr)
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	eventually(t, func() bool { return client.Ping(t.Context()) == nil }, func() string { return "the broker does not answer" })
	(&process{Child: running, t: t}).stopInOrder()
}

// TestEveryCommandShowsAnExample on a line of its own, which the command line takes.
func TestEveryCommandShowsAnExample(t *testing.T) {
	t.Parallel()
	var cli commands
	parser, err := kong.New(&cli, kong.Name("weir"), kong.BindTo(t.Context(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range parser.Model.Leaves(true) {
		command := leaf.FullPath()
		args := strings.Fields(command)[1:]
		got := call(t, t.TempDir(), append(args, "--help")...)
		found := examples(got.stdout, command)
		if got.code != 0 || len(found) == 0 {
			t.Errorf("%s --help exits %d and shows no example:\n%s%s", command, got.code, got.stdout, got.stderr)
		}
		for _, example := range found {
			words, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s\n' `+example).Output() // as the shell splits and unquotes them
			if err != nil {
				t.Fatal(example, err)
			}
			if _, err := parser.Parse(strings.Split(strings.TrimSuffix(string(words), "\n"), "\n")[1:]); err != nil || strings.Contains(example, "\n") {
				t.Errorf("%s: the example %q is no command line: %v", command, example, err)
			}
		}
	}
	if got := call(t, t.TempDir(), "--help"); got.code != 0 || len(examples(got.stdout, "weir")) == 0 {
		t.Errorf("weir --help shows no example: %+v", got)
	}
}

// examples are the lines of a help that are indented, and paragraphs that begin so.
func examples(help, command string) []string {
	var out []string
	for paragraph := range strings.SplitSeq(help, "\n\n") {
		if example, found := strings.CutPrefix(paragraph, "Example: "); found {
			out = append(out, example)
			continue
		}
		for line := range strings.Lines(paragraph) {
			if strings.HasPrefix(line, "    "+command) {
				out = append(out, strings.TrimSpace(line))
			}
		}
	}
	return out
}
