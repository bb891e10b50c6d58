// Package webhook receives what Alertmanager sends, in the place of a chat.
package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Bounds of a receiver.
const (
	// MaxNotifications are kept; older ones are forgotten. Not smaller: a long demo has hundreds; not larger: it is
	// memory.
	MaxNotifications = 10_000
	// maxBodyBytes bounds one post. Not smaller: groups of a thousand alerts; not larger: nothing honest needs it.
	maxBodyBytes = 8 << 20
	// closeTimeout bounds the last answers. Not smaller: Alertmanager may be posting; not larger: a stop waits for it.
	closeTimeout = 2 * time.Second
)

// Notification is one alert in one post.
type Notification struct {
	Status           string            `json:"status"` // firing or resolved
	Labels           map[string]string `json:"labels"`
	Annotations      map[string]string `json:"annotations"`
	StartsAt, EndsAt time.Time
	GeneratorURL     string `json:"generatorURL"`
	Fingerprint      string `json:"fingerprint"`
	ReceivedAt       time.Time
}

// Receiver listens and remembers. Its methods may be called from any goroutine.
type Receiver struct {
	server *http.Server
	addr   string
	done   chan error

	mu       sync.Mutex
	received []Notification
}

// Listen starts a receiver; port 0 is any free port.
func Listen(addr string) (*Receiver, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for notifications: %w", err)
	}
	r := &Receiver{addr: listener.Addr().String(), done: make(chan error, 1)}
	r.server = &http.Server{Handler: http.HandlerFunc(r.receive), ReadHeaderTimeout: closeTimeout}
	go func() { r.done <- r.server.Serve(listener) }()
	return r, nil
}

// URL is where Alertmanager posts.
func (r *Receiver) URL() string { return "http://" + r.addr + "/" }

// Notifications returns all that were received, the oldest first.
func (r *Receiver) Notifications() []Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.received)
	for i := range out {
		out[i].Labels, out[i].Annotations = maps.Clone(out[i].Labels), maps.Clone(out[i].Annotations)
	}
	return out
}

// Close stops listening.
func (r *Receiver) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := r.server.Shutdown(ctx)
	<-r.done
	if err != nil {
		return fmt.Errorf("stop the receiver of notifications: %w", err)
	}
	return nil
}

func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) {
	var post struct {
		Alerts []Notification `json:"alerts"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, request.Body, maxBodyBytes)).Decode(&post); err != nil {
		http.Error(w, "want Alertmanager's webhook JSON: "+err.Error(), http.StatusBadRequest)
		return
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range post.Alerts {
		n.ReceivedAt = now
		r.received = append(r.received, n)
	}
	if surplus := len(r.received) - MaxNotifications; surplus > 0 {
		r.received = slices.Delete(r.received, 0, surplus)
	}
}
