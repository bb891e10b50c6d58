package pipeline

import (
	"fmt"
	"net/url"
	"reflect"

	"go.yaml.in/yaml/v3"
)

const masked = "********"

// MaskedYAML is the effective configuration as YAML, secrets masked.
func (c Config) MaskedYAML() ([]byte, error) {
	err := eachField(reflect.ValueOf(&c).Elem(), "WEIR", func(_ string, field reflect.Value, secret string) error {
		switch {
		case secret == "true" && field.String() != "":
			field.SetString(masked)
		case secret == "dsn" && field.Kind() == reflect.Slice:
			var urls []string
			for i := range field.Len() {
				urls = append(urls, maskDSN(field.Index(i).String()))
			}
			field.Set(reflect.ValueOf(urls))
		case secret == "dsn":
			field.SetString(maskDSN(field.String()))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	return text, nil
}

// maskDSN hides the password of a DSN, in its user part and in its query.
func maskDSN(dsn string) string {
	parsed, err := url.Parse(dsn)
	if err != nil {
		return masked
	}
	if _, has := parsed.User.Password(); has {
		parsed.User = url.UserPassword(parsed.User.Username(), masked)
	}
	query := parsed.Query()
	if query.Has("password") {
		query.Set("password", masked)
		parsed.RawQuery = query.Encode()
	}
	return parsed.String()
}
