package main

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// receiver is an Alertmanager that notes when it first hears of each client.
type receiver struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	now := time.Now()
	var alerts []struct {
		Labels map[string]string `json:"labels"`
	}
	_ = json.NewDecoder(request.Body).Decode(&alerts) // alerts that are not understood are missed, and that is an error
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, alert := range alerts {
		if client := alert.Labels["client"]; r.at[client].IsZero() {
			r.at[client] = now
		}
	}
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.at)
}

// took is the milliseconds of those that began at some times and were heard of.
func (r *receiver) took(began map[string]time.Time) []float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []float64
	for client, at := range began {
		if heard := r.at[client]; !heard.IsZero() {
			out = append(out, float64(heard.Sub(at).Microseconds())/1000)
		}
	}
	return out
}
