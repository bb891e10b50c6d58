package pipeline

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const masked = "********"

// MaskedYAML is the effective configuration as YAML, secrets masked.
func (c Config) MaskedYAML() ([]byte, error) {
	c.Collect.Clusters = slices.Clone(c.Collect.Clusters) // not the caller's
	err := eachField(reflect.ValueOf(&c).Elem(), "", func(_ string, field reflect.Value, secret string) error {
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

// secretParameters are parts of the names of a DSN's parameters whose values are hidden.
var secretParameters = []string{"password", "token", "secret"}

// maskDSN hides the password of a DSN, in its user part and in its query. What it cannot
// take apart it hides whole.
func maskDSN(dsn string) string {
	if dsn == "" {
		return ""
	}
	parsed, err := url.Parse(dsn)
	if err != nil || parsed.Host == "" {
		return masked
	}
	if _, has := parsed.User.Password(); has {
		parsed.User = url.UserPassword(parsed.User.Username(), masked)
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return masked
	}
	for name := range query {
		if slices.ContainsFunc(secretParameters, func(part string) bool { return strings.Contains(strings.ToLower(name), part) }) {
			query.Set(name, masked)
			parsed.RawQuery = query.Encode()
		}
	}
	return strings.ReplaceAll(parsed.String(), url.QueryEscape(masked), masked) // readable
}
