package proof

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/weirmq/weir/deploy/grafana"
)

// cell is a value as its column shows it, and its colour.
func cell(panel *grafana.Panel, c Column, value any) (word, colour string) {
	word, colour = fmt.Sprint(value), colours["text"]
	amount, isNumber := number(value)
	if value == nil {
		return panel.FieldConfig.Defaults.NoValue, "#6E7278"
	}
	if isNumber {
		word = Format("short", amount)
	}
	if _, clock, is := strings.Cut(word, " "); is && timeType.MatchString(c.Type) {
		word = clock // the day is that of all
	}
	for _, o := range panel.FieldConfig.Overrides {
		if o.Matcher.Options != c.Name {
			continue
		}
		for _, property := range o.Properties {
			switch property.ID {
			case "unit":
				if isNumber {
					word = Format(fmt.Sprint(property.Value), amount)
				}
			case "thresholds":
				if isNumber {
					colour = colourOf(decode[grafana.Thresholds](property.Value), amount)
				}
			case "mappings":
				colour = colours[wordColour(property.Value, fmt.Sprint(value))]
			}
		}
	}
	return word, colour
}

// decode reads what a property holds as its type.
func decode[T any](value any) *T {
	var out T
	text, err := json.Marshal(value)
	if err != nil || json.Unmarshal(text, &out) != nil {
		return nil
	}
	return &out
}

func wordColour(mappings any, value string) string {
	list, _ := mappings.([]any)
	for _, each := range list {
		mapping, _ := each.(map[string]any)
		options, _ := mapping["options"].(map[string]any)
		option, _ := options[value].(map[string]any)
		if colour, _ := option["color"].(string); colour != "" {
			return colour
		}
	}
	return "text"
}

func colourOf(t *grafana.Thresholds, value float64) string {
	colour := "text"
	if t != nil {
		for _, step := range t.Steps {
			if step.Value == nil || value >= *step.Value {
				colour = step.Color
			}
		}
	}
	return colours[colour]
}

func clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:max(most-1, 1)]) + "…"
	}
	return text
}

// Format is a value in one of Grafana's units, with three digits.
func Format(unit string, value float64) string {
	scaled := func(by float64, units ...string) string {
		i := 0
		for math.Abs(value) >= by && i < len(units)-1 {
			value /= by
			i++
		}
		return digits(value) + units[i]
	}
	switch unit {
	case "percentunit":
		return digits(100*value) + "%"
	case "bytes":
		return scaled(1024, " B", " KiB", " MiB", " GiB", " TiB")
	case "binBps":
		return scaled(1024, " B/s", " KiB/s", " MiB/s", " GiB/s")
	case "cps":
		return scaled(1000, " c/s", "K c/s", "M c/s")
	case "ms":
		return scaled(1000, " ms", " s")
	case "s":
		switch {
		case value != 0 && math.Abs(value) < 1:
			return digits(1000*value) + " ms"
		case value >= 86400:
			return digits(value/86400) + " d"
		case value >= 3600:
			return digits(value/3600) + " h"
		case value >= 60:
			return digits(value/60) + " min"
		}
		return digits(value) + " s"
	case "none":
		return digits(value)
	}
	return scaled(1000, "", " K", " M", " Bil")
}

// digits is a number with about three digits.
func digits(value float64) string {
	switch {
	case value == math.Trunc(value) || math.Abs(value) >= 100:
		return fmt.Sprintf("%.0f", value)
	case math.Abs(value) >= 10:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.2f", value)
}
