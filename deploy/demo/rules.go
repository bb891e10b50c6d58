// Package demo holds the rules of the demo's story.
package demo

import "embed"

// Rules is the folder rules.d: the shipped language, scaled to a laptop and panes of one second.
//
//go:embed rules.d/*.yaml
var Rules embed.FS
