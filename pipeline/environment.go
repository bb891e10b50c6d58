package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"
)

// otherVariables begin with WEIR_ and are no keys.
var otherVariables = []string{
	"WEIR_PARTS", // where the parts of the demo and the tests are
}

// serviceVariable is what Kubernetes gives every container for a service whose name
// begins with weir.
var serviceVariable = regexp.MustCompile(`^WEIR_(.+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)=|^WEIR_(.+_)?PORT=(tcp|udp|sctp)://`)

// overrideFromEnvironment sets the field at path a.b from WEIR_A_B; lists are
// comma-separated. A variable that sets nothing is an error: somebody believes it does.
func overrideFromEnvironment(config *Config, environ []string) error {
	values := map[string]string{}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if ok && strings.HasPrefix(name, "WEIR_") && !slices.Contains(otherVariables, name) && !serviceVariable.MatchString(entry) {
			values[name] = value
		}
	}
	var known []string
	err := eachField(reflect.ValueOf(config).Elem(), "", func(key string, field reflect.Value, _ string) error {
		name := variableOf(key)
		known = append(known, name)
		value, ok := values[name]
		if !ok {
			return nil
		}
		delete(values, name)
		if err := setField(field, value); err != nil {
			return fmt.Errorf("environment variable %s: %s: got %q, want %s", name, key, value, wanted(field))
		}
		return nil
	})
	errs := []error{err}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		errs = append(errs, fmt.Errorf("environment variable %s sets no key: %s", name, nearestVariable(name, known)))
	}
	return errors.Join(errs...)
}

// maxVariableDistance is how many letters a variable may be off to be suggested. Not
// smaller: a forgotten plural and a swap are three; not larger: another key would match.
const maxVariableDistance = 4

// nearestVariable says which variable may have been meant.
func nearestVariable(name string, known []string) string {
	best, distance := "", maxVariableDistance+1
	for _, candidate := range known {
		if d := levenshtein.Distance(name, candidate, nil); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return "a variable is WEIR_ and a key's path, such as WEIR_KAFKA_BROKERS; unset it, or write it so"
	}
	return "did you mean " + best + "?"
}

// variableOf is the variable that overrides a key.
func variableOf(key string) string {
	return "WEIR_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// eachField visits the fields with their keys, such as kafka.brokers, below a prefix
// that ends with a point where it is not empty. Sections of a list are numbered from 0 on, as
// in collect.clusters.0.name.
func eachField(v reflect.Value, prefix string, visit func(key string, field reflect.Value, secret string) error) error {
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() { // no key
			continue
		}
		tag := v.Type().Field(i).Tag
		key := prefix + tag.Get("yaml")
		if section := v.Field(i); section.Kind() == reflect.Struct {
			if err := eachField(section, key+".", visit); err != nil {
				return err
			}
			continue
		} else if section.Kind() == reflect.Slice && section.Type().Elem().Kind() == reflect.Struct {
			for at := range section.Len() {
				if err := eachField(section.Index(at), fmt.Sprintf("%s.%d.", key, at), visit); err != nil {
					return err
				}
			}
			continue
		}
		if err := visit(key, v.Field(i), tag.Get("secret")); err != nil {
			return err
		}
	}
	return nil
}

// setField sets a field from the text of a variable. The error says only that the text
// is of another type.
func setField(field reflect.Value, value string) error {
	switch field.Interface().(type) {
	case string:
		field.SetString(value)
	case []string:
		items := []string{} // none where the variable is empty
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		field.Set(reflect.ValueOf(items))
	case time.Duration:
		d, err := time.ParseDuration(value)
		if err != nil {
			return err
		}
		field.SetInt(int64(d))
	case bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return err
		}
		field.SetBool(b)
	case int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return err
		}
		field.SetInt(int64(n))
	}
	return nil
}
