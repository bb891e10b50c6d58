package weir_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/deploy/child"
)

// programLimit ends a program that consumes nothing. Not less: a busy machine takes a minute to join a group.
const programLimit = 3 * time.Minute

// TestProgramsOfTheReadme runs the two whole programs of the README's section on the SDK, as they are there but for
// addresses and names of topics, against a real Kafka and a real RocketMQ.
func TestProgramsOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## One SDK for Kafka and RocketMQ\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for name, c := range map[string]struct{ route, topic, server, prints string }{
		"Kafka":    {`ID: "orders.created"`, "orders", "orders-kafka:9092", "o-17 was created, by card"},
		"RocketMQ": {`ID: "orders.reminders"`, "reminders", "mail-rocketmq:9876", "o-17 is to be paid, a second later: true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := strings.Index(section, c.route)
			if begin < 0 || !strings.Contains(section, "It prints `"+c.prints+"`") {
				t.Fatalf("the section has no program with %s, or does not say that one prints %q", c.route, c.prints)
			}
			begin = strings.LastIndex(section[:begin], "```go\n") + len("```go\n")
			program, _, _ := strings.Cut(section[begin:], "```")
			topic := "readme-" + c.topic
			start := exampleKafka
			if name == "RocketMQ" {
				start = exampleRocketMQ
			}
			endpoints, telemetry := start(topic)
			for old, now := range map[string]string{`"` + c.server + `"`: `"` + endpoints[0] + `"`, `"telemetry-kafka:9092"`: `"` + telemetry[0] + `"`,
				`Topic: "` + c.topic + `"`: `Topic: "` + topic + `"`} {
				if strings.Count(program, old) != 1 {
					t.Fatalf("the program says %s %d times, want once", old, strings.Count(program, old))
				}
				program = strings.ReplaceAll(program, old, now)
			}
			if got := runProgram(t, program); got != c.prints+"\n" {
				t.Errorf("it prints %q, want %q", got, c.prints)
			}
		})
	}
}

// runProgram compiles and runs a program of one file, and returns what it prints. What it logs is the error's.
func runProgram(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "service")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	command := exec.CommandContext(ctx, binary)
	var logged child.Output
	command.Stderr = &logged
	out, err := command.Output()
	if err != nil {
		t.Errorf("%v: %s", err, &logged)
	}
	return string(out)
}
