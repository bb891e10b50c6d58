package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Lists reads a file that is one object of lists, each by a name that is allowed. It has each once, in these letters: encoding/json would take the last of several, any
// letters, and null for one that is not there.
func Lists(text []byte, allowed ...string) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if opening, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w; write an object, {%q: [...]}", err, allowed[0])
	} else if opening != json.Delim('{') {
		return nil, fmt.Errorf("it begins with %v: want an object, {%q: [...]}", opening, allowed[0])
	}
	lists := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		var list json.RawMessage
		if err := decoder.Decode(&list); err != nil {
			return nil, err
		}
		switch {
		case !slices.Contains(allowed, name):
			return nil, fmt.Errorf("unknown field %q: allowed are %s, in these letters; correct it, or leave it out", name, strings.Join(allowed, " and "))
		case lists[name] != nil:
			return nil, fmt.Errorf("field %q is there twice: keep one of them", name)
		case list[0] != '[':
			return nil, fmt.Errorf("field %q is %s: leave it out, or give a list", name, shown(list))
		default:
			lists[name] = list
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	end := decoder.InputOffset()
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("there is more behind its object, which ends at byte %d: have one object", end)
	}
	return lists, nil
}
