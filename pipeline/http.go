package pipeline

import (
	"bytes"
	"context"
	"crypto/tls"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

//go:embed status.html alert.html noalert.html history.html control.html
var pages embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"clock": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2006-01-02 15:04:05Z")
	},
	"decimal": decimal,
	"percent": func(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) },
	"millis": func(seconds float64) string {
		if seconds == 0 {
			return "–"
		}
		return decimal(3, 1000*seconds) + " ms"
	},
}).ParseFS(pages, "*.html"))

// decimal is a number with at least so many digits where it has them, never as a power
// of ten: people compare it with a threshold.
func decimal(digits int, v float64) string {
	if math.Abs(v) >= math.Pow10(digits) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64) // it is a number
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// Bounds of the HTTP server. Not smaller: a slow link needs seconds; not larger: an
// idle or slow peer must not hold a connection.
const (
	readHeaderTimeout = 5 * time.Second
	requestTimeout    = 30 * time.Second
	maxHeaderBytes    = 64 << 10
)

// listen opens the address of the HTTP server, with TLS where it is configured.
func (p *Pipeline) listen() (net.Listener, error) {
	var err error
	if p.token, err = p.config.HTTP.secret(); err != nil {
		return nil, err
	}
	secure, err := p.config.HTTP.tls()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", p.config.HTTP.Addr)
	if err != nil {
		return nil, fmt.Errorf("open http.addr: %w: choose another address or stop what uses it", err)
	}
	if address, ok := listener.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() && p.token == "" {
		p.log.Warn("the status page is open to the network: set http.token, or listen on 127.0.0.1", "addr", address)
	}
	if secure != nil {
		return tls.NewListener(listener, secure), nil
	}
	return listener, nil
}

// serve answers HTTP until ctx ends; the channel then gets the result.
func (p *Pipeline) serve(ctx context.Context, listener net.Listener) <-chan error {
	server := &http.Server{Handler: guard(p.token, p.Handler(), p.mayWriteControl), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: requestTimeout,
		WriteTimeout: requestTimeout, MaxHeaderBytes: maxHeaderBytes}
	done := make(chan error, 1)
	go func() {
		stop := context.AfterFunc(ctx, func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readHeaderTimeout)
			defer cancel()
			_ = server.Shutdown(ctx)
		})
		defer stop()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			done <- fmt.Errorf("serve HTTP: %w", err)
			return
		}
		done <- nil
	}()
	return done
}

// Handler returns Weir's HTTP interface: metrics, health, API and status page.
func (p *Pipeline) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		p.metrics.write(w)
	})
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "healthy") })
	mux.HandleFunc("GET /-/ready", p.serveReady)
	mux.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		other, err := p.Reload()
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		fmt.Fprintln(w, "reloaded")
		if len(other) > 0 {
			fmt.Fprintln(w, "restart Weir for what was changed of", strings.Join(other, ", "))
		}
	})
	mux.HandleFunc("GET /api/v1/status", asks(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.Status()) }))
	mux.HandleFunc("GET /api/v1/health", asks(p.serveHealth, "cluster", "kind", "name", "all"))
	mux.HandleFunc("GET /api/v1/find", asks(p.serveFind, "id", "from", "to"))
	p.handleControl(mux)
	mux.HandleFunc("GET /api/v1/alerts", asks(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"alerts": p.alerts.list()})
	}))
	mux.HandleFunc("GET /api/v1/alerts/{id}", asks(func(w http.ResponseWriter, r *http.Request) {
		alert, found := p.findAlert(r.PathValue("id"))
		if !found {
			http.Error(w, "this process has no such alert", http.StatusNotFound)
			return
		}
		writeJSON(w, p.explained(&alert))
	}))
	mux.HandleFunc("GET /api/v1/rules", asks(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"rules": p.alerts.ruleHealth(), "loaded": p.rules.status()})
	}))
	mux.HandleFunc("GET /alerts/{id}", p.serveAlert)
	mux.HandleFunc("GET /control", p.serveControlPage)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		render(w, http.StatusOK, "status.html", map[string]any{"Status": p.Status(), "Alerts": p.alerts.list(), "Rules": p.alerts.ruleHealth(), "Health": p.Health(),
			"Control": p.viewControl(r.Context())})
	})
	return mux
}

// Status is how the process is.
func (p *Pipeline) Status() Status {
	stages, sources := p.status.snapshot(p.metrics)
	out := Status{Version: Version, Started: p.started, Ready: p.ready(stages), Kafka: p.kafka.status(), Memory: p.memory.status(), Stages: stages,
		Sources: sources, Rules: p.rules.status(), ThroughputSpanSeconds: rateSpan.Seconds(), WriteSpanSeconds: writeSpan.Seconds()}
	if notifier := p.notifier.Load(); notifier != nil {
		out.Alertmanagers = notifier.Status()
		showFailingInstances(stages, out.Alertmanagers)
	}
	return out
}

// ready says that every stage runs.
func (p *Pipeline) ready(stages []StageStatus) bool {
	for _, stage := range stages {
		if stage.State != stateRunning {
			return false
		}
	}
	return p.topics.Load() && len(stages) == len(p.config.Roles)
}

func (p *Pipeline) serveReady(w http.ResponseWriter, _ *http.Request) {
	status := p.Status()
	if status.Ready {
		fmt.Fprintln(w, "ready")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, stage := range status.Stages {
		fmt.Fprintf(w, "%s: %s %s\n", stage.Stage, stage.State, stage.Error)
	}
}

// serveAlert shows an alert that this process evaluates, or else has told Alertmanager
// of. Of others it says where they are.
func (p *Pipeline) serveAlert(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if alert, found := p.findAlert(id); found {
		render(w, http.StatusOK, "alert.html", p.explained(&alert))
		return
	}
	render(w, http.StatusNotFound, "noalert.html", map[string]any{"ID": id, "Known": alertID.MatchString(id), "Roles": p.config.Roles})
}

// findAlert finds an alert that this process evaluates, or has told Alertmanager of.
func (p *Pipeline) findAlert(id string) (telemetry.Alert, bool) {
	for _, alert := range p.alerts.list() {
		if alert.ID == id {
			return alert, true
		}
	}
	if told := p.told.Load(); told != nil {
		return told.find(id)
	}
	return telemetry.Alert{}, false
}

// alertID is what telemetry.Fingerprint returns.
var alertID = regexp.MustCompile(`^[0-9a-f]{16}$`)

func render(w http.ResponseWriter, code int, page string, data any) {
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, page, data); err != nil {
		http.Error(w, "render the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(code)
	_, _ = w.Write(text.Bytes()) // fails where the reader is gone
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // fails where the reader is gone
}

// Alerts lists the alerts of this process, firing ones first.
func (p *Pipeline) Alerts() []telemetry.Alert { return p.alerts.list() }
