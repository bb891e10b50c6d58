// Package rocketmq runs real RocketMQ name servers and brokers as child processes, for tests.
//
// They run on the JVM: a JDK 17 must be installed, and RocketMQ's jars fetched (package parts).
package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/ports"
)

// The most that the JVMs keep on their heaps, and a broker besides it. Below 128 MB and 256 MB a few hundred topics run them out of
// memory; above 1 GB they crowd out the tests on a small machine.
const (
	nameServerHeap = "-Xmx256m"
	brokerHeap     = "-Xmx512m"
	brokerDirect   = "-XX:MaxDirectMemorySize=512m"
)

// quickStart are options of java for processes that live for seconds: no second compiler, and a collector with one thread. They
// take a third of the CPU time off a start.
var quickStart = []string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}

// readyTimeout is how long one may take to begin. Below 45 s a busy machine is taken for a fault; above 2 minutes a person waits in
// vain for a broker that will never come.
const readyTimeout = 90 * time.Second

// bootSuccess is what both print when they answer.
const bootSuccess = "boot success"

// javaRemedy says how to get a JVM.
const javaRemedy = "install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless)"

// Config says what to run and where.
type Config struct {
	JarDir    string            // folder of RocketMQ's jars, as parts.RocketMQ or parts.RocketMQ4 returns it: it decides the release
	DataDir   string            // its folder, created where it is missing
	Options   map[string]string // of its configuration file, besides or in place of what Start sets; nil: none
	JVM       []string          // options of java; nil: none
	LogWriter io.Writer         // gets what it prints; nil discards it. Logs of RocketMQ 5 are in DataDir/logs
}

// Server is a running name server or broker. Stop, Kill and Done are the child's.
type Server struct {
	addr string
	*child.Child
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// StartNameServer runs a name server on a free port and returns when it answers, after about 2 s. ctx bounds the start only. On an
// error nothing is left running.
func StartNameServer(ctx context.Context, config Config) (*Server, error) {
	port, err := ports.Free()
	if err != nil {
		return nil, fmt.Errorf("find a port for a name server: %w", err)
	}
	return start(ctx, config, process{
		class: "org.apache.rocketmq.namesrv.NamesrvStartup", memory: []string{nameServerHeap}, port: port,
		options: map[string]string{
			"listenPort":   fmt.Sprint(port),
			"kvConfigPath": filepath.Join(config.DataDir, "kvConfig.json"),
		},
	})
}

// StartBroker runs the master of a set of brokers and returns when it answers, after about 5 s. The name server at nameServer knows it
// after 10 s more, or as soon as a topic is created there: its first word to a name server, RocketMQ 5 sends before it is connected. ctx bounds the start only. On an error nothing is left running.
func StartBroker(ctx context.Context, config Config, nameServer string) (*Server, error) {
	port, err := ports.Free(priorityPort, slavesPort)
	if err != nil {
		return nil, fmt.Errorf("find ports for a broker: %w", err)
	}
	return start(ctx, config, process{
		class: "org.apache.rocketmq.broker.BrokerStartup", memory: []string{brokerHeap, brokerDirect}, port: port,
		options: map[string]string{
			"brokerClusterName":       "DemoCluster",
			"brokerName":              "broker-a",
			"brokerId":                "0",
			"namesrvAddr":             nameServer,
			"brokerIP1":               "127.0.0.1",
			"brokerIP2":               "127.0.0.1", // where slaves find it
			"listenPort":              fmt.Sprint(port),
			"storePathRootDir":        filepath.Join(config.DataDir, "store"),
			"mappedFileSizeCommitLog": fmt.Sprint(16 << 20), // its files are made at full size
			"timerWheelEnable":        "false",              // so are those of its timers
			"flushDiskType":           "ASYNC_FLUSH",
			"autoCreateTopicEnable":   "true",
		},
	})
}

// process is what runs.
type process struct {
	class   string
	memory  []string // options of java
	port    int
	options map[string]string
}

// start runs a process with its configuration in DataDir/server.conf.
func start(ctx context.Context, config Config, p process) (*Server, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("find java, which RocketMQ runs on: %w; %s", err, javaRemedy)
	}
	if err := checkJars(config.JarDir); err != nil {
		return nil, err
	}
	if err := writeLogging(config.DataDir); err != nil {
		return nil, fmt.Errorf("write RocketMQ's configuration: %w", err)
	}
	maps.Copy(p.options, config.Options)
	if err := writeOptions(config.DataDir, p.options); err != nil {
		return nil, fmt.Errorf("write RocketMQ's configuration: %w", err)
	}
	// Its logs go below the home folder of its user.
	arguments := slices.Concat(p.memory, quickStart, []string{"-Duser.home=" + config.DataDir, "-Drocketmq.home.dir=" + config.DataDir}, config.JVM,
		[]string{"-cp", filepath.Join(config.JarDir, "*"), p.class, "-c", optionsPath(config.DataDir)})
	addr := fmt.Sprintf("127.0.0.1:%d", p.port)
	printed := newWatch(config.LogWriter, bootSuccess)
	running, err := child.Start(ctx, child.Config{Executable: java, Args: arguments, LogWriter: printed, Ready: printed.seen, Timeout: readyTimeout})
	if err != nil {
		return nil, fmt.Errorf("start RocketMQ's %s on %s: %w", p.class, addr, err)
	}
	return &Server{addr, running}, nil
}

// checkJars says that a folder does not hold RocketMQ.
func checkJars(dir string) error {
	jars, err := filepath.Glob(filepath.Join(dir, "rocketmq-broker-*.jar"))
	if err == nil && len(jars) == 0 {
		err = errors.New("there is no rocketmq-broker-*.jar; run `make parts-test` and pass the folder that parts.RocketMQ names")
	}
	if err != nil {
		return fmt.Errorf("find RocketMQ's jars in %q: %w", dir, err)
	}
	return nil
}

func optionsPath(dir string) string { return filepath.Join(dir, "server.conf") }

// writeOptions writes a configuration file.
func writeOptions(dir string, options map[string]string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(options)) {
		fmt.Fprintf(&text, "%s=%s\n", key, strings.ReplaceAll(options[key], `\`, `\\`))
	}
	return os.WriteFile(optionsPath(dir), []byte(text.String()), 0o600)
}

// errorsOnly has a process of RocketMQ 4 print its errors. Later ones log to files by a configuration of their own.
const errorsOnly = `<configuration>
<appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%d %p %m%n</pattern></encoder></appender>
<root level="ERROR"><appender-ref ref="out"/></root>
</configuration>
`

// writeLogging writes the files that say how RocketMQ 4 logs, without which it does not start.
func writeLogging(dir string) error {
	conf := filepath.Join(dir, "conf")
	if err := os.MkdirAll(conf, 0o750); err != nil {
		return err
	}
	for _, process := range []string{"namesrv", "broker", "tools"} {
		if err := os.WriteFile(filepath.Join(conf, "logback_"+process+".xml"), []byte(errorsOnly), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// A broker listens on its port, on the one two below it, for clients with priority, and on the one above it, for slaves.
const (
	priorityPort = -2
	slavesPort   = 1
)
