package control

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// preset is implemented by values whose fields have defaults other than zero.
type preset interface{ preset() }

func (l *SendLimit) preset() { l.ColdFactor, l.RampSeconds = DefaultColdFactor, DefaultRampSeconds }
func (r *Release) preset()   { r.RampSeconds = DefaultReleaseSeconds }
func (c *Command) preset()   { c.Percent = 100 }

// strict reads JSON into what target points at, and names all that does not fit. A field that is not known is a fault, since it may narrow the scope, as
// are one that is there twice, one in other letters, and null: encoding/json takes them all.
func strict(value []byte, target any) Faults {
	var faults Faults
	if !utf8.Valid(value) {
		faults.add("", "not UTF-8")
		return faults
	}
	if !json.Valid(value) {
		var raw json.RawMessage
		faults.add("", "not JSON: %v", json.Unmarshal(value, &raw))
		return faults
	}
	strictValue(value, reflect.ValueOf(target).Elem(), "", &faults)
	return faults
}

var timeType = reflect.TypeFor[time.Time]()

func strictValue(value []byte, target reflect.Value, path string, faults *Faults) {
	value = bytes.TrimSpace(value)
	if bytes.Equal(value, []byte("null")) {
		faults.add(path, "got null: write a value, {} for one without fields, or leave it out")
		return
	}
	switch {
	case target.Kind() == reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		strictValue(value, target.Elem(), path, faults)
	case target.Kind() == reflect.Struct && target.Type() != timeType:
		if p, ok := target.Addr().Interface().(preset); ok {
			p.preset()
		}
		strictObject(value, target, path, faults)
	case target.Kind() == reflect.Slice:
		strictList(value, target, path, faults)
	case json.Unmarshal(value, target.Addr().Interface()) != nil:
		faults.add(path, "got %s, want %s", shown(value), wanted(target.Type()))
	}
}

func strictObject(value []byte, target reflect.Value, path string, faults *Faults) {
	if value[0] != '{' {
		faults.add(path, "got %s, want an object", shown(value))
		return
	}
	names := fieldNames(target.Type())
	given := make([]bool, len(names))
	decoder := json.NewDecoder(bytes.NewReader(value))
	_, _ = decoder.Token() // the brace; all of it is valid JSON
	for decoder.More() {
		token, _ := decoder.Token()
		name, _ := token.(string)
		var field json.RawMessage
		if decoder.Decode(&field) != nil {
			return
		}
		at, below := slices.Index(names, name), strings.TrimPrefix(path+"."+name, ".")
		switch {
		case at < 0 && len(names) == 0:
			faults.add(below, "unknown field; none is allowed")
		case at < 0:
			*faults = append(*faults, Fault{below, "unknown field; allowed are " + strings.Join(names, ", "), names})
		case given[at]:
			faults.add(below, "given twice")
		default:
			given[at] = true
			strictValue(field, target.Field(at), below, faults)
		}
	}
}

func strictList(value []byte, target reflect.Value, path string, faults *Faults) {
	var items []json.RawMessage
	if json.Unmarshal(value, &items) != nil {
		faults.add(path, "got %s, want a list", shown(value))
		return
	}
	list := reflect.MakeSlice(target.Type(), len(items), len(items))
	for i, item := range items {
		strictValue(item, list.Index(i), path+"["+strconv.Itoa(i)+"]", faults)
	}
	target.Set(list)
}

// fieldNames are the names of a struct's fields in JSON, in their order.
func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}

// maxShownBytes is how much of a wrong value an error repeats. Not larger: it stands in a line with others.
const maxShownBytes = 60

func shown(value []byte) string {
	if len(value) > maxShownBytes {
		return strings.ToValidUTF8(string(value[:maxShownBytes]), "") + "…"
	}
	return string(value)
}

func wanted(t reflect.Type) string {
	switch {
	case t == timeType:
		return "a time as RFC 3339 has it, such as 2026-11-27T18:00:00Z"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.String:
		return "a text"
	}
	return "a whole number"
}
