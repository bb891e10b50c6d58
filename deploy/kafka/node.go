package kafka

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/child"
)

// readyTimeout is how long Kafka may take to answer. After SIGKILL its controller first waits 9 s for the session of
// the broker that is gone, besides the 4 s of an idle machine. Below 45 s a busy machine is taken for a fault; above
// 2 minutes a person waits in vain for a broker that will never come.
const readyTimeout = 90 * time.Second

// node is one Kafka on one folder:
//
//	DataDir/server.properties   written at every start, with the addresses of this one
//	DataDir/log                 Kafka's storage, there once it is formatted
//	DataDir/log.new             storage being formatted; renamed to log when whole
type node struct {
	java           string
	config         Config
	heap           string // option of java
	id             int32
	addr           string            // host:port of the broker
	controllerAddr string            // host:port of the controller
	listeners      map[string]string // host:port of the further ones, by name
	cluster        cluster
}

// cluster is what all nodes of one are told alike.
type cluster struct {
	id string // of a cluster that is made
	// voters are its controllers, as controller.quorum.voters wants them; empty: the node is alone.
	voters string
	// replicas of Kafka's own topics. One node cannot hold three.
	replicas int
}

func (n *node) propertiesPath() string { return filepath.Join(n.config.DataDir, "server.properties") }

func (n *node) logDir() string { return filepath.Join(n.config.DataDir, "log") }

// prepare makes the folder, the configuration and, once, the formatted storage.
func (n *node) prepare(ctx context.Context) error {
	if err := os.MkdirAll(n.config.DataDir, 0o750); err != nil {
		return fmt.Errorf("create Kafka's folder: %w", err)
	}
	if err := n.format(ctx); err != nil {
		return fmt.Errorf("format Kafka's folder %s: %w", n.config.DataDir, err)
	}
	if err := n.writeProperties(n.propertiesPath(), n.logDir()); err != nil {
		return fmt.Errorf("write Kafka's configuration: %w", err)
	}
	return nil
}

// format makes the storage of a new cluster where there is none. What a format that was interrupted left behind is
// thrown away.
func (n *node) format(ctx context.Context) error {
	_, err := os.Stat(n.logDir())
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := n.logDir() + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := n.writeProperties(n.propertiesPath(), unfinished); err != nil {
		return err
	}
	var said bytes.Buffer
	format := []string{"format", "-t", n.cluster.id, "-c", n.propertiesPath()}
	if n.cluster.voters == "" {
		format = append(format, "--standalone")
	}
	tool, err := child.Start(ctx, child.Config{Executable: n.java, LogWriter: io.MultiWriter(&said, n.config.LogWriter),
		Args: n.arguments("kafka.tools.StorageTool", format...)})
	if err != nil {
		return err
	}
	select {
	case <-tool.Done():
	case <-ctx.Done():
		tool.Kill()
		return fmt.Errorf("kafka.tools.StorageTool: %w", ctx.Err())
	}
	if err := tool.Wait(); err != nil {
		return fmt.Errorf("kafka.tools.StorageTool: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return os.Rename(unfinished, n.logDir())
}

// clusterID is a new random id in Kafka's own form: 16 bytes in URL-safe base64 that do not begin with '-', which a
// command line would take for an option.
func clusterID() string {
	for {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails, by its documentation
		if text := base64.RawURLEncoding.EncodeToString(id[:]); text[0] != '-' {
			return text
		}
	}
}

// writeProperties writes the configuration of a node that is broker and controller.
func (n *node) writeProperties(path, logDir string) error {
	controllers := "controller.quorum.bootstrap.servers=" + n.controllerAddr
	if n.cluster.voters != "" {
		controllers = "controller.quorum.voters=" + n.cluster.voters
	}
	advertised, protocols := "PLAINTEXT://"+n.addr, "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	for name, addr := range n.listeners {
		advertised += fmt.Sprintf(",%s://%s", name, addr)
		protocols += fmt.Sprintf(",%s:%s", name, n.config.Listeners[name])
	}
	lines := []string{
		"process.roles=broker,controller",
		fmt.Sprintf("node.id=%d", n.id),
		"listeners=" + advertised + ",CONTROLLER://" + n.controllerAddr,
		"advertised.listeners=" + advertised,
		"controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=" + protocols,
		controllers,
		"log.dirs=" + propertyValue(logDir),
		fmt.Sprintf("offsets.topic.replication.factor=%d", n.cluster.replicas),
		fmt.Sprintf("transaction.state.log.replication.factor=%d", n.cluster.replicas),
		"transaction.state.log.min.isr=1",
		fmt.Sprintf("share.coordinator.state.topic.replication.factor=%d", n.cluster.replicas),
		"share.coordinator.state.topic.min.isr=1",
		// Nobody waits for further members of a group that has one.
		"group.initial.rebalance.delay.ms=0",
	}
	for name, value := range n.config.Options {
		lines = append(lines, name+"="+propertyValue(value))
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// propertyValue escapes what a Java properties file would read as an escape.
func propertyValue(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

// run starts Kafka and waits until it is ready.
func (n *node) run(ctx context.Context) (*child.Child, error) {
	probe, err := newProbe(ctx, n.addr, n.id)
	if err != nil {
		return nil, err
	}
	defer probe.close()
	running, err := child.Start(ctx, child.Config{Executable: n.java, LogWriter: n.config.LogWriter,
		Args: n.arguments("kafka.Kafka", n.propertiesPath()), Ready: probe.answers, Timeout: readyTimeout})
	if err != nil {
		return nil, fmt.Errorf("start Kafka on %s: %w", n.addr, err)
	}
	return running, nil
}

// arguments are java's for one of Kafka's programs. The class path's star is java's own: all jars of the folder.
func (n *node) arguments(mainClass string, arguments ...string) []string {
	return slices.Concat([]string{n.heap, lessCompiler, lessCollector}, n.config.Java,
		[]string{"-cp", filepath.Join(n.config.JarDir, "*"), mainClass}, arguments)
}
