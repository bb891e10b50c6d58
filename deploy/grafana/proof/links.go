package proof

import (
	"regexp"
	"slices"
	"strings"

	"github.com/weirmq/weir/deploy/grafana"
)

var linkTarget = regexp.MustCompile(`^/d/([a-z-]+)\?(.*)$`)

// checkMenu holds that the head leads to dashboards that are there, and keeps what is chosen.
func checkMenu(d *grafana.Dashboard, tags []string) []error {
	f := &faults{where: d.UID}
	for _, link := range d.Links {
		if link.Type != "dashboards" {
			f.add("the link %q is of type %q, none of those that are used", link.Title, link.Type)
			continue
		}
		if !link.IncludeVars || !link.KeepTime {
			f.add("the link %q loses the variables or the time", link.Title)
		}
		if len(link.Tags) == 0 || slices.ContainsFunc(link.Tags, func(tag string) bool { return !slices.Contains(tags, tag) }) {
			f.add("the link %q leads to dashboards with the tags %v, which there are not", link.Title, link.Tags)
		}
	}
	return f.found
}

// checkLinks holds that links lead to a dashboard that is there, keep the time, and set variables that it has.
func checkLinks(links []grafana.Link, d *grafana.Dashboard, variables map[string][]string, f *faults) {
	for _, link := range links {
		match := linkTarget.FindStringSubmatch(link.URL)
		if match == nil || link.Title == "" {
			f.add("the link %q to %q leads to no dashboard", link.Title, link.URL)
			continue
		}
		there := variables[match[1]]
		if there == nil {
			f.add("the link %q leads to the dashboard %q, which there is not", link.Title, match[1])
		}
		if !strings.Contains(match[2], "${__url_time_range}") {
			f.add("the link %q loses the time", link.Title)
		}
		checkReferences(match[2], variables[d.UID], f)
		for _, name := range linkVariable.FindAllStringSubmatch(match[2], -1) {
			if !slices.Contains(there, name[1]+name[2]) {
				f.add("the link %q sets the variable %q, which %s has not", link.Title, name[1]+name[2], match[1])
			}
		}
	}
}

var linkVariable = regexp.MustCompile(`var-(\w+)=|\$\{(\w+):queryparam\}`)
