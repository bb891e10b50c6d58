package weir

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/boundedfile"
)

// fileInterval is how often a file of routes is looked at. Not shorter: it is read each time; not longer:
// who changes it waits to see it work.
const fileInterval = time.Second

// maxFileBytes bounds a file of routes. Not smaller: a fleet has thousands; not larger: it is kept in memory.
const maxFileBytes = 16 << 20

// File is a directory in a file of JSON, which is read again when it changes:
//
//	{"routes": [{"id": "orders.created", "system": "kafka", "cluster": "orders-kafka", "endpoints": ["k1:9092"], "topic": "orders"}]}
//
// A file that cannot be read, or has one route that is not valid, changes nothing; Err says so. Fields are written in these letters, and none is there twice or null.
type File struct {
	*table
	path string
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	text []byte // that was read last
	err  error
}

// OpenFile reads a file of routes and goes on looking at it until Close. The error says why it cannot be used.
func OpenFile(path string) (*File, error) {
	f := &File{table: newTable(), path: path}
	if f.read(); f.Err() != nil {
		return nil, f.Err()
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.done.Go(func() { f.watch(ctx) })
	return f, nil
}

// Err says why the file as it is now is not used; nil where it is.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Close stops looking at the file.
func (f *File) Close() {
	f.stop()
	f.done.Wait()
}

func (f *File) watch(ctx context.Context) {
	ticker := time.NewTicker(fileInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.read()
		}
	}
}

// read takes over the file where it has changed.
func (f *File) read() {
	text, err := boundedfile.Read(f.path, maxFileBytes)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && f.text != nil && bytes.Equal(text, f.text) {
		return
	}
	var routes []Route
	if err == nil {
		f.text = text
		routes, err = parseRoutes(text)
	}
	if err != nil {
		f.text = nil
		f.err = fmt.Errorf("read routes from %s: %w", f.path, err)
		return
	}
	f.err = nil
	f.replace(routes)
}

// decodeRoutes reads the list of routes, no more than control.MaxRoutes, each as strictly as a record of weir.control.
func decodeRoutes(text []byte) ([]Route, error) {
	values, err := decodeList[json.RawMessage](text, control.MaxRoutes)
	if err != nil {
		return nil, err
	}
	routes, errs := make([]Route, len(values)), []error(nil)
	for i, value := range values {
		route, faults, err := control.DecodeRoute(value)
		if err == nil && len(faults) > 0 {
			err = faults
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("entry %d: %w", i+1, err))
		}
		routes[i] = route
	}
	return routes, errors.Join(errs...)
}

// decodeList reads a list of JSON, and no more than so many elements of it: small ones take many times as much memory as text.
func decodeList[T any](text []byte, most int) ([]T, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	switch opening, err := decoder.Token(); {
	case err != nil:
		return nil, err
	case opening == nil: // null
		return nil, nil
	case opening != json.Delim('['):
		return nil, fmt.Errorf("it begins with %v: want a list", opening)
	}
	var list []T
	for decoder.More() {
		if len(list) == most {
			return nil, fmt.Errorf("it has more than %d entries, which is all that is allowed", most)
		}
		var one T
		if err := decoder.Decode(&one); err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(list)+1, err)
		}
		list = append(list, one)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("something follows the list")
	}
	return list, nil
}

// parseRoutes reads a file of routes. The error says everything that is wrong with it.
func parseRoutes(text []byte) ([]Route, error) {
	values, err := control.Lists(text, "routes", "commands") // commands are in the same file, for whoever obeys them
	if err != nil || values["routes"] == nil {
		return nil, err
	}
	routes, err := decodeRoutes(values["routes"])
	if err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	var errs []error
	seen := map[string]bool{}
	for i := range routes {
		r := &routes[i]
		r.Schema, r.Revision = cmp.Or(r.Schema, control.Schema), cmp.Or(r.Revision, 1) // files need not say
		errs = append(errs, r.Validate())
		if seen[r.Key()] {
			errs = append(errs, fmt.Errorf("route %q: there are two in env %q and lane %q", r.ID, r.Env, r.Lane))
		}
		seen[r.Key()] = true
	}
	return routes, errors.Join(errs...)
}
