package reported

import (
	"bytes"
	"sync"
)

// Output is what processes print. Its methods may be called from any goroutine.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write notes what is printed.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is all that was printed.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
