package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/weirmq/weir/deploy/alertmanager"
	"github.com/weirmq/weir/deploy/broker"
	"github.com/weirmq/weir/deploy/child"
	deploy "github.com/weirmq/weir/deploy/demo"
	"github.com/weirmq/weir/deploy/parts"
	"github.com/weirmq/weir/deploy/webhook"
	"github.com/weirmq/weir/pipeline"
)

// house is everything that runs, started in the order of the flow and stopped in reverse.
type house struct {
	broker        *broker.Broker
	clickhouseURL string
	alertmanager  *alertmanager.Server
	chat          *webhook.Receiver
	pipeline      *pipeline.Pipeline
	statusURL     string
	config        pipeline.Config
	configFile    string

	tell    func(string) // one line to people
	closers []func() error
}

// open starts all parts. On an error nothing is left running.
func open(ctx context.Context, config Config, tell func(string)) (h *house, err error) {
	h = &house{tell: tell}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := os.MkdirAll(config.DataDir, 0o750); err != nil {
		return h, fmt.Errorf("create the data folder: %w", err)
	}
	logs, err := os.OpenFile(filepath.Join(config.DataDir, "demo.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return h, fmt.Errorf("open the log: %w", err)
	}
	h.closers = append(h.closers, logs.Close)
	tell("starting the broker")
	addr, err := freeAddr("--kafka", config.Kafka)
	if err != nil {
		return h, err
	}
	if h.broker, err = broker.Start(broker.Config{Addr: addr, DataDir: filepath.Join(config.DataDir, "broker")}); err != nil {
		return h, err
	}
	h.closers = append(h.closers, func() error { h.broker.Close(); return nil })
	tell("starting ClickHouse")
	if err := h.startClickHouse(ctx, config, logs); err != nil {
		return h, err
	}
	tell("starting Alertmanager")
	if err := h.startAlertmanager(ctx, config, logs); err != nil {
		return h, err
	}
	tell("starting the pipeline")
	return h, h.startPipeline(ctx, config, logs)
}

func (h *house) startClickHouse(ctx context.Context, config Config, logs io.Writer) error {
	if _, err := parts.ChDB(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program's own path: %w", err)
	}
	if config.Executable != "" {
		self = config.Executable
	}
	addr, err := freeAddr("--clickhouse", config.ClickHouse)
	if err != nil {
		return err
	}
	h.clickhouseURL = "http://" + addr
	engine, err := child.Start(ctx, child.Config{Executable: self, LogWriter: logs, ReadyURL: h.clickhouseURL + "/ping",
		Args: []string{"clickhouse", "--addr", addr, "--data", filepath.Join(config.DataDir, "clickhouse")}})
	if err != nil {
		return fmt.Errorf("start ClickHouse: %w", err)
	}
	h.stopLater("ClickHouse", engine)
	return nil
}

func (h *house) startAlertmanager(ctx context.Context, config Config, logs io.Writer) error {
	var err error
	if h.chat, err = webhook.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	h.closers = append(h.closers, h.chat.Close)
	program, err := parts.Alertmanager()
	if err != nil {
		return err
	}
	addr, err := freeAddr("--alertmanager", config.Alertmanager)
	if err != nil {
		return err
	}
	h.alertmanager, err = alertmanager.Start(ctx, alertmanager.Config{Executable: program, Addr: addr,
		DataDir: filepath.Join(config.DataDir, "alertmanager"), WebhookURL: h.chat.URL(), LogWriter: logs})
	if err != nil {
		return fmt.Errorf("start Alertmanager: %w", err)
	}
	h.stopLater("Alertmanager", h.alertmanager)
	return nil
}

// Settings of the story's pipeline. Panes of a second, so that the story takes less
// than a minute; reports of a laptop come within a second of their end.
const (
	demoPane       = time.Second
	demoLateness   = 1500 * time.Millisecond
	demoPartitions = 4
	demoResend     = 5 * time.Second
	// demoActionsPerHour bounds what the rule of the surge asks. Not fewer: the story is told again and again, and each telling has a surge; not
	// more: nobody watches longer.
	demoActionsPerHour = 100
)

func (h *house) startPipeline(ctx context.Context, config Config, logs io.Writer) error {
	rules := config.RulesDir
	if rules == "" {
		rules = filepath.Join(config.DataDir, "rules.d")
		if err := copyRules(rules); err != nil {
			return err
		}
	}
	addr, err := freeAddr("--http", config.HTTP)
	if err != nil {
		return err
	}
	h.statusURL = "http://" + addr
	c := pipeline.DefaultConfig()
	c.Kafka.Brokers = h.broker.Addrs()
	c.Telemetry.Pane, c.Telemetry.Lateness, c.Telemetry.Partitions = demoPane, demoLateness, demoPartitions
	c.Rules.Dir = rules
	c.Control.Dir = filepath.Join(config.DataDir, "control.d")
	if err := os.MkdirAll(c.Control.Dir, 0o750); err != nil {
		return fmt.Errorf("create the folder of commands: %w", err)
	}
	c.Control.Actions.SendLimit.Enabled, c.Control.Actions.SendLimit.AtMostPerHour = true, demoActionsPerHour // in shadow, as they are unless somebody says otherwise
	c.ClickHouse.DSN = h.clickhouseURL + "/default"
	c.Alertmanager = pipeline.AlertmanagerConfig{URLs: []string{h.alertmanager.URL()}, ExternalURL: h.statusURL, ResendDelay: demoResend}
	c.HTTP.Addr = addr
	c.Collect.Clusters = []pipeline.ClusterConfig{{Name: "demo", Env: "demo", System: "kafka", Brokers: h.broker.Addrs(), Canary: pipeline.CanaryConfig{Enabled: true}}}
	if err := c.Validate(); err != nil {
		return err
	}
	h.config, h.configFile = c, filepath.Join(config.DataDir, "weir.yaml")
	if err := writeConfig(h.configFile, c); err != nil {
		return err
	}
	h.pipeline, err = pipeline.New(c, slog.New(slog.NewTextHandler(logs, nil)))
	if err != nil {
		return err
	}
	// The signal ends the story; the pipeline ends after it, when all is told.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- h.pipeline.Run(running) }()
	h.closers = append(h.closers, func() error { cancel(); return <-done })
	return h.awaitReady(ctx)
}

// readyTimeout bounds the pipeline's start. Not smaller: migrations and topics take
// seconds on a cold machine; not larger: people should hear of a fault.
const readyTimeout = time.Minute

func (h *house) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !h.pipeline.Status().Ready {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the pipeline: %w; its stages: %+v", ctx.Err(), h.pipeline.Status().Stages)
		case <-ticker.C:
		}
	}
	return nil
}

// close stops all parts, the newest first.
func (h *house) close() error {
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i]())
	}
	h.closers = nil
	return errors.Join(errs...)
}

// copyRules puts the demo's rules into a folder where people may edit them; files
// that are there stay.
func copyRules(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("create the folder of rules: %w", err)
	}
	return fs.WalkDir(deploy.Rules, "rules.d", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		target := filepath.Join(dir, entry.Name())
		if _, err := os.Stat(target); err == nil {
			return nil
		}
		text, err := deploy.Rules.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read the demo's rules: %w", err)
		}
		return os.WriteFile(target, text, 0o640)
	})
}

// freeAddr is the address that a flag gives, port 0 replaced by a free port. The error
// says that nobody can listen there.
func freeAddr(flag, addr string) (string, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", fmt.Errorf("port %s of %s is taken by another process: give another, or 0 for a free one", addr[strings.LastIndexByte(addr, ':')+1:], flag)
	}
	if err != nil {
		return "", fmt.Errorf("listen on the address of %s: %w; give host:port of this machine, such as 127.0.0.1:0 for a free port", flag, err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
