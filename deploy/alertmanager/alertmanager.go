// Package alertmanager runs Alertmanager as a child process with one route to one webhook.
package alertmanager

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/deploy/child"
)

// Timing of the route. Seconds, as people watch; production has tens of seconds and minutes.
const (
	groupWait      = time.Second
	groupInterval  = time.Second
	repeatInterval = time.Hour
)

// Config says what to run.
type Config struct {
	Executable string // path of alertmanager
	Addr       string // host:port of its web interface and API
	DataDir    string // its folder, created where it is missing
	WebhookURL string // gets every notification, resolved ones too
	LogWriter  io.Writer
}

// Server is a running Alertmanager.
type Server struct {
	addr string
	*child.Child
}

// Start writes the configuration and returns when Alertmanager is ready.
func Start(ctx context.Context, config Config) (*Server, error) {
	if err := os.MkdirAll(config.DataDir, 0o750); err != nil {
		return nil, fmt.Errorf("create Alertmanager's folder: %w", err)
	}
	text, err := yaml.Marshal(route(config.WebhookURL))
	if err != nil {
		return nil, fmt.Errorf("write Alertmanager's configuration: %w", err)
	}
	path := filepath.Join(config.DataDir, "alertmanager.yml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, fmt.Errorf("write Alertmanager's configuration: %w", err)
	}
	running, err := child.Start(ctx, child.Config{Executable: config.Executable, LogWriter: config.LogWriter,
		ReadyURL: "http://" + config.Addr + "/-/ready",
		Args: []string{"--config.file=" + path, "--storage.path=" + filepath.Join(config.DataDir, "data"),
			"--web.listen-address=" + config.Addr, "--cluster.listen-address="}})
	if err != nil {
		return nil, err
	}
	return &Server{addr: config.Addr, Child: running}, nil
}

// URL is the base of the web interface and the API.
func (s *Server) URL() string { return "http://" + s.addr }

// route sends every alert by itself to the webhook.
func route(webhookURL string) map[string]any {
	return map[string]any{
		"route": map[string]any{"receiver": "chat", "group_by": []string{"..."}, "group_wait": groupWait.String(),
			"group_interval": groupInterval.String(), "repeat_interval": repeatInterval.String()},
		"receivers": []any{map[string]any{"name": "chat",
			"webhook_configs": []any{map[string]any{"url": webhookURL, "send_resolved": true}}}},
	}
}
