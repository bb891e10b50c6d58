package rocketmq

import (
	"bytes"
	"io"
	"sync"
)

// watch passes on what a process prints and looks for a text in it.
type watch struct {
	to   io.Writer
	text []byte

	mu    sync.Mutex
	tail  []byte // the end of what was printed, shorter than the text
	found bool
}

func newWatch(to io.Writer, text string) *watch {
	if to == nil {
		to = io.Discard
	}
	return &watch{to: to, text: []byte(text)}
}

// Write passes p on.
func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tail = append(w.tail, p...)
	w.found = w.found || bytes.Contains(w.tail, w.text)
	w.tail = w.tail[max(0, len(w.tail)-len(w.text)+1):]
	return w.to.Write(p)
}

// seen says whether the text was printed.
func (w *watch) seen() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found
}
