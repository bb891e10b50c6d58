package control

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with a command or a route: Path is where, as in scope.topic or partitions[2], "" for the whole.
type Fault struct {
	Path, Message string
	Known         []string // of a field that is not known: those that are
}

// String returns the path and what is wrong there.
func (f Fault) String() string {
	if f.Path == "" {
		return f.Message
	}
	return f.Path + ": " + f.Message
}

// Faults is everything wrong with one command or route.
type Faults []Fault

// Error lists all faults, one after the other.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i := range f {
		texts[i] = f[i].String()
	}
	return strings.Join(texts, "; ")
}

func (f *Faults) add(path, format string, args ...any) {
	*f = append(*f, Fault{Path: path, Message: fmt.Sprintf(format, args...)})
}

// err is nil where nothing is wrong.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
