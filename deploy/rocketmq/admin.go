package rocketmq

import (
	"context"
	_ "embed" // of the program
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed Admin.java
var adminSource []byte

// commandMark stands before each command in what the program prints.
const commandMark = "> "

// Admin runs commands of RocketMQ's own admin tool, such as "topicStatus -t orders", against the name server at host:port, and returns
// what each printed, in their order. They have no quotes: an argument has no blanks. All run in one JVM, whose start costs more than they do.
// A command that fails prints why, and is no error: the tool itself says no more.
func Admin(ctx context.Context, config Config, nameServer string, commands ...string) ([]string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("find java, which RocketMQ's admin tool runs on: %w; %s", err, javaRemedy)
	}
	source, err := writeProgram(config.DataDir, "Admin.java", adminSource)
	if err != nil {
		return nil, fmt.Errorf("write what runs RocketMQ's admin tool: %w", err)
	}
	if err := writeLogging(config.DataDir); err != nil {
		return nil, fmt.Errorf("write what runs RocketMQ's admin tool: %w", err)
	}
	arguments := slices.Concat(quickStart, []string{nameServerHeap, "-Duser.home=" + config.DataDir, "-Drocketmq.home.dir=" + config.DataDir, "-Drocketmq.namesrv.addr=" + nameServer}, config.JVM,
		[]string{"-cp", filepath.Join(config.JarDir, "*"), source}, commands)
	printed, err := exec.CommandContext(ctx, java, arguments...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("run RocketMQ's admin tool: %w", err)
	}
	parts := strings.Split("\n"+string(printed), "\n"+commandMark)[1:]
	if len(parts) != len(commands) {
		return nil, fmt.Errorf("run RocketMQ's admin tool: it has answered %d of %d commands:\n%s", len(parts), len(commands), printed)
	}
	for i := range parts {
		_, parts[i], _ = strings.Cut(parts[i], "\n") // the command itself
	}
	return parts, nil
}
