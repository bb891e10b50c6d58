package child

import (
	"bytes"
	"sync"
)

// Output keeps what processes print, as their Stdout and Stderr at once, to show it where something fails. It is not bounded: it is for tests.
// Its methods may be called from any goroutine; the zero value is empty.
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

// String is all that was printed so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
