package rocketmq

import (
	"context"
	_ "embed" // of the program
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weirmq/weir/deploy/child"
)

//go:embed Members.java
var membersSource []byte

// allStarted is what the program prints when its consumers run.
const allStarted = "all started"

// Member is a consumer.
type Member struct {
	Group, Topic string
	Expression   string // of tags; "*" is all
	// Suspended has it pull nothing more once it has consumed a message, for which StartMembers waits.
	Suspended bool
}

// StartMembers runs consumers of RocketMQ's own client in Java, in one process, each a client of its own, and returns when they have begun.
// They stay connected until it is stopped. The nth is the client whose id ends in @member-n. ctx bounds the start only. On an error nothing is
// left running.
func StartMembers(ctx context.Context, config Config, nameServer string, members ...Member) (*child.Child, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("find java, which RocketMQ's client runs on: %w; %s", err, javaRemedy)
	}
	source, err := writeProgram(config.DataDir, "Members.java", membersSource)
	if err != nil {
		return nil, fmt.Errorf("write RocketMQ's consumers: %w", err)
	}
	arguments := slices.Concat(quickStart, []string{nameServerHeap, "-Duser.home=" + config.DataDir}, config.JVM,
		[]string{"-cp", filepath.Join(config.JarDir, "*"), source, nameServer})
	for _, m := range members {
		arguments = append(arguments, strings.Join([]string{m.Group, m.Topic, m.Expression, fmt.Sprint(m.Suspended)}, "\t"))
	}
	printed := newWatch(config.LogWriter, allStarted)
	running, err := child.Start(ctx, child.Config{Executable: java, Args: arguments, LogWriter: printed, Ready: printed.seen, Timeout: readyTimeout})
	if err != nil {
		return nil, fmt.Errorf("start RocketMQ's consumers: %w", err)
	}
	return running, nil
}
