package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// rivalSink takes what vmagent writes and adds it up by window.
type rivalSink struct {
	addr     string
	interval time.Duration
	series   map[string]int32 // by encoded labels
	zstd     *zstd.Decoder
	changed  chan struct{} // holds one where something came

	mu     sync.Mutex
	begins time.Time // of the first window
	totals *totals
	name   []byte
	err    error
}

// listen serves the sink on a port of its own until the returned listener is closed.
func (s *rivalSink) listen() (net.Listener, error) {
	var err error
	if s.zstd, err = zstd.NewReader(nil); err != nil {
		return nil, fmt.Errorf("prepare decompression: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for vmagent: %w", err)
	}
	s.addr, s.changed, s.totals = listener.Addr().String(), make(chan struct{}, 1), newTotals()
	go func() { _ = http.Serve(listener, s) }() // until it is closed
	return listener, nil
}

// ServeHTTP takes one request of remote write.
func (s *rivalSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		if r.Header.Get("Content-Encoding") == "zstd" {
			body, err = s.zstd.DecodeAll(body, nil)
		} else {
			body, err = snappy.Decode(nil, body)
		}
	}
	s.mu.Lock()
	if err == nil {
		err = eachSeries(body, s.add)
	}
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	w.WriteHeader(http.StatusNoContent)
}

// add adds one total. Its time is when vmagent's window ended. Its name is
// "metric:interval_output".
func (s *rivalSink) add(one *series) error {
	series, ok := s.series[string(one.labels)]
	if !ok {
		return fmt.Errorf("vmagent wrote a series that it was not sent: %q", one.labels)
	}
	metric, rest, _ := bytes.Cut(one.metric, []byte(":"))
	_, output, ok := bytes.Cut(rest, []byte("_"))
	if !ok {
		return fmt.Errorf("vmagent wrote a metric %q, want an aggregated one", one.metric)
	}
	s.name = append(append(append(append(s.name[:0], metric...), ' '), output...), ' ')
	if string(output) != outputHistogram { // whose buckets are vmagent's own: they are added up
		s.name = append(s.name, one.bucket...)
	}
	window := time.UnixMilli(one.unixMillis).Sub(s.begins)/s.interval - 1
	s.totals.add(totalKey{series, s.totals.metric(s.name), int32(window)}, one.value)
	return nil
}

// sum is that of all values that came.
func (s *rivalSink) sum() (float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals.sum, s.err
}

// compare says where what came differs from want.
func (s *rivalSink) compare(want *totals) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return want.differs(s.totals)
}
