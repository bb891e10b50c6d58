package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// overrideFromEnvironment sets the field at path a.b from WEIR_A_B; lists are comma-separated.
func overrideFromEnvironment(config *Config, environ []string) error {
	values := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, "WEIR_") {
			values[name] = value
		}
	}
	return eachField(reflect.ValueOf(config).Elem(), "WEIR", func(name string, field reflect.Value, _ string) error {
		value, ok := values[name]
		if !ok {
			return nil
		}
		if err := setField(field, value); err != nil {
			return fmt.Errorf("environment variable %s: got %q: %w", name, value, err)
		}
		return nil
	})
}

func eachField(v reflect.Value, prefix string, visit func(name string, field reflect.Value, secret string) error) error {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name := prefix + "_" + strings.ToUpper(tag.Get("yaml"))
		if v.Field(i).Kind() == reflect.Struct {
			if err := eachField(v.Field(i), name, visit); err != nil {
				return err
			}
			continue
		}
		if err := visit(name, v.Field(i), tag.Get("secret")); err != nil {
			return err
		}
	}
	return nil
}

func setField(field reflect.Value, value string) error {
	switch field.Interface().(type) {
	case string:
		field.SetString(value)
	case []string:
		field.Set(reflect.ValueOf(strings.Split(value, ",")))
	case time.Duration:
		d, err := time.ParseDuration(value)
		if err != nil {
			return errors.New("want a duration such as 10s")
		}
		field.SetInt(int64(d))
	case bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("want true or false")
		}
		field.SetBool(b)
	case int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return errors.New("want a whole number")
		}
		field.SetInt(int64(n))
	}
	return nil
}
